// The options of the command line that say on which device a model runs, and how.
#pragma once

#include <string>

#include "options.h"

namespace fastflow {

// Set the option of this name if it is one of the device's; returns whether it is. Throws Error(kUsage).
bool SetDeviceOption(Options& options, const std::string& name, const std::string& value);

// Check that the options fit the device and each other, and give those that were left out the runtime's
// defaults. Throws Error(kUsage).
void CheckDeviceOptions(Options& options);

}  // namespace fastflow
