// A whole flow step (`FlowStep.transform` in src/fastflow.py), forwards and backwards: subnet, coupling,
// scale, offset and permutation.

#include <stdexcept>
#include <vector>

#include "convolution.h"
#include "coupling.h"
#include "entry.h"
#include "threads.h"

namespace fastflow {
namespace {

enum class ForwardTensor {
    kX,            // (B, C, H, W)
    kWeights1,     // (hidden, C - C // 2, K, K): of the subnet's first convolution
    kBias1,        // (hidden)
    kWeights2,     // (2 (C // 2), hidden, K, K): of its second one
    kBias2,        // (2 (C // 2))
    kScale,        // (C)
    kOffset,       // (C)
    kPermutation,  // int32 (C)
    kConstants,    // (2): CLAMP, SUBNET_GAIN
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

    FlowStep(const Shape& input, const Shape& weights1, const Shape& weights2)
        : x(input), subnet{x[0], weights2[0], x[2], x[3]}, kept(weights1[1]), plane(x[2] * x[3]) {
        const Shape hidden{x[0], weights1[0], x[2], x[3]};
        first = Convolution({x[0], kept, x[2], x[3]}, weights1, hidden, SameSize(weights1, true), true);
        second = Convolution(hidden, weights2, subnet, SameSize(weights2, false), true);
        const Format format = first.output_format();
        const auto training = dnnl::prop_kind::forward_training;
        const auto relu = dnnl::algorithm::eltwise_relu;
        const auto relu_from_output = dnnl::algorithm::eltwise_relu_use_dst_for_bwd;
        const dnnl::eltwise_forward::primitive_desc forward(Engine(), training, relu, format, format, 0.0F,
                                                            0.0F);
        relu_backward = {Engine(), relu_from_output, format, format, format, 0.0F, 0.0F, forward};
    }

    // The one for the shapes of a call, forwards or backwards.
    template <typename Name>
    static const FlowStep& Of(const Tensors<Name>& tensors) {
        return Of({tensors.shape(Name::kX), tensors.shape(Name::kWeights1), tensors.shape(Name::kWeights2)});
    }

    static const FlowStep& Of(const std::vector<Shape>& shapes) {
        return Cached<FlowStep>(shapes, [&] { return FlowStep(shapes[0], shapes[1], shapes[2]); });
    }

