// The affine coupling and what follows it, per channel plane: H * W values that lie together.
#pragma once

#include <cstdint>

namespace fastflow {

// The constants CLAMP, one of LOG_SCALE_GAINS, and SUBNET_GAIN of src/fastflow.py.
struct CouplingConstants {
    float clamp = 0, log_scale_gain = 0, subnet_gain = 0;
};

// What the backward pass sums up over one plane: the gradients of the channel's scale and offset.
struct ChannelGradient {
    double scale = 0, offset = 0;
};

struct Coupling {
    // out = x * scale + offset
    void (*affine)(const float* x, float scale, float offset, std::int64_t size, float* out);

    // With s = clamp * tanh(log_scale_gain * a_s) and t = subnet_gain * a_t: out = (x * exp(s) + t) * scale +
    // offset. Returns the sum of s.
    double (*couple)(const float* x, const float* a_s, const float* a_t, CouplingConstants constants,
                     float scale, float offset, std::int64_t size, float* out);

    // The gradients of `affine`, given that of `out`.
    ChannelGradient (*affine_gradient)(const float* x, const float* gradient, float scale, std::int64_t size,
                                       float* dx);

    // The gradients of `couple`, given those of `out` and of the sum of s.
    ChannelGradient (*couple_gradient)(const float* x, const float* a_s, const float* a_t,
                                       CouplingConstants constants, const float* gradient, float sum_gradient,
                                       float scale, std::int64_t size, float* dx, float* da_s, float* da_t);
};

}  // namespace fastflow
