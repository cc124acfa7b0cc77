#include "options.h"

#include <set>

#include "device_options.h"
#include "error.h"
#include "numbers.h"
#include "picture_options.h"

namespace fastflow {
namespace {

[[noreturn]] void FailUsage(const std::string& text) { throw Error(Exit::kUsage, text); }

void SetOption(Options& options, const std::string& name, const std::string& value) {
    if (name == "--mindir_path" || name == "--model") {
        options.mindir_path = value;
    } else if (name == "--dataset_path") {
        options.dataset_path = value;
    } else if (name == "--output_path") {
        options.output_path = value;
    } else if (name == "--device_id") {
        options.device_id = static_cast<std::uint32_t>(ParseNumber(name, value, 0, kMostDevices));
    } else if (name == "--threads") {
        options.threads = ParseNumber(name, value, 1, 1024);
    } else if (name == "--batch_size") {
        options.batch_size = static_cast<std::size_t>(ParseNumber(name, value, 1, 4096));
    } else if (name == "--warmup") {
        options.warmup = ParseNumber(name, value, 0, 1000000);
    } else if (!SetDeviceOption(options, name, value) && !SetPictureOption(options.pictures, name, value)) {
        FailUsage("option " + name + ", not known, see --help");
    }
}

void CheckComplete(Options& options) {
    if (options.mindir_path.empty()) FailUsage("option --mindir_path, missing, give the model's file");
    if (options.dataset_path.empty() && options.pictures.pictures.empty()) {
        FailUsage(
            "option --dataset_path, missing, give the folder of .bin files, or plain pictures as --pictures");
    }
    if (!options.dataset_path.empty() && !options.pictures.pictures.empty()) {
        FailUsage("options --dataset_path and --pictures, both are given, give one");
    }
    if (!options.dataset_path.empty() && !options.pictures.roi.empty())
        FailUsage("option --roi, is of --pictures, give the masks to preprocess.py");
    if (options.output_path.empty())
        FailUsage("option --output_path, missing, give a folder for the results");
    CheckDeviceOptions(options);
}

}  // namespace

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
        if (name == "--heat_maps" && equals == std::string::npos) {
            value = "true";  // it needs no value
        } else if (equals != std::string::npos) {
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
    return R"(usage: fastflow_infer --model FILE --dataset_path DIR --output_path DIR [options]
       fastflow_infer --model FILE --pictures PATH --output_path DIR [options]

Runs a FastFlow model on pictures that preprocess.py has made into .bin files, or on plain pictures.

  --model FILE         the model (--mindir_path is its older name): one float32 input (N,C,H,W) or uint8 input
                       (N,H,W,C), float32 outputs whose first dimension is N
  --dataset_path DIR   one file NAME.bin per picture: C*H*W little-endian values; taken in sorted order
  --output_path DIR    a new or empty folder: NAME_<output>.bin per picture and output, and timing.json
  --device DEVICE      CPU (default) or Ascend
  --device_id N        which Ascend device (default 0)
  --precision MODE     CPU: enforce_fp32 (default) or preferred_fp16; Ascend: enforce_fp32 (default; with MindSpore
                       1.8 to 1.10 it is preferred_fp32), preferred_fp32, enforce_fp16, enforce_origin,
                       preferred_optimal
  --op_select_implmode MODE  Ascend: high_precision (default) or high_performance
  --buffer_optimize MODE     Ascend: off_optimize (default with MindSpore 1.8 to 1.10), l1_optimize, l2_optimize,
                       l1_and_l2_optimize (default with MindSpore Lite: its own choice)
  --aipp_config FILE   Ascend: the configuration of its picture preprocessing (AIPP)
  --config_file FILE   settings of the runtime's own, such as MindSpore Lite's sections [ascend_context]
  --threads N          CPU threads (default: the runtime's choice)
  --batch_size N       pictures per prediction, where the model leaves that open (default 1)
  --warmup N           predictions before the measured ones (default 1)
  --help               this text
)" + PictureHelp() +
           R"(
Exit status: 0 done, 1 unexpected, 2 options, 3 model file, 4 not a MindIR that this runtime loads,
5 model's inputs or outputs, 6 device, 7 pictures, 8 size of a picture, 9 output folder, 10 writing,
11 computing, 130 interrupted. On failure nothing of this run is left in the output folder.
)";
}

}  // namespace fastflow
