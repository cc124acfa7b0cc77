#include "model.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <string>
#include <system_error>

#include "error.h"
#include "include/api/context.h"
#include "include/api/model.h"
#include "include/api/status.h"
#include "include/api/types.h"
#ifdef FASTFLOW_MINDSPORE_1_8
#include "include/api/graph.h"
#include "include/api/serialization.h"
#endif

namespace fastflow {
namespace {

namespace ms = mindspore;

// The runtime's own message, on one line.
std::string Words(const ms::Status& status) {
    std::string text = status.ToString();
    const auto breaks_line = [](char c) { return c == '\n' || c == '\r'; };
    std::replace_if(text.begin(), text.end(), breaks_line, ' ');
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text.empty() ? "no reason given" : text;
}

#ifdef FASTFLOW_MINDSPORE_1_8
std::string PrecisionOf1_8(const std::string& precision) {
    if (precision == "preferred_fp32") return "allow_fp32_to_fp16";
    if (precision == "enforce_fp16") return "force_fp16";
    if (precision == "preferred_optimal") return "allow_mix_precision";
    return "must_keep_origin_dtype";  // enforce_fp32 and enforce_origin: the exported models are float32
}
#endif

std::shared_ptr<ms::Context> MakeContext(const Options& options) {
    auto context = std::make_shared<ms::Context>();
#ifdef FASTFLOW_MINDSPORE_1_8
    if (options.device != Device::kAscend) {
        throw Error(Exit::kDevice,
                    "device CPU, this program was built for MindSpore 1.8 which has Ascend only, "
                    "use --device Ascend or build with MindSpore Lite 2.x");
    }
    if (options.threads != 0) {
        throw Error(Exit::kUsage, "option --threads, MindSpore 1.8 has no such setting, leave it out");
    }
#else
    if (options.threads != 0) context->SetThreadNum(options.threads);
    if (options.device == Device::kCpu) {
        auto device = std::make_shared<ms::CPUDeviceInfo>();
        device->SetEnableFP16(options.precision == "preferred_fp16");
        context->MutableDeviceInfo().push_back(device);
        return context;
    }
#endif
    auto device = std::make_shared<ms::AscendDeviceInfo>();
    device->SetDeviceID(options.device_id);
#ifdef FASTFLOW_MINDSPORE_1_8
    device->SetPrecisionMode(PrecisionOf1_8(options.precision));
#else
    device->SetPrecisionMode(options.precision);
#endif
    context->MutableDeviceInfo().push_back(device);
    return context;
}

Error BuildError(const Options& options, const std::string& reason) {
    if (options.device == Device::kAscend) {
        const std::string node = "/dev/davinci" + std::to_string(options.device_id);
        std::error_code ignored;  // without an answer the message has one hint less
        const std::string hint = std::filesystem::exists(node, ignored) ? "" : "; there is no " + node;
        return Error(Exit::kDevice,
                     "device Ascend " + std::to_string(options.device_id) + ", cannot run " +
                         options.mindir_path + " (" + reason + hint +
                         "), check the device by npu-smi info, the driver, and the runtime's version");
    }
    return Error(Exit::kNotMindIr,
                 "model " + options.mindir_path + ", this runtime cannot load it (" + reason +
                     "), export it again, for MindSpore Lite 2.0 and older with --mindir_version 1");
}

TensorSpec SpecOf(const ms::MSTensor& tensor) {
    return {tensor.Name(), tensor.Shape(), tensor.DataType() == ms::DataType::kNumberTypeFloat32};
}

std::vector<TensorSpec> SpecsOf(const std::vector<ms::MSTensor>& tensors) {
    std::vector<TensorSpec> specs;
    specs.reserve(tensors.size());
    for (const auto& tensor : tensors) specs.push_back(SpecOf(tensor));
    return specs;
}

}  // namespace

class Model::Runtime {
  public:
    explicit Runtime(const Options& options) {
        Build(options);
        inputs_ = model_.GetInputs();
        input_ = CheckInputs(SpecsOf(inputs_), batch_);
    }

