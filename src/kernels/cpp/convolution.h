// A convolution with bias, in the formats that oneDNN computes fastest with.
#pragma once

#include "onednn.h"

namespace fastflow {

struct Geometry {
    int64_t stride = 1;
    int64_t padding_before = 0;  // above and to the left
    int64_t groups = 1;
    bool relu = false;  // on the output
};

// Of one set of shapes. `weights` are (O, I / groups, K, K). The gradients need `trained`, and are those of
// the convolution alone: with a ReLU the caller undoes it first. Primitives are made anew in every call
// (oneDNN keeps what is costly): one may only run in the thread that made it.
class Convolution {
  public:
    Convolution() = default;
    Convolution(const Shape& input, const Shape& weights, const Shape& output, const Geometry& geometry,
                bool trained = false);

    // The format of what `forward` writes.
    Format output_format() const { return forward_.dst_desc(); }

    // Into `output`, which has that format.
    void forward(Call& call, const dnnl::memory& input, const void* weights, const void* bias,
                 const dnnl::memory& output) const;

    // The gradient of the input, in a format of oneDNN's choice.
    dnnl::memory input_gradient(Call& call, const dnnl::memory& gradient, const void* weights) const;

    void weight_gradient(Call& call, const dnnl::memory& input, const dnnl::memory& gradient, void* weights,
                         void* bias) const;

  private:
    Format weights_, bias_;
    dnnl::convolution_forward::primitive_desc forward_;
    dnnl::convolution_backward_data::primitive_desc backward_data_;
    dnnl::convolution_backward_weights::primitive_desc backward_weights_;
};

}  // namespace fastflow
