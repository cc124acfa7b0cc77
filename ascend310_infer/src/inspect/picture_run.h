// The run over plain pictures: verdicts out, as predict.py gives them.
#pragma once

#include "error.h"
#include "options.h"

namespace fastflow {

// Judge the pictures of --pictures into --output_path. Returns kSuccess, or kIncomplete where pictures could
// not be read. Throws Error.
Exit RunOnPictures(const Options& options);

}  // namespace fastflow