    // The geometry of a convolution whose output has the input's height and width.
    static Geometry SameSize(const Shape& weights, bool relu) {
        Geometry geometry;
        geometry.padding_before = weights[2] / 2;
        geometry.relu = relu;
        return geometry;
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

template <typename Name>
CouplingConstants ReadConstants(const Tensors<Name>& tensors) {
    if (tensors.shape(Name::kConstants) != Shape{2}) throw std::invalid_argument("2 constants are needed");
    const float* values = tensors.floats(Name::kConstants);
    return {values[0], values[1]};
}

// Where the permutation puts each channel: permutation[result[c]] is c.
template <typename Name>
std::vector<std::int64_t> ReadTargets(const Tensors<Name>& tensors, std::int64_t channels) {
    const std::int32_t* permutation = tensors.ints(Name::kPermutation);
    std::vector<std::int64_t> result(static_cast<std::size_t>(channels), -1);
    for (std::int64_t i = 0; i < channels; ++i) {
        const auto c = static_cast<std::size_t>(permutation[i]);  // a negative one becomes huge
        if (c >= result.size() || result[c] >= 0) throw std::invalid_argument("not a permutation");
        result[c] = i;
    }
    return result;
}

// What follows the subnet.
void Couple(const FlowStep& step, const Tensors<ForwardTensor>& tensors) {
    using Name = ForwardTensor;
    const CouplingConstants constants = ReadConstants(tensors);
    const std::vector<std::int64_t> targets = ReadTargets(tensors, step.channels());
    const float *x = tensors.floats(Name::kX), *subnet = tensors.floats(Name::kSubnet);
    const float *scale = tensors.floats(Name::kScale), *offset = tensors.floats(Name::kOffset);
    float *out = tensors.floats(Name::kOut), *log_scales = tensors.floats(Name::kLogScales);

    const std::int64_t channels = step.channels();
    std::vector<double> sums(static_cast<std::size_t>(step.pictures() * channels), 0.0);
    Threads::All().Each(step.pictures() * channels, [&](std::int64_t i) {
        const std::int64_t picture = i / channels, c = i % channels, changed = c - step.kept;
        const float* from = x + step.PlaneOfX(picture, c);
        float* to = out + step.PlaneOfX(picture, targets[static_cast<std::size_t>(c)]);
        if (changed < 0) {
            AffinePlane(from, scale[c], offset[c], step.plane, to);
        } else {
            const float* a_s = subnet + step.PlaneOfS(picture, changed);
            const float* a_t = subnet + step.PlaneOfT(picture, changed);
            sums[static_cast<std::size_t>(i)] =
                CouplingPlane(from, a_s, a_t, constants, scale[c], offset[c], step.plane, to);
        }
    });
    for (std::int64_t picture = 0; picture < step.pictures(); ++picture) {
        double sum = 0;
        for (std::int64_t c = 0; c < channels; ++c)
            sum += sums[static_cast<std::size_t>(picture * channels + c)];
        log_scales[picture] = static_cast<float>(sum);
    }
}

// The gradients of what follows the subnet: of x as far as it does not pass through the subnet, of the
// subnet's output (to `da`), of scale and offset.
void CoupleBackward(const FlowStep& step, const Tensors<BackwardTensor>& tensors, float* da) {
    using Name = BackwardTensor;
    const CouplingConstants constants = ReadConstants(tensors);
    const std::vector<std::int64_t> targets = ReadTargets(tensors, step.channels());
    const float *x = tensors.floats(Name::kX), *subnet = tensors.floats(Name::kSubnet);
    const float* scale = tensors.floats(Name::kScale);
    const float *gradient = tensors.floats(Name::kGradient),
                *sum_gradient = tensors.floats(Name::kSumGradient);
    float* dx = tensors.floats(Name::kGradientX);
    float *dscale = tensors.floats(Name::kGradientScale), *doffset = tensors.floats(Name::kGradientOffset);

    Threads::All().Each(step.channels(), [&](std::int64_t c) {
        ChannelGradient sum;
        for (std::int64_t picture = 0; picture < step.pictures(); ++picture) {
            const std::int64_t at = step.PlaneOfX(picture, c), changed = c - step.kept;
            const float* dz = gradient + step.PlaneOfX(picture, targets[static_cast<std::size_t>(c)]);
            ChannelGradient found;
            if (changed < 0) {
                found = AffinePlaneGradient(x + at, dz, scale[c], step.plane, dx + at);
            } else {
                const std::int64_t s = step.PlaneOfS(picture, changed), t = step.PlaneOfT(picture, changed);
                found = CouplingPlaneGradient(x + at, subnet + s, subnet + t, constants, dz,
                                              sum_gradient[picture], scale[c], step.plane, dx + at, da + s,
                                              da + t);
            }
            sum.scale += found.scale;
            sum.offset += found.offset;
        }
        dscale[c] = static_cast<float>(sum.scale);
        doffset[c] = static_cast<float>(sum.offset);
    });
}

void Forward(const Tensors<ForwardTensor>& tensors) {
    using Name = ForwardTensor;
    Call call;
    const FlowStep& step = FlowStep::Of(tensors);
    const Format hidden_format = step.first.output_format();
    const auto room = static_cast<std::size_t>(tensors.shape(Name::kHidden)[0]) * sizeof(float);
    if (hidden_format.get_size() > room) throw std::length_error("the hidden map is larger than expected");
    const Format kept_format = FirstChannelsFormat(step.x, step.kept);
    const dnnl::memory kept = WrapMemory(kept_format, tensors.data(Name::kX));
    const dnnl::memory hidden = WrapMemory(hidden_format, tensors.data(Name::kHidden));
    step.first.Forward(call, kept, tensors.data(Name::kWeights1), tensors.data(Name::kBias1), hidden);
    const dnnl::memory subnet = call.Buffer(step.second.output_format());
    step.second.Forward(call, hidden, tensors.data(Name::kWeights2), tensors.data(Name::kBias2), subnet);
    CopyMemory(subnet, tensors.memory(Name::kSubnet));
    Stream().wait();
    Couple(step, tensors);
}

void Backward(const Tensors<BackwardTensor>& tensors) {
    using Name = BackwardTensor;
    Call call;
    const FlowStep& step = FlowStep::Of(tensors);
    const dnnl::memory plain_da = call.Buffer(PlainFormat(step.subnet));
    CoupleBackward(step, tensors, static_cast<float*>(plain_da.get_data_handle()));

    const Format hidden_format = step.first.output_format();
    const Format kept_format = FirstChannelsFormat(step.x, step.kept);
    const dnnl::memory kept = WrapMemory(kept_format, tensors.data(Name::kX));
    const dnnl::memory dkept = WrapMemory(kept_format, tensors.data(Name::kGradientX));
    const dnnl::memory hidden = WrapMemory(hidden_format, tensors.data(Name::kHidden));
    const dnnl::memory da = call.InFormat(plain_da, step.second.output_format());  // once for both gradients
    step.second.WeightGradient(call, hidden, da, tensors.data(Name::kGradientWeights2),
                               tensors.data(Name::kGradientBias2));
    const dnnl::memory dhidden =
        call.InFormat(step.second.InputGradient(call, da, tensors.data(Name::kWeights2)), hidden_format);
    dnnl::eltwise_backward(step.relu_backward)
        .execute(Stream(),
                 {{DNNL_ARG_DST, hidden}, {DNNL_ARG_DIFF_DST, dhidden}, {DNNL_ARG_DIFF_SRC, dhidden}});
    step.first.WeightGradient(call, kept, dhidden, tensors.data(Name::kGradientWeights1),
                              tensors.data(Name::kGradientBias1));
    AddMemory(step.first.InputGradient(call, dhidden, tensors.data(Name::kWeights1)), dkept);
    Stream().wait();
}

}  // namespace
}  // namespace fastflow

FASTFLOW_KERNEL(FlowStepForward, fastflow::ForwardTensor, fastflow::Forward)
FASTFLOW_KERNEL(FlowStepBackward, fastflow::BackwardTensor, fastflow::Backward)
