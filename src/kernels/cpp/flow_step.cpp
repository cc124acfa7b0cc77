// A whole flow step (see src/fastflow.py), forwards and backwards: subnet, coupling, scale, offset and
// permutation.

#include <stdexcept>
#include <vector>

#include "convolution.h"
#include "coupling.h"
#include "entry.h"
#include "threads.h"

namespace fastflow {

namespace {

// What is prepared once for one set of shapes.
struct FlowStep {
    Shape x, a;           // the step's input, and the subnet's output
    int64_t kept, plane;  // channels that the coupling leaves as they are; H * W
    Convolution first, second;
    dnnl::eltwise_backward::primitive_desc relu_backward;

    FlowStep(const Shape& input, const Shape& weights1, const Shape& weights2)
        : x(input), a{x[0], weights2[0], x[2], x[3]}, kept(weights1[1]), plane(x[2] * x[3]) {
        const Shape hidden{x[0], weights1[0], x[2], x[3]};
        first = Convolution({x[0], kept, x[2], x[3]}, weights1, hidden, same_size(weights1, true), true);
        second = Convolution(hidden, weights2, a, same_size(weights2, false), true);
        const Format format = first.output_format();
        const dnnl::eltwise_forward::primitive_desc relu(engine(), dnnl::prop_kind::forward_training,
                                                         dnnl::algorithm::eltwise_relu, format, format, 0.0F,
                                                         0.0F);
        relu_backward = {
            engine(), dnnl::algorithm::eltwise_relu_use_dst_for_bwd, format, format, format, 0.0F, 0.0F,
            relu};
    }

    // Of a convolution whose output has the input's size.
    static Geometry same_size(const Shape& weights, bool relu) {
        Geometry geometry;
        geometry.padding_before = weights[2] / 2;
        geometry.relu = relu;
        return geometry;
    }

    int64_t channels() const { return x[1]; }
    int64_t changed() const { return x[1] - kept; }

    static const FlowStep& of(const Shape& input, const Shape& weights1, const Shape& weights2) {
        const std::vector<Shape> shapes{input, weights1, weights2};
        return prepared<FlowStep>(shapes, [&] { return FlowStep(input, weights1, weights2); });
    }
};

// Where each channel goes: permutation[result[c]] is c.
std::vector<int64_t> inverse(const int32_t* permutation, int64_t channels) {
    std::vector<int64_t> result(static_cast<size_t>(channels), -1);
    for (int64_t i = 0; i < channels; i++) {
        const auto c = static_cast<size_t>(permutation[i]);  // a negative one becomes huge
        if (c >= result.size() || result[c] >= 0) throw std::invalid_argument("not a permutation");
        result[c] = i;
    }
    return result;
}

void couple(const FlowStep& step, const float* x, const float* a, const float* scale, const float* offset,
            const std::vector<int64_t>& target, float* out, float* log_scales) {
    const int64_t channels = step.channels(), plane = step.plane, changed = step.changed();
    std::vector<double> sums(static_cast<size_t>(step.x[0] * channels), 0.0);
    Threads::all().each(step.x[0] * channels, [&](int64_t i) {
        const int64_t picture = i / channels, c = i % channels, m = c - step.kept;
        float* to = out + (picture * channels + target[static_cast<size_t>(c)]) * plane;
        if (m < 0) {
            affine_plane(x + i * plane, scale[c], offset[c], plane, to);
        } else {
            const float* a_s = a + (picture * 2 * changed + m) * plane;
            sums[static_cast<size_t>(i)] =
                coupling_plane(x + i * plane, a_s, a_s + changed * plane, scale[c], offset[c], plane, to);
        }
    });
    for (int64_t picture = 0; picture < step.x[0]; picture++) {
        double sum = 0;
        for (int64_t c = 0; c < channels; c++) sum += sums[static_cast<size_t>(picture * channels + c)];
        log_scales[picture] = static_cast<float>(sum);
    }
}

struct CouplingGradients {
    float *dx, *da, *scale, *offset;
};

void couple_backward(const FlowStep& step, const float* x, const float* a, const float* gradient,
                     const float* sum_gradient, const float* scale, const std::vector<int64_t>& target,
                     const CouplingGradients& to) {
    const int64_t channels = step.channels(), plane = step.plane, changed = step.changed();
    Threads::all().each(channels, [&](int64_t c) {
        ChannelGradient sum;
        for (int64_t picture = 0; picture < step.x[0]; picture++) {
            const int64_t at = (picture * channels + c) * plane, m = c - step.kept;
            const float* dz = gradient + (picture * channels + target[static_cast<size_t>(c)]) * plane;
            ChannelGradient found;
            if (m < 0) {
                found = affine_plane_gradient(x + at, dz, scale[c], plane, to.dx + at);
            } else {
                const int64_t s = (picture * 2 * changed + m) * plane, t = s + changed * plane;
                found = coupling_plane_gradient(x + at, a + s, a + t, dz, sum_gradient[picture], scale[c],
                                                plane, to.dx + at, to.da + s, to.da + t);
            }
            sum.scale += found.scale;
            sum.offset += found.offset;
        }
        to.scale[c] = static_cast<float>(sum.scale);
        to.offset[c] = static_cast<float>(sum.offset);
    });
}

float* floats(void* values) { return static_cast<float*>(values); }

}  // namespace

}  // namespace fastflow

