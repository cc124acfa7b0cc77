#include "convolution.h"

#include <algorithm>
#include <stdexcept>

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

}  // namespace

Convolution::Convolution(const Shape& input, const Shape& weights, const Shape& output,
                         const Geometry& geometry, bool trained)
    : input_(input),
      shape_(weights),
      output_(output),
      relu_(geometry.relu),
      weights_(PlainFormat(GroupedShape(weights, geometry.groups))),
      bias_(PlainFormat({weights[0]})),
      winograd_(WinogradFor(input, weights, output, geometry)) {
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
                          const dnnl::memory& output) const {
    if (winograd_ != nullptr) {
        const dnnl::memory x = call.InFormat(input, ChannelBlockedFormat(input_, winograd_->lanes));
        Stream().wait();
        WinogradConvolution(*winograd_, input_, output_[1])
            .Forward(call, Values(x), Plain(weights, false), static_cast<const float*>(bias), relu_,
                     Values(output));
        return;
    }
    const dnnl::memory x = call.InFormat(input, forward_.src_desc());
    const dnnl::memory w = call.InFormat(WrapMemory(weights_, weights), forward_.weights_desc());
    dnnl::convolution_forward(forward_).execute(Stream(), {{DNNL_ARG_SRC, x},
                                                           {DNNL_ARG_WEIGHTS, w},
                                                           {DNNL_ARG_BIAS, WrapMemory(bias_, bias)},
                                                           {DNNL_ARG_DST, output}});
}

dnnl::memory Convolution::InputGradient(Call& call, const dnnl::memory& gradient, const void* weights) const {
    if (winograd_ != nullptr) {
        const dnnl::memory dy = call.InFormat(gradient, ChannelBlockedFormat(output_, winograd_->lanes));
        const dnnl::memory dx = call.Buffer(ChannelBlockedFormat(input_, winograd_->lanes));
        Stream().wait();
        WinogradConvolution(*winograd_, output_, input_[1])
            .Forward(call, Values(dy), Plain(weights, true), nullptr, false, Values(dx));
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
