// A flow step (`FlowStep.transform` in src/fastflow.py): the tensors of its kernels, and what is prepared
// once.
#pragma once

#include <vector>

#include "convolution.h"
#include "entry.h"

namespace fastflow {

enum class ForwardTensor {
    kX,            // (B, C, H, W)
    kWeights1,     // (hidden, C - C // 2, K, K): of the subnet's first convolution
    kBias1,        // (hidden)
    kWeights2,     // (2 (C // 2), hidden, K, K): of its second one
    kBias2,        // (2 (C // 2))
    kScale,        // (C)
    kOffset,       // (C)
    kPermutation,  // int32 (C)
    kConstants,    // (3): CLAMP, one of LOG_SCALE_GAINS, SUBNET_GAIN
    kTiles,        // int32 (2): `Geometry::tile` of the subnet's convolutions
    // Outputs:
    kOut,        // (B, C, H, W)
    kLogScales,  // (B): the sum of s per picture
    kHidden,     // the subnet's hidden map in oneDNN's format, as a vector that may be longer than the map
    kSubnet,     // (B, 2 (C // 2), H, W): the subnet's output, a_s and then a_t
    kCount
};

enum class BackwardTensor {
    // As in `ForwardTensor`:
    kX,
    kWeights1,
    kWeights2,
    kScale,
    kPermutation,
    kConstants,
    kTiles,
    kHidden,
    kSubnet,
    // Gradients that are given:
    kGradient,     // (B, C, H, W): of the forward kernel's kOut
    kSumGradient,  // (B): of its kLogScales
    // Outputs, the gradients of the forward kernel's inputs, each of that input's shape:
    kGradientX,
    kGradientWeights1,
    kGradientBias1,
    kGradientWeights2,
    kGradientBias2,
    kGradientScale,
    kGradientOffset,
    kCount
};

// What is prepared once for one set of shapes.
struct FlowStep {
    Shape x, subnet;           // the step's input, and the subnet's output
    std::int64_t kept, plane;  // how many channels the coupling leaves as they are; H * W
    Convolution first, second;
    dnnl::eltwise_backward::primitive_desc relu_backward;

    FlowStep(const Shape& input, const Shape& weights1, const Shape& weights2, const Shape& tiles);

    // The one for the shapes of a call, forwards or backwards.
    template <typename Name>
    static const FlowStep& Of(const Tensors<Name>& tensors) {
        const std::int32_t* tiles = tensors.ints(Name::kTiles);
        return Of({tensors.shape(Name::kX),
                   tensors.shape(Name::kWeights1),
                   tensors.shape(Name::kWeights2),
                   {tiles[0], tiles[1]}});
    }

    static const FlowStep& Of(const std::vector<Shape>& shapes) {
        return Cached<FlowStep>(shapes, [&] { return FlowStep(shapes[0], shapes[1], shapes[2], shapes[3]); });
    }

    [[nodiscard]] std::int64_t pictures() const { return x[0]; }
    [[nodiscard]] std::int64_t channels() const { return x[1]; }
    [[nodiscard]] std::int64_t changed() const { return channels() - kept; }

    // Where a channel's plane begins in x, and the planes of a_s and a_t for one of the changed channels
    // (counted from 0) in the subnet's output.
    [[nodiscard]] std::int64_t PlaneOfX(std::int64_t picture, std::int64_t channel) const {
        return (picture * channels() + channel) * plane;
    }
    [[nodiscard]] std::int64_t PlaneOfS(std::int64_t picture, std::int64_t channel) const {
        return (picture * 2 * changed() + channel) * plane;
    }
    [[nodiscard]] std::int64_t PlaneOfT(std::int64_t picture, std::int64_t channel) const {
        return PlaneOfS(picture, changed() + channel);
    }
};

// What follows the subnet, forwards: from kX and kSubnet to kOut and kLogScales.
void Couple(const FlowStep& step, const Tensors<ForwardTensor>& tensors);

// The gradients of what follows the subnet: of x as far as it does not pass through the subnet, of the
// subnet's output (to `da`), of scale and offset.
void CoupleBackward(const FlowStep& step, const Tensors<BackwardTensor>& tensors, float* da);

}  // namespace fastflow