using namespace fastflow;

// x (B, C, H, W), weights and biases of the two convolutions, scale (C), offset (C), permutation int32 (C) ->
// out (B, C, H, W), the sum of the log-scales s per picture (B), and for the backward pass the hidden map (in
// oneDNN's format, at most as large as with its channels filled up to a multiple of 16) and a (B, 2 (C // 2),
// H, W).
FASTFLOW_KERNEL(FlowStepForward) {
    return guarded("FlowStepForward", [&] {
        if (count != 12) throw std::invalid_argument("12 tensors are needed");
        Call call;
        const FlowStep& step =
            FlowStep::of(shape(axes, shapes, 0), shape(axes, shapes, 1), shape(axes, shapes, 3));
        const Format format = step.first.output_format();
        if (format.get_size() > sizeof(float) * static_cast<size_t>(shapes[10][0]))
            throw std::length_error("the hidden map is larger than expected");
        const dnnl::memory hidden = wrap(format, params[10]), a = wrap(plain(step.a), params[11]);
        step.first.forward(call, wrap(first_channels(step.x, step.kept), params[0]), params[1], params[2],
                           hidden);
        const dnnl::memory subnet = call.buffer(step.second.output_format());
        step.second.forward(call, hidden, params[3], params[4], subnet);
        copy(subnet, a);
        stream().wait();
        const auto target = inverse(static_cast<const int32_t*>(params[7]), step.channels());
        couple(step, floats(params[0]), floats(params[11]), floats(params[5]), floats(params[6]), target,
               floats(params[8]), floats(params[9]));
    });
}

// x, the two weights, scale, permutation, hidden, a, and the gradients of out and of the sums of s -> the
// gradients of x, weights 1, bias 1, weights 2, bias 2, scale, offset.
FASTFLOW_KERNEL(FlowStepBackward) {
    return guarded("FlowStepBackward", [&] {
        if (count != 16) throw std::invalid_argument("16 tensors are needed");
        Call call;
        const FlowStep& step =
            FlowStep::of(shape(axes, shapes, 0), shape(axes, shapes, 1), shape(axes, shapes, 2));
        const auto target = inverse(static_cast<const int32_t*>(params[4]), step.channels());
        const dnnl::memory plain_da = call.buffer(plain(step.a));
        couple_backward(
            step, floats(params[0]), floats(params[6]), floats(params[7]), floats(params[8]),
            floats(params[3]), target,
            {floats(params[9]), floats(plain_da.get_data_handle()), floats(params[14]), floats(params[15])});

        const Format format = step.first.output_format(), kept = first_channels(step.x, step.kept);
        const dnnl::memory hidden = wrap(format, params[5]);
        const dnnl::memory da =
            call.in_format(plain_da, step.second.output_format());  // once for both gradients
        step.second.weight_gradient(call, hidden, da, params[12], params[13]);
        const dnnl::memory dhidden = call.in_format(step.second.input_gradient(call, da, params[2]), format);
        dnnl::eltwise_backward(step.relu_backward)
            .execute(stream(),
                     {{DNNL_ARG_DST, hidden}, {DNNL_ARG_DIFF_DST, dhidden}, {DNNL_ARG_DIFF_SRC, dhidden}});
        step.first.weight_gradient(call, wrap(kept, params[0]), dhidden, params[10], params[11]);
        add(step.first.input_gradient(call, dhidden, params[1]), wrap(kept, params[9]));
        stream().wait();
    });
}
