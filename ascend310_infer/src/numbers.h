// Numbers on the command line.
#pragma once

#include <string>

namespace fastflow {

constexpr int kMostDevices = 4095;  // the highest number of a device

// A whole number from `least` to `most`. Throws Error(kUsage) that names the option.
int ParseNumber(const std::string& name, const std::string& text, int least, int most);

}  // namespace fastflow
