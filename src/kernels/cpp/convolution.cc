#include "convolution.h"

#include <algorithm>

namespace fastflow {
namespace {

// oneDNN has the groups as an axis of their own.
Shape GroupedShape(const Shape& weights, std::int64_t groups) {
    if (groups == 1) return weights;
    return {groups, weights[0] / groups, weights[1], weights[2], weights[3]};
}

}  // namespace

Convolution::Convolution(const Shape& input, const Shape& weights, const Shape& output,
                         const Geometry& geometry, bool trained)
    : weights_(PlainFormat(GroupedShape(weights, geometry.groups))), bias_(PlainFormat({weights[0]})) {
    const auto algorithm = dnnl::algorithm::convolution_direct;
    const Shape stride{geometry.stride, geometry.stride};
    Shape before, after;
    for (const std::size_t axis : {2, 3}) {
        before.push_back(geometry.padding_before);
        const std::int64_t total = (output[axis] - 1) * geometry.stride + weights[axis] - input[axis];
        after.push_back(std::max<std::int64_t>(0, total - before.back()));
    }
    const Format x = AnyFormat(input), w = AnyFormat(weights_.get_dims()), y = AnyFormat(output);
    dnnl::primitive_attr attributes;
    if (geometry.relu) {
        dnnl::post_ops relu;
        relu.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
        attributes.set_post_ops(relu);
    }
    const auto training = dnnl::prop_kind::forward_training;
    forward_ = {Engine(), training, algorithm, x, w, bias_, y, stride, before, after, attributes};
    if (!trained) return;
    backward_data_ = {Engine(), algorithm, x, w, y, stride, before, after, forward_};
    backward_weights_ = {Engine(), algorithm, x, w, bias_, y, stride, before, after, forward_};
}

void Convolution::Forward(Call& call, const dnnl::memory& input, const void* weights, const void* bias,
                          const dnnl::memory& output) const {
    const dnnl::memory x = call.InFormat(input, forward_.src_desc());
    const dnnl::memory w = call.InFormat(WrapMemory(weights_, weights), forward_.weights_desc());
    dnnl::convolution_forward(forward_).execute(Stream(), {{DNNL_ARG_SRC, x},
                                                           {DNNL_ARG_WEIGHTS, w},
                                                           {DNNL_ARG_BIAS, WrapMemory(bias_, bias)},
                                                           {DNNL_ARG_DST, output}});
}

dnnl::memory Convolution::InputGradient(Call& call, const dnnl::memory& gradient, const void* weights) const {
    const dnnl::memory dx = call.Buffer(backward_data_.diff_src_desc());
    const dnnl::memory dy = call.InFormat(gradient, backward_data_.diff_dst_desc());
    const dnnl::memory w = call.InFormat(WrapMemory(weights_, weights), backward_data_.weights_desc());
    dnnl::convolution_backward_data(backward_data_)
        .execute(Stream(), {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DIFF_SRC, dx}});
    return dx;
}

void Convolution::WeightGradient(Call& call, const dnnl::memory& input, const dnnl::memory& gradient,
                                 void* weights, void* bias) const {
    const bool plain = backward_weights_.diff_weights_desc() == weights_;
    const dnnl::memory wanted = WrapMemory(weights_, weights);
    const dnnl::memory dw = plain ? wanted : call.Buffer(backward_weights_.diff_weights_desc());
    const dnnl::memory x = call.InFormat(input, backward_weights_.src_desc());
    const dnnl::memory dy = call.InFormat(gradient, backward_weights_.diff_dst_desc());
    dnnl::convolution_backward_weights(backward_weights_)
        .execute(Stream(), {{DNNL_ARG_SRC, x},
                            {DNNL_ARG_DIFF_DST, dy},
                            {DNNL_ARG_DIFF_WEIGHTS, dw},
                            {DNNL_ARG_DIFF_BIAS, WrapMemory(bias_, bias)}});
    if (!plain) CopyMemory(dw, wanted);
}

}  // namespace fastflow
