// The command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fastflow {

enum class Device { kCpu, kAscend };

struct Options {
    std::string mindir_path;
    std::string dataset_path;
    std::string output_path;
    Device device = Device::kCpu;
    std::uint32_t device_id = 0;
    std::string precision = "enforce_fp32";
    int threads = 0;  // 0: as many as the runtime chooses
    int warmup = 1;   // predictions before the measured ones
    bool help = false;
};

// Parse the arguments after the program's name, as `--name value` or `--name=value`.
// Throws Error(kUsage) on an unknown, repeated or missing option, and on a bad value.
Options ParseOptions(const std::vector<std::string>& arguments);

// The device's name as the command line has it.
const char* DeviceName(Device device);

// What --help prints.
std::string HelpText();

}  // namespace fastflow
