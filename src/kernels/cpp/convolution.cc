#include "convolution.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <unordered_map>

#include "processor.h"

namespace fastflow {
namespace {

// oneDNN has the groups as an axis of their own.
Shape GroupedShape(const Shape& weights, std::int64_t groups) {
    if (groups == 1) return weights;
    return {groups, weights[0] / groups, weights[1], weights[2], weights[3]};
}

float* Values(const dnnl::memory& memory) { return static_cast<float*>(memory.get_data_handle()); }

// Winograd's filtering for this processor, if it is asked for.
const WinogradKernels* WinogradFor(const Shape& input, const Shape& weights, const Shape& output,
                                   const Geometry& geometry) {
    if (geometry.tile == 0) return nullptr;
    const Shape same_size{input[0], weights[0], input[2], input[3]};
    const bool fits = weights == Shape{output[1], input[1], 3, 3} && output == same_size &&
                      geometry.stride == 1 && geometry.padding_before == 1 && geometry.groups == 1;
    if ((geometry.tile != 2 && geometry.tile != 4) || !fits)
        throw std::invalid_argument("this convolution has no Winograd tiles of that size");
    return geometry.tile == 2 ? ThisProcessor().small_tiles : ThisProcessor().large_tiles;
}

// What oneDNN does to an output of this format.
dnnl::post_ops PostOps(const Geometry& geometry, const Format& output) {
    dnnl::post_ops result;
    if (geometry.adds) result.append_binary(dnnl::algorithm::binary_add, output);
    const auto [least, most] = geometry.bounds;
    if (least == kRelu.least && most == kRelu.most)
        result.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
    else if (std::isfinite(least) || std::isfinite(most))
        result.append_eltwise(dnnl::algorithm::eltwise_clip, least, most);
    return result;
}

}  // namespace

Shape PaddingAfter(const Shape& input, const Shape& output, std::int64_t window, std::int64_t stride,
                   std::int64_t before) {
    Shape result;
    for (const std::size_t axis : {2, 3}) {
        const std::int64_t total = (output[axis] - 1) * stride + window - input[axis];
        result.push_back(std::max<std::int64_t>(0, total - before));
    }
    return result;
}

Convolution::Convolution(const Shape& input, const Shape& weights, const Shape& output,
                         const Geometry& geometry, bool trained)
    : input_(input),
      shape_(weights),
      output_(output),
      adds_(geometry.adds),
      bounds_(geometry.bounds),
      weights_(PlainFormat(GroupedShape(weights, geometry.groups))),
      bias_(PlainFormat({weights[0]})),
      winograd_(WinogradFor(input, weights, output, geometry)) {
    const auto algorithm = dnnl::algorithm::convolution_direct;
    const Shape stride{geometry.stride, geometry.stride};
    const Shape before{geometry.padding_before, geometry.padding_before};
    const Shape after = PaddingAfter(input, output, weights[2], geometry.stride, geometry.padding_before);
    const Format x = AnyFormat(input), w = AnyFormat(weights_.get_dims()), y = AnyFormat(output);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(PostOps(geometry, y));
    const auto training = dnnl::prop_kind::forward_training;
    forward_ = {Engine(), training, algorithm, x, w, bias_, y, stride, before, after, attributes};
    output_format_ =
        winograd_ == nullptr ? forward_.dst_desc() : ChannelBlockedFormat(output, winograd_->lanes);
    if (!trained) return;
    backward_data_ = {Engine(), algorithm, x, w, y, stride, before, after, forward_};
    backward_weights_ = {Engine(), algorithm, x, w, bias_, y, stride, before, after, forward_};
}

Filters<const float> Convolution::Plain(const void* weights, bool rotated) const {
    const auto* values = static_cast<const float*>(weights);
    return {values, shape_[rotated ? 1 : 0], shape_[rotated ? 0 : 1], rotated};
}

void Convolution::Forward(Call& call, const dnnl::memory& input, const void* weights, const void* bias,
                          const dnnl::memory& output, const dnnl::memory& added) const {
    const dnnl::memory other = adds_ ? call.InFormat(added, output_format_) : added;
    if (winograd_ != nullptr) {
        const dnnl::memory x = call.InFormat(input, ChannelBlockedFormat(input_, winograd_->lanes));
        Stream().wait();
        WinogradConvolution(*winograd_, input_, output_[1])
            .Forward(call, Values(x), Plain(weights, false), static_cast<const float*>(bias),
                     adds_ ? Values(other) : nullptr, bounds_, Values(output));
        return;
    }
    const dnnl::memory x = call.InFormat(input, forward_.src_desc());
    const dnnl::memory w = call.InFormat(WrapMemory(weights_, weights), forward_.weights_desc());
    std::unordered_map<int, dnnl::memory> arguments{{DNNL_ARG_SRC, x},
                                                    {DNNL_ARG_WEIGHTS, w},
                                                    {DNNL_ARG_BIAS, WrapMemory(bias_, bias)},
                                                    {DNNL_ARG_DST, output}};
    if (adds_) arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, other);
    dnnl::convolution_forward(forward_).execute(Stream(), arguments);
}

dnnl::memory Convolution::InputGradient(Call& call, const dnnl::memory& gradient, const void* weights) const {
    if (winograd_ != nullptr) {
        const dnnl::memory dy = call.InFormat(gradient, ChannelBlockedFormat(output_, winograd_->lanes));
        const dnnl::memory dx = call.Buffer(ChannelBlockedFormat(input_, winograd_->lanes));
        Stream().wait();
        WinogradConvolution(*winograd_, output_, input_[1])
            .Forward(call, Values(dy), Plain(weights, true), nullptr, nullptr, Bounds{}, Values(dx));
        return dx;
    }
    const dnnl::memory dx = call.Buffer(backward_data_.diff_src_desc());
    const dnnl::memory dy = call.InFormat(gradient, backward_data_.diff_dst_desc());
    const dnnl::memory w = call.InFormat(WrapMemory(weights_, weights), backward_data_.weights_desc());
    dnnl::convolution_backward_data(backward_data_)
        .execute(Stream(), {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DIFF_SRC, dx}});
    return dx;
}

void Convolution::WeightGradient(Call& call, const dnnl::memory& input, const dnnl::memory& gradient,
                                 void* weights, void* bias) const {
    if (winograd_ != nullptr) {
        const dnnl::memory x = call.InFormat(input, ChannelBlockedFormat(input_, winograd_->lanes));
        const dnnl::memory dy = call.InFormat(gradient, ChannelBlockedFormat(output_, winograd_->lanes));
        Stream().wait();
        WinogradConvolution(*winograd_, input_, output_[1])
            .WeightGradient(call, Values(x), Values(dy), static_cast<float*>(weights),
                            static_cast<float*>(bias));
        return;
    }
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
