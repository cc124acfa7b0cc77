// A convolution of the frozen encoder, forwards.

#include <stdexcept>

#include "convolution.h"
#include "entry.h"

using namespace fastflow;

// x (B, I, H, W), weights (O, I / groups, K, K), bias (O), and int32 stride and padding above and to the left
// -> (B, O, H', W').
FASTFLOW_KERNEL(EncoderConvolution) {
    return guarded("EncoderConvolution", [&] {
        if (count != 5) throw std::invalid_argument("5 tensors are needed");
        Call call;
        const Shape x = shape(axes, shapes, 0), weights = shape(axes, shapes, 1), y = shape(axes, shapes, 4);
        const auto* stride_and_padding = static_cast<const int32_t*>(params[3]);
        Geometry geometry;
        geometry.stride = stride_and_padding[0];
        geometry.padding_before = stride_and_padding[1];
        geometry.groups = x[1] / weights[1];
        const auto& convolution =
            prepared<Convolution>({x, weights, y, {geometry.stride, geometry.padding_before}},
                                  [&] { return Convolution(x, weights, y, geometry); });
        const dnnl::memory result = call.buffer(convolution.output_format());
        convolution.forward(call, wrap(plain(x), params[0]), params[1], params[2], result);
        copy(result, wrap(plain(y), params[4]));
        stream().wait();
    });
}
