// A model on a device: model.cc, with MindSpore, and onnx_model.cc, with onnxruntime, are the only parts that
// know it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <vector>

#include "options.h"
#include "tensor_spec.h"

namespace fastflow {

// Check that a file can be read and begins as this runtime's models do. Throws Error(kModelFile) or
// Error(kNotMindIr).
void CheckFormat(const std::filesystem::path& file);

// Check what a model declares of itself, where the runtime would believe it unchecked. Throws
// Error(kModelFile) or Error(kNotMindIr).
void CheckContent(const std::filesystem::path& file);

class Model {
  public:
    virtual ~Model() = default;
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    [[nodiscard]] std::size_t batch() const noexcept { return batch_; }         // N, pictures per prediction
    [[nodiscard]] const PictureSpec& input() const noexcept { return input_; }  // one picture of the input
    // The outputs' names and shapes per picture, which are known after the first `Predict`.
    [[nodiscard]] const std::vector<PictureSpec>& outputs() const noexcept { return outputs_; }

    // Compute one batch. `pictures` holds batch() * input().bytes() bytes. Returns batch() *
    // outputs()[i].count values for every output i. Throws Error(kPredict) or Error(kModelShape).
    virtual std::vector<std::vector<float>> Predict(const std::vector<unsigned char>& pictures) = 0;

  protected:
    Model() = default;

    std::size_t batch_ = 0;
    PictureSpec input_;
    std::vector<PictureSpec> outputs_;
};

// Load a model and build it for the device.
// Throws Error(kNotMindIr), Error(kDevice), or Error(kModelShape) if its inputs do not fit.
std::unique_ptr<Model> LoadModel(const Options& options);

}  // namespace fastflow
