// A model on a device: the only part that knows MindSpore.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "options.h"
#include "tensor_spec.h"

namespace fastflow {

class Model {
  public:
    // Load the MindIR and build it for the device.
    // Throws Error(kNotMindIr), Error(kDevice), or Error(kModelShape) if its inputs do not fit.
    explicit Model(const Options& options);
    ~Model();
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    [[nodiscard]] std::size_t batch() const noexcept;         // N, pictures per prediction
    [[nodiscard]] const PictureSpec& input() const noexcept;  // one picture of the input
    // The outputs' names and shapes per picture, which are known after the first `Predict`.
    [[nodiscard]] const std::vector<PictureSpec>& outputs() const noexcept;

    // Compute one batch. `pictures` holds batch() * input().count values. Returns batch() *
    // outputs()[i].count values for every output i. Throws Error(kPredict) or Error(kModelShape).
    std::vector<std::vector<float>> Predict(const std::vector<float>& pictures);

  private:
    class Runtime;
    std::unique_ptr<Runtime> runtime_;
};

}  // namespace fastflow
