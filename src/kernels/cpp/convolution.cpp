#include "convolution.h"

#include <algorithm>

namespace fastflow {

namespace {

// oneDNN has the groups as an axis of their own.
Shape grouped(const Shape& weights, int64_t groups) {
    if (groups == 1) return weights;
    return {groups, weights[0] / groups, weights[1], weights[2], weights[3]};
}

}  // namespace

Convolution::Convolution(const Shape& input, const Shape& weights, const Shape& output,
                         const Geometry& geometry, bool trained)
    : weights_(plain(grouped(weights, geometry.groups))), bias_(plain({weights[0]})) {
    const auto algorithm = dnnl::algorithm::convolution_direct;
    const Shape stride{geometry.stride, geometry.stride};
    Shape before, after;
    for (size_t axis : {2, 3}) {
        before.push_back(geometry.padding_before);
        const int64_t total = (output[axis] - 1) * geometry.stride + weights[axis] - input[axis];
        after.push_back(std::max<int64_t>(0, total - before.back()));
    }
    const Format x = any_format(input), w = any_format(weights_.get_dims()), y = any_format(output);
    dnnl::primitive_attr attributes;
    if (geometry.relu) {
        dnnl::post_ops relu;
        relu.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
        attributes.set_post_ops(relu);
    }
    forward_ = {
        engine(),  dnnl::prop_kind::forward_training, algorithm, x, w, bias_, y, stride, before, after,
        attributes};
    if (!trained) return;
    backward_data_ = {engine(), algorithm, x, w, y, stride, before, after, forward_};
    backward_weights_ = {engine(), algorithm, x, w, bias_, y, stride, before, after, forward_};
}

void Convolution::forward(Call& call, const dnnl::memory& input, const void* weights, const void* bias,
                          const dnnl::memory& output) const {
    dnnl::convolution_forward(forward_).execute(
        stream(), {{DNNL_ARG_SRC, call.in_format(input, forward_.src_desc())},
                   {DNNL_ARG_WEIGHTS, call.in_format(wrap(weights_, weights), forward_.weights_desc())},
                   {DNNL_ARG_BIAS, wrap(bias_, bias)},
                   {DNNL_ARG_DST, output}});
}

dnnl::memory Convolution::input_gradient(Call& call, const dnnl::memory& gradient,
                                         const void* weights) const {
    dnnl::memory result = call.buffer(backward_data_.diff_src_desc());
    dnnl::convolution_backward_data(backward_data_)
        .execute(stream(),
                 {{DNNL_ARG_DIFF_DST, call.in_format(gradient, backward_data_.diff_dst_desc())},
                  {DNNL_ARG_WEIGHTS, call.in_format(wrap(weights_, weights), backward_data_.weights_desc())},
                  {DNNL_ARG_DIFF_SRC, result}});
    return result;
}

void Convolution::weight_gradient(Call& call, const dnnl::memory& input, const dnnl::memory& gradient,
                                  void* weights, void* bias) const {
    const bool direct = backward_weights_.diff_weights_desc() == weights_;
    dnnl::memory wanted = wrap(weights_, weights);
    dnnl::memory result = direct ? wanted : call.buffer(backward_weights_.diff_weights_desc());
    dnnl::convolution_backward_weights(backward_weights_)
        .execute(stream(), {{DNNL_ARG_SRC, call.in_format(input, backward_weights_.src_desc())},
                            {DNNL_ARG_DIFF_DST, call.in_format(gradient, backward_weights_.diff_dst_desc())},
                            {DNNL_ARG_DIFF_WEIGHTS, result},
                            {DNNL_ARG_DIFF_BIAS, wrap(bias_, bias)}});
    if (!direct) copy(result, wanted);
}

}  // namespace fastflow
