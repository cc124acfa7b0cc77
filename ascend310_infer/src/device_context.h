// What the runtime is told of the device, and what the user is told when it refuses a model there.
#pragma once

#include <memory>
#include <string>

#include "error.h"
#include "include/api/context.h"
#include "include/api/status.h"
#include "options.h"

namespace fastflow {

// The runtime's own message, on one line.
std::string Words(const mindspore::Status& status);

// The device and its settings. Throws Error(kUsage) or Error(kDevice) where this build's runtime lacks one.
std::shared_ptr<mindspore::Context> MakeContext(const Options& options);

// The error for a model that does not load or build: what the runtime said, what is missing on this machine,
// and where its own log is.
Error BuildError(const Options& options, const std::string& reason);

}  // namespace fastflow
