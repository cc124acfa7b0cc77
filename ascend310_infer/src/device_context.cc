#include "device_context.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace fastflow {
namespace {

namespace ms = mindspore;

#ifdef FASTFLOW_MINDSPORE_1_8
// The words of MindSpore 1.8 to 1.10. Their list has no "force_fp32".
std::string PrecisionOf1_8(const std::string& precision) {
    if (precision == "preferred_fp32") return "allow_fp32_to_fp16";
    if (precision == "enforce_fp16") return "force_fp16";
    if (precision == "preferred_optimal") return "allow_mix_precision";
    return "must_keep_origin_dtype";  // enforce_fp32 and enforce_origin: the exported models are float32
}
#endif

std::shared_ptr<ms::DeviceInfoContext> MakeAscend(const Options& options) {
    auto device = std::make_shared<ms::AscendDeviceInfo>();
    device->SetDeviceID(options.device_id);
#ifdef FASTFLOW_MINDSPORE_1_8
    device->SetPrecisionMode(PrecisionOf1_8(options.precision));
#else
    device->SetPrecisionMode(options.precision);
#endif
    device->SetOpSelectImplMode(options.op_select_implmode);
    if (!options.buffer_optimize.empty()) device->SetBufferOptimizeMode(options.buffer_optimize);
    if (!options.aipp_config.empty()) device->SetInsertOpConfigPath(options.aipp_config);
    return device;
}

// What an Ascend device needs and this process does not see, as a text that follows the reason.
std::string WhatIsMissing(const Options& options) {
    const std::string node = "/dev/davinci" + std::to_string(options.device_id);
    std::error_code ignored;  // without an answer the message has one hint less
    std::string text;
    if (!std::filesystem::exists(node, ignored)) text += "; there is no " + node;
    if (std::getenv("ASCEND_OPP_PATH") == nullptr) text += "; CANN's set_env.sh was not sourced";
    return text;
}

}  // namespace

std::string Words(const ms::Status& status) {
    std::string text = status.ToString();
    const auto breaks_line = [](char c) { return c == '\n' || c == '\r'; };
    std::replace_if(text.begin(), text.end(), breaks_line, ' ');
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text.empty() ? "no reason given" : text;
}

std::shared_ptr<ms::Context> MakeContext(const Options& options) {
    auto context = std::make_shared<ms::Context>();
    std::shared_ptr<ms::DeviceInfoContext> device;
#ifdef FASTFLOW_MINDSPORE_1_8
    if (options.device != Device::kAscend) {
        throw Error(Exit::kDevice,
                    "device CPU, this program was built for MindSpore 1.8 which has Ascend only, "
                    "use --device Ascend or build with MindSpore Lite 2.x");
    }
    if (options.threads != 0) {
        throw Error(Exit::kUsage, "option --threads, MindSpore 1.8 has no such setting, leave it out");
    }
    device = MakeAscend(options);
#else
    if (options.threads != 0) context->SetThreadNum(options.threads);
    if (options.device == Device::kCpu) {
        auto cpu = std::make_shared<ms::CPUDeviceInfo>();
        cpu->SetEnableFP16(options.precision == "preferred_fp16");
        device = cpu;
    } else {
        device = MakeAscend(options);
    }
#endif
    context->MutableDeviceInfo().push_back(device);
    return context;
}

Error BuildError(const Options& options, const std::string& reason) {
    const std::string log = "; GLOG_v=1 shows the runtime's own messages";
    if (options.device == Device::kAscend) {
        return Error(Exit::kDevice,
                     "device Ascend " + std::to_string(options.device_id) + ", cannot run " +
                         options.mindir_path + " (" + reason + WhatIsMissing(options) +
                         "), check the device by npu-smi info, the driver, the runtime's version, and "
                         "LD_LIBRARY_PATH: "
                         "CANN's libraries (set_env.sh) and LITE_HOME's runtime/lib and tools/converter/lib" +
                         log);
    }
    return Error(Exit::kNotMindIr, "model " + options.mindir_path + ", this runtime cannot load it (" +
                                       reason +
                                       "), export it again, for MindSpore Lite 2.0 and older with "
                                       "--mindir_version 1" +
                                       log);
}

}  // namespace fastflow
