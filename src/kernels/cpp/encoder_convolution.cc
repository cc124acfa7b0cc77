// A convolution of the frozen encoder, forwards.

#include "convolution.h"
#include "entry.h"

namespace fastflow {
namespace {

enum class EncoderTensor {
    kX,         // (B, I, H, W)
    kWeights,   // (O, I / groups, K, K)
    kBias,      // (O)
    kGeometry,  // int32 (3): the stride, the padding above and to the left, and `Geometry::tile`
    // Output:
    kY,  // (B, O, H', W')
    kCount
};

void Convolve(const Tensors<EncoderTensor>& tensors) {
    using Name = EncoderTensor;
    Call call;
    const Shape x = tensors.shape(Name::kX), weights = tensors.shape(Name::kWeights);
    const Shape y = tensors.shape(Name::kY);
    Geometry geometry;
    geometry.stride = tensors.ints(Name::kGeometry)[0];
    geometry.padding_before = tensors.ints(Name::kGeometry)[1];
    geometry.tile = tensors.ints(Name::kGeometry)[2];
    geometry.groups = x[1] / weights[1];
    const auto& convolution =
        Cached<Convolution>({x, weights, y, {geometry.stride, geometry.padding_before, geometry.tile}},
                            [&] { return Convolution(x, weights, y, geometry); });
    const dnnl::memory result = call.Buffer(convolution.output_format());
    convolution.Forward(call, tensors.memory(Name::kX), tensors.data(Name::kWeights),
                        tensors.data(Name::kBias), result);
    CopyMemory(result, tensors.memory(Name::kY));
    Stream().wait();
}

}  // namespace
}  // namespace fastflow

FASTFLOW_KERNEL(EncoderConvolution, fastflow::EncoderTensor, fastflow::Convolve)
