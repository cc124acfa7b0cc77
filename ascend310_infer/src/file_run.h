// The run over .bin files that preprocess.py has made: outputs in, outputs out.
#pragma once

#include "options.h"

namespace fastflow {

// Compute the outputs of all pictures of --dataset_path into --output_path. Throws Error.
void RunOnFiles(const Options& options);

}  // namespace fastflow
