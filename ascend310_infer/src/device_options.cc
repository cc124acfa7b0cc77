#include "device_options.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "error.h"

namespace fastflow {
namespace {

#ifdef FASTFLOW_MINDSPORE_1_8
// As the runner of 2022 had it: the convolutions of an Ascend 310 are float16 only, and those of a model that
// must keep float32 are not built there. What else it set, keeps the results near to float32's.
constexpr const char* kAscendPrecision = "preferred_fp32";
constexpr const char* kBufferOptimize = "off_optimize";
#else
constexpr const char* kAscendPrecision = "enforce_fp32";
constexpr const char* kBufferOptimize = "";
#endif
constexpr const char* kImplMode = "high_precision";

[[noreturn]] void FailUsage(const std::string& text) { throw Error(Exit::kUsage, text); }

const std::vector<std::string>& PrecisionsOf(Device device) {
    static const std::vector<std::string> cpu = {"enforce_fp32", "preferred_fp16"};
    static const std::vector<std::string> ascend = {"enforce_fp32", "preferred_fp32", "enforce_fp16",
                                                    "enforce_origin", "preferred_optimal"};
    return device == Device::kCpu ? cpu : ascend;
}

std::string Join(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

Device ParseDevice(const std::string& text) {
    if (text == "CPU") return Device::kCpu;
    if (text == "Ascend") return Device::kAscend;
    FailUsage("option --device, '" + text + "' is not known, choose CPU or Ascend");
}

void CheckChoice(const std::string& name, const std::string& value, const std::vector<std::string>& choices,
                 const std::string& where) {
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
        FailUsage("option " + name + ", '" + value + "' is not known" + where + ", choose one of " +
                  Join(choices));
    }
}

void CheckFile(const std::string& name, const std::string& file) {
    std::error_code ignored;  // a file that cannot be examined is none
    if (!file.empty() && !std::filesystem::is_regular_file(file, ignored)) {
        FailUsage("option " + name + ", " + file + " is no file, check the path");
    }
}

// Check the settings of Ascend devices, and give those that were left out their defaults.
void CheckAscend(Options& options) {
    const std::string three[] = {options.op_select_implmode, options.buffer_optimize, options.aipp_config};
    const char* const names[] = {"--op_select_implmode", "--buffer_optimize", "--aipp_config"};
    if (options.device == Device::kCpu) {
        for (std::size_t i = 0; i < std::size(three); ++i) {
            if (three[i].empty()) continue;
            FailUsage("option " + std::string(names[i]) + ", CPUs have no such setting, leave it out");
        }
        return;
    }
    if (options.op_select_implmode.empty()) options.op_select_implmode = kImplMode;
    if (options.buffer_optimize.empty()) options.buffer_optimize = kBufferOptimize;
    CheckChoice(names[0], options.op_select_implmode, {"high_precision", "high_performance"}, "");
    if (!options.buffer_optimize.empty()) {
        CheckChoice(names[1], options.buffer_optimize,
                    {"off_optimize", "l1_optimize", "l2_optimize", "l1_and_l2_optimize"}, "");
    }
    CheckFile(names[2], options.aipp_config);
}

}  // namespace

const char* DeviceName(Device device) { return device == Device::kCpu ? "CPU" : "Ascend"; }

bool SetDeviceOption(Options& options, const std::string& name, const std::string& value) {
    if (name == "--device") {
        options.device = ParseDevice(value);
        return true;
    }
    const std::pair<const char*, std::string*> texts[] = {
        {"--precision", &options.precision},
        {"--config_file", &options.config_file},
        {"--op_select_implmode", &options.op_select_implmode},
        {"--buffer_optimize", &options.buffer_optimize},
        {"--aipp_config", &options.aipp_config}};
    for (const auto& [known, target] : texts) {
        if (name != known) continue;
        if (value.empty()) FailUsage("option " + name + ", has no value, give one");
        *target = value;
        return true;
    }
    return false;
}

void CheckDeviceOptions(Options& options) {
    if (options.precision.empty()) {
        options.precision = options.device == Device::kCpu ? "enforce_fp32" : kAscendPrecision;
    }
    CheckChoice("--precision", options.precision, PrecisionsOf(options.device),
                std::string(" on ") + DeviceName(options.device));
    CheckFile("--config_file", options.config_file);
    CheckAscend(options);
}

}  // namespace fastflow
