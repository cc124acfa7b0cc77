// A convolution with bias, in the formats that oneDNN computes fastest with.
#pragma once

#include "winograd.h"

namespace fastflow {

struct Geometry {
    std::int64_t stride = 1;
    std::int64_t padding_before = 0;  // above and to the left; the other sides follow from the output's size
    std::int64_t groups = 1;
    std::int64_t tile = 0;  // 2 or 4: by Winograd's filtering, with output tiles of that size; 0: directly
    bool adds = false;      // whether another map is added to the output
    Bounds bounds = {};     // of the output, after that
};

constexpr Bounds kRelu = {0.0F, std::numeric_limits<float>::infinity()};

// What is missing below and to the right of maps for windows that reach over them, given what is added above
// and to the left.
Shape PaddingAfter(const Shape& input, const Shape& output, std::int64_t window, std::int64_t stride,
                   std::int64_t before);

// A convolution for one set of shapes: input (B, I, H, W), weights (O, I / groups, K, K), output (B, O, H',
// W'). Winograd's filtering is for weights (O, I, 3, 3), stride 1 and padding 1; a processor that has neither
// AVX-512 nor AVX2 computes directly in its place. The gradients need `trained`, and are those of the
// convolution alone: where there are bounds, the caller takes their gradient first. What is kept are oneDNN's
// descriptions. Its primitives are made anew in every call, which costs little, because a primitive may only
// run in the thread that made it.
class Convolution {
  public:
    Convolution() = default;
    Convolution(const Shape& input, const Shape& weights, const Shape& output, const Geometry& geometry,
                bool trained = false);

    // The format of what `Forward` writes.
    [[nodiscard]] Format output_format() const { return output_format_; }

    // Writes to `output`, which must have the output format. `added` is of the output's shape, and only there
    // if the geometry says so.
    void Forward(Call& call, const dnnl::memory& input, const void* weights, const void* bias,
                 const dnnl::memory& output, const dnnl::memory& added = {}) const;

    // The gradient of the input, in a format of oneDNN's choice.
    dnnl::memory InputGradient(Call& call, const dnnl::memory& gradient, const void* weights) const;

    // Writes the gradients of weights and bias, in the plain format.
    void WeightGradient(Call& call, const dnnl::memory& input, const dnnl::memory& gradient, void* weights,
                        void* bias) const;

  private:
    [[nodiscard]] Filters<const float> Plain(const void* weights, bool rotated) const;

    Shape input_, shape_, output_;  // of input, weights and output
    bool adds_ = false;
    Bounds bounds_;
    Format weights_, bias_, output_format_;
    const WinogradKernels* winograd_ = nullptr;  // null: oneDNN computes
    dnnl::convolution_forward::primitive_desc forward_;
    dnnl::convolution_backward_data::primitive_desc backward_data_;
    dnnl::convolution_backward_weights::primitive_desc backward_weights_;
};

}  // namespace fastflow
