// The model in onnxruntime: a runner for machines without Ascend.
#include <onnxruntime_cxx_api.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "error.h"
#include "files.h"
#include "model.h"
#include "text.h"

namespace fastflow {
namespace {

TensorSpec SpecOf(const std::string& name, const Ort::ConstTensorTypeAndShapeInfo& info, std::size_t batch) {
    TensorSpec spec{name, info.GetShape(), Element::kOther};
    if (!spec.shape.empty() && spec.shape[0] < 0) spec.shape[0] = static_cast<std::int64_t>(batch);
    const ONNXTensorElementDataType type = info.GetElementType();
    if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) spec.element = Element::kFloat32;
    if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8) spec.element = Element::kUInt8;
    return spec;
}

Ort::SessionOptions Settings(const Options& options) {
    Ort::SessionOptions settings;
    if (options.threads != 0) settings.SetIntraOpNumThreads(options.threads);
    // Threads that wait for the next prediction leave the processor to those that read and write.
    settings.AddConfigEntry("session.intra_op.allow_spinning", "0");
    return settings;
}

class OnnxModel final : public Model {
  public:
    explicit OnnxModel(const Options& options) try
        : environment_(ORT_LOGGING_LEVEL_FATAL, "fastflow_infer"),
          session_(environment_, options.mindir_path.c_str(), Settings(options)) {
        std::vector<TensorSpec> inputs;
        std::vector<TensorSpec> given;
        const Ort::AllocatorWithDefaultOptions allocator;
        for (std::size_t i = 0; i < session_.GetInputCount(); ++i) {
            const std::string name = session_.GetInputNameAllocated(i, allocator).get();
            const Ort::TypeInfo type = session_.GetInputTypeInfo(i);
            inputs.push_back(SpecOf(name, type.GetTensorTypeAndShapeInfo(), options.batch_size));
        }
        for (std::size_t i = 0; i < session_.GetOutputCount(); ++i) {
            output_names_.push_back(session_.GetOutputNameAllocated(i, allocator).get());
            const Ort::TypeInfo type = session_.GetOutputTypeInfo(i);
            given.push_back(
                SpecOf(output_names_.back(), type.GetTensorTypeAndShapeInfo(), options.batch_size));
        }
        input_ = CheckInputs(inputs, batch_);
        shape_ = inputs[0].shape;
        outputs_ = CheckOutputs(given, batch_);
    } catch (const Ort::Exception& problem) {
        throw Error(Exit::kNotMindIr, "model " + options.mindir_path + ", onnxruntime cannot load it (" +
                                          OneLine(problem.what()) + "), export it again");
    }

    std::vector<std::vector<float>> Predict(const std::vector<unsigned char>& pictures) override {
        std::vector<const char*> names;
        for (const std::string& name : output_names_) names.push_back(name.c_str());
        const char* input_name = input_.name.c_str();
        try {
            const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
            const ONNXTensorElementDataType type = input_.element == Element::kUInt8
                                                       ? ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8
                                                       : ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
            // onnxruntime does not write to inputs, but its tensors are not const.
            auto* bytes = const_cast<unsigned char*>(pictures.data());
            const Ort::Value tensor =
                Ort::Value::CreateTensor(memory, bytes, pictures.size(), shape_.data(), shape_.size(), type);
            const auto results =
                session_.Run(Ort::RunOptions{nullptr}, &input_name, &tensor, 1, names.data(), names.size());
            std::vector<std::vector<float>> values;
            for (std::size_t i = 0; i < results.size(); ++i) {
                const std::size_t count = batch_ * outputs_[i].count;
                if (results[i].GetTensorTypeAndShapeInfo().GetElementCount() != count) {
                    Fail("output " + outputs_[i].name + " has another shape than the model declares");
                }
                const auto* data = results[i].GetTensorData<float>();
                values.emplace_back(data, data + count);
            }
            return values;
        } catch (const Ort::Exception& problem) {
            Fail(OneLine(problem.what()));
        }
    }

  private:
    [[noreturn]] static void Fail(const std::string& reason) {
        throw Error(Exit::kPredict,
                    "prediction, onnxruntime failed (" + reason + "), export the model again");
    }

    Ort::Env environment_;
    Ort::Session session_;
    std::vector<std::string> output_names_;
    std::vector<std::int64_t> shape_;  // of the input, with the batch
};

}  // namespace

std::unique_ptr<Model> LoadModel(const Options& options) {
    if (options.device != Device::kCpu) {
        throw Error(
            Exit::kDevice,
            "device Ascend, this program was built for onnxruntime which has the CPU only, use --device "
            "CPU or build with MindSpore Lite 2.x");
    }
    if (options.precision != "enforce_fp32") {
        throw Error(Exit::kUsage, "option --precision, onnxruntime has no such setting, leave it out");
    }
    return std::make_unique<OnnxModel>(options);
}

void CheckFormat(const std::filesystem::path& file) {
    CheckReadable(file);
    const File handle(std::fopen(file.c_str(), "rb"));
    std::array<unsigned char, 2> head{};
    constexpr unsigned char kFirstField = 0x08;  // the tag of ir_version, a number
    const bool plausible = handle && std::fread(head.data(), 1, head.size(), handle.get()) == head.size() &&
                           head[0] == kFirstField;
    if (!plausible) {
        throw Error(Exit::kNotMindIr, "model " + file.string() +
                                          ", is not an ONNX file, write one by export.py --file_format ONNX");
    }
}

// onnxruntime checks what it parses.
void CheckContent(const std::filesystem::path& /*file*/) {}

}  // namespace fastflow
