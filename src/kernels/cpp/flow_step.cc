// The kernels of a whole flow step, forwards and backwards: subnet, coupling, scale, offset and permutation.

#include "flow_step.h"

#include <stdexcept>

namespace fastflow {
namespace {

// The geometry of a convolution whose output has the input's height and width.
Geometry SameSize(const Shape& weights, Bounds bounds, std::int64_t tile) {
    Geometry geometry;
    geometry.padding_before = weights[2] / 2;
    geometry.tile = tile;
    geometry.bounds = bounds;
    return geometry;
}

}  // namespace

FlowStep::FlowStep(const Shape& input, const Shape& weights1, const Shape& weights2, const Shape& tiles)
    : x(input), subnet{x[0], weights2[0], x[2], x[3]}, kept(weights1[1]), plane(x[2] * x[3]) {
    const Shape hidden{x[0], weights1[0], x[2], x[3]};
    first =
        Convolution({x[0], kept, x[2], x[3]}, weights1, hidden, SameSize(weights1, kRelu, tiles[0]), true);
    second = Convolution(hidden, weights2, subnet, SameSize(weights2, Bounds{}, tiles[1]), true);
    const Format format = first.output_format();
    const auto training = dnnl::prop_kind::forward_training;
    const auto relu = dnnl::algorithm::eltwise_relu;
    const auto relu_from_output = dnnl::algorithm::eltwise_relu_use_dst_for_bwd;
    const dnnl::eltwise_forward::primitive_desc forward(Engine(), training, relu, format, format, 0.0F, 0.0F);
    relu_backward = {Engine(), relu_from_output, format, format, format, 0.0F, 0.0F, forward};
}

namespace {

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
