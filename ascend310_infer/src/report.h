// What the program reports at the end.
#pragma once

#include <string>
#include <vector>

#include "options.h"
#include "statistics.h"
#include "tensor_spec.h"

namespace fastflow {

// The lines for the terminal.
std::string ReportText(const Summary& summary, std::size_t batch);

// The content of timing.json: device, precision, figures, and every output's name and shape per picture.
// `more` are further entries, each with a comma before it.
std::string ReportJson(const Options& options, const Summary& summary, std::size_t batch,
                       const std::vector<PictureSpec>& outputs, const std::string& more = "");

}  // namespace fastflow
