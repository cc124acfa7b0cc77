#include "options.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <system_error>

#include "error.h"

namespace fastflow {
namespace {

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

int ParseNumber(const std::string& name, const std::string& text, int least, int most) {
    int number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, number);
    if (problem != std::errc() || stop != end || number < least || number > most) {
        FailUsage("option " + name + ", '" + text + "' is not a whole number from " + std::to_string(least) +
                  " to " + std::to_string(most) + ", give one");
    }
    return number;
}

Device ParseDevice(const std::string& text) {
    if (text == "CPU") return Device::kCpu;
    if (text == "Ascend") return Device::kAscend;
    FailUsage("option --device, '" + text + "' is not known, choose CPU or Ascend");
}

void SetOption(Options& options, const std::string& name, const std::string& value) {
    if (name == "--mindir_path") {
        options.mindir_path = value;
    } else if (name == "--dataset_path") {
        options.dataset_path = value;
    } else if (name == "--output_path") {
        options.output_path = value;
    } else if (name == "--device") {
        options.device = ParseDevice(value);
    } else if (name == "--device_id") {
        options.device_id = static_cast<std::uint32_t>(ParseNumber(name, value, 0, 4095));
    } else if (name == "--precision") {
        options.precision = value;
    } else if (name == "--threads") {
        options.threads = ParseNumber(name, value, 1, 1024);
    } else if (name == "--warmup") {
        options.warmup = ParseNumber(name, value, 0, 1000000);
    } else {
        FailUsage("option " + name + ", not known, see --help");
    }
}

void CheckComplete(const Options& options) {
    if (options.mindir_path.empty()) FailUsage("option --mindir_path, missing, give the model's file");
    if (options.dataset_path.empty()) FailUsage("option --dataset_path, missing, give the pictures' folder");
    if (options.output_path.empty())
        FailUsage("option --output_path, missing, give a folder for the results");
    const auto& precisions = PrecisionsOf(options.device);
    if (std::find(precisions.begin(), precisions.end(), options.precision) == precisions.end()) {
        FailUsage("option --precision, '" + options.precision + "' is not known on " +
                  DeviceName(options.device) + ", choose one of " + Join(precisions));
    }
}

}  // namespace

const char* DeviceName(Device device) { return device == Device::kCpu ? "CPU" : "Ascend"; }

Options ParseOptions(const std::vector<std::string>& arguments) {
    Options options;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (argument == "--help" || argument == "-h") {
            options.help = true;
            return options;
        }
        if (argument.rfind("--", 0) != 0) {
            FailUsage("argument '" + argument + "', not an option, see --help");
        }
        const std::size_t equals = argument.find('=');
        const std::string name = argument.substr(0, equals);
        if (!seen.insert(name).second) FailUsage("option " + name + ", given twice, give it once");
        std::string value;
        if (equals != std::string::npos) {
            value = argument.substr(equals + 1);
        } else if (i + 1 < arguments.size()) {
            value = arguments[++i];
        } else {
            FailUsage("option " + name + ", has no value, give one or see --help");
        }
        SetOption(options, name, value);
    }
    CheckComplete(options);
    return options;
}

std::string HelpText() {
    return R"(usage: fastflow_infer --mindir_path FILE --dataset_path DIR --output_path DIR [options]

Runs a FastFlow MindIR on pictures that preprocess.py has made into .bin files.

  --mindir_path FILE   the model: one float32 input (N,C,H,W), float32 outputs whose first dimension is N
  --dataset_path DIR   one file NAME.bin per picture: C*H*W little-endian float32; taken in sorted order
  --output_path DIR    a new or empty folder: NAME_<output>.bin per picture and output, and timing.json
  --device DEVICE      CPU (default) or Ascend
  --device_id N        which Ascend device (default 0)
  --precision MODE     enforce_fp32 (default); CPU also preferred_fp16; Ascend also preferred_fp32,
                       enforce_fp16, enforce_origin, preferred_optimal
  --threads N          CPU threads (default: the runtime's choice)
  --warmup N           predictions before the measured ones (default 1)
  --help               this text

Exit status: 0 done, 1 unexpected, 2 options, 3 model file, 4 not a MindIR that this runtime loads,
5 model's inputs or outputs, 6 device, 7 pictures, 8 size of a picture, 9 output folder, 10 writing,
11 computing, 130 interrupted. On failure nothing of this run is left in the output folder.
)";
}

}  // namespace fastflow