    [[nodiscard]] std::size_t batch() const noexcept { return batch_; }
    [[nodiscard]] const PictureSpec& input() const noexcept { return input_; }
    [[nodiscard]] const std::vector<PictureSpec>& outputs() const noexcept { return outputs_; }

    std::vector<std::vector<float>> Predict(const std::vector<float>& pictures) {
        std::vector<ms::MSTensor> results;
        try {
            SetInput(pictures);
            const ms::Status status = model_.Predict(inputs_, &results);
            if (status.IsError()) Fail(Words(status));
        } catch (const Error&) {
            throw;
        } catch (const std::exception& problem) {
            Fail(problem.what());
        }
        outputs_ = CheckOutputs(SpecsOf(results), batch_);
        std::vector<std::vector<float>> values;
        for (std::size_t i = 0; i < results.size(); ++i) {
            const std::size_t count = batch_ * outputs_[i].count;
            const std::shared_ptr<const void> data = results[i].Data();
            if (!data || results[i].DataSize() != count * sizeof(float)) {
                Fail("output " + outputs_[i].name + " has " + std::to_string(results[i].DataSize()) +
                     " bytes where its shape says " + std::to_string(count * sizeof(float)));
            }
            values.emplace_back(count);
            std::memcpy(values.back().data(), data.get(), count * sizeof(float));
        }
        return values;
    }

  private:
    [[noreturn]] static void Fail(const std::string& reason) {
        throw Error(Exit::kPredict, "prediction, the runtime failed (" + reason +
                                        "), see its log with the environment variable GLOG_v=1");
    }

    void Build(const Options& options) {
        const auto context = MakeContext(options);
        try {
#ifdef FASTFLOW_MINDSPORE_1_8
            ms::Graph graph;
            const ms::Status loaded =
                ms::Serialization::Load(options.mindir_path, ms::ModelType::kMindIR, &graph);
            if (loaded.IsError()) {
                throw Error(Exit::kNotMindIr, "model " + options.mindir_path +
                                                  ", this runtime cannot load it (" + Words(loaded) +
                                                  "), export it again with --mindir_version 1");
            }
            const ms::Status built = model_.Build(ms::GraphCell(graph), context);
#else
            const ms::Status built = model_.Build(options.mindir_path, ms::ModelType::kMindIR, context);
#endif
            if (built.IsError()) throw BuildError(options, Words(built));
        } catch (const Error&) {
            throw;
        } catch (const std::exception& problem) {
            throw BuildError(options, problem.what());
        }
    }

    void SetInput(const std::vector<float>& pictures) {
        const std::size_t size = pictures.size() * sizeof(float);
#ifdef FASTFLOW_MINDSPORE_1_8
        ms::MSTensor& tensor = inputs_[0];
        tensor = ms::MSTensor(tensor.Name(), tensor.DataType(), tensor.Shape(), pictures.data(), size);
#else
        void* target = inputs_[0].MutableData();
        if (target == nullptr || inputs_[0].DataSize() != size) {
            Fail("the input takes " + std::to_string(inputs_[0].DataSize()) + " bytes where its shape says " +
                 std::to_string(size));
        }
        std::memcpy(target, pictures.data(), size);
#endif
    }

    ms::Model model_;
    std::vector<ms::MSTensor> inputs_;
    PictureSpec input_;
    std::size_t batch_ = 0;
    std::vector<PictureSpec> outputs_;
};

Model::Model(const Options& options) : runtime_(std::make_unique<Runtime>(options)) {}
Model::~Model() = default;
std::size_t Model::batch() const noexcept { return runtime_->batch(); }
const PictureSpec& Model::input() const noexcept { return runtime_->input(); }
const std::vector<PictureSpec>& Model::outputs() const noexcept { return runtime_->outputs(); }
std::vector<std::vector<float>> Model::Predict(const std::vector<float>& pictures) {
    return runtime_->Predict(pictures);
}

}  // namespace fastflow
