// The command line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "picture_options.h"

namespace fastflow {

enum class Device { kCpu, kAscend };

struct Options {
    std::string mindir_path;
    std::string dataset_path;
    std::string output_path;
    Device device = Device::kCpu;
    std::uint32_t device_id = 0;
    std::string precision;    // empty until `ParseOptions` has chosen the runtime's default
    std::string config_file;  // the runtime's own settings; empty: none
    // Of Ascend devices only; empty: the runtime's own choice.
    std::string op_select_implmode;
    std::string buffer_optimize;
    std::string aipp_config;
    int threads = 0;             // 0: as many as the runtime chooses
    std::size_t batch_size = 1;  // pictures per prediction, where the model leaves that open
    int warmup = 1;              // predictions before the measured ones
    PictureOptions pictures;
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
