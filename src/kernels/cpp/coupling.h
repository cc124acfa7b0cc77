// The affine coupling and what follows it, per channel plane: H * W values that lie together.
#pragma once

#include <cstdint>

namespace fastflow {

// What the backward pass sums up over one plane.
struct ChannelGradient {
    double scale = 0, offset = 0;
};

// out = x * scale + offset
void affine_plane(const float* x, float scale, float offset, int64_t size, float* out);

// With s = 2 tanh(0.1 a_s): out = (x exp(s) + 0.1 a_t) * scale + offset. Returns the sum of s.
double coupling_plane(const float* x, const float* a_s, const float* a_t, float scale, float offset,
                      int64_t size, float* out);

// The gradients of `affine_plane`, given that of `out`.
ChannelGradient affine_plane_gradient(const float* x, const float* gradient, float scale, int64_t size,
                                      float* dx);

// The gradients of `coupling_plane`, given those of `out` and of the sum of s.
ChannelGradient coupling_plane_gradient(const float* x, const float* a_s, const float* a_t,
                                        const float* gradient, float sum_gradient, float scale, int64_t size,
                                        float* dx, float* da_s, float* da_t);

}  // namespace fastflow
