#include "coupling.h"

#include <cstring>

// Each function is compiled for several instruction sets, and chosen when the library is loaded.
#define FOR_EACH_CPU __attribute__((target_clones("avx512f", "avx2", "default")))
#define INLINE __attribute__((always_inline)) inline

namespace fastflow {

namespace {

constexpr int64_t kLanes = 16;
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Ints = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));

// The constants of src/fastflow.py.
constexpr float kClamp = 2.0F;
constexpr float kSubnetScale = 0.1F;

// The next values; at the end of a plane fewer than kLanes, filled up with zeros.
INLINE Floats load(const float* values, int64_t count) {
    Floats result = {};
    std::memcpy(&result, values, sizeof(float) * static_cast<size_t>(count < kLanes ? count : kLanes));
    return result;
}

INLINE void store(float* values, const Floats& from, int64_t count) {
    std::memcpy(values, &from, sizeof(float) * static_cast<size_t>(count < kLanes ? count : kLanes));
}

INLINE double total(const Floats& values) {
    double sum = 0;
    for (int64_t i = 0; i < kLanes; i++) sum += values[i];
    return sum;
}

// For |x| < 87: 2^n e^r with x = n ln 2 + r and |r| <= ln 2 / 2, e^r by its Taylor series. NaN stays NaN.
INLINE Floats exponential(const Floats& x) {
    constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it leaves no bit for a fraction
    constexpr float kLn2High = 0.693359375F, kLn2Low = -2.12194440e-4F;
    const Floats n = (x * 1.44269504F + kRound) - kRound;
    const Floats r = (x - n * kLn2High) - n * kLn2Low;
    Floats series = r * (1.0F / 5040) + 1.0F / 720;
    series = series * r + 1.0F / 120;
    series = series * r + 1.0F / 24;
    series = series * r + 1.0F / 6;
    series = series * r + 0.5F;
    series = series * r + 1.0F;
    series = series * r + 1.0F;
    const Ints power = (__builtin_convertvector(n, Ints) + 127) << 23;
    Floats factor;
    std::memcpy(&factor, &power, sizeof(factor));
    return series * factor;
}

// From 0.25 on 1 - 2 / (e^2x + 1), right to 4e-7; below, where that cancels, the Taylor series. NaN stays
// NaN.
INLINE Floats hyperbolic_tangent(const Floats& x) {
    const Floats absolute = x < 0 ? -x : x;
    const Floats limit = Floats{} + 10;  // where it is 1 in float32
    const Floats magnitude = limit < absolute ? limit : absolute;
    const Floats far = 1 - 2 / (exponential(2 * magnitude) + 1);
    const Floats square = x * x;
    Floats near = square * (-1382.0F / 155925) + 62.0F / 2835;
    near = near * square - 17.0F / 315;
    near = near * square + 2.0F / 15;
    near = near * square - 1.0F / 3;
    near = near * square * x + x;
    return magnitude < 0.25F ? near : (x < 0 ? -far : far);
}

}  // namespace

FOR_EACH_CPU void affine_plane(const float* x, float scale, float offset, int64_t size, float* out) {
    for (int64_t i = 0; i < size; i++) out[i] = x[i] * scale + offset;
}

FOR_EACH_CPU double coupling_plane(const float* x, const float* a_s, const float* a_t, float scale,
                                   float offset, int64_t size, float* out) {
    Floats sum = {};
    for (int64_t i = 0; i < size; i += kLanes) {
        const int64_t left = size - i;
        const Floats s = kClamp * hyperbolic_tangent(kSubnetScale * load(a_s + i, left));
        const Floats y = load(x + i, left) * exponential(s) + kSubnetScale * load(a_t + i, left);
        store(out + i, y * scale + offset, left);
        sum += s;
    }
    return total(sum);
}

FOR_EACH_CPU ChannelGradient affine_plane_gradient(const float* x, const float* gradient, float scale,
                                                   int64_t size, float* dx) {
    Floats of_scale = {}, of_offset = {};
    for (int64_t i = 0; i < size; i += kLanes) {
        const int64_t left = size - i;
        const Floats dz = load(gradient + i, left);
        of_scale += dz * load(x + i, left);
        of_offset += dz;
        store(dx + i, dz * scale, left);
    }
    return {total(of_scale), total(of_offset)};
}

FOR_EACH_CPU ChannelGradient coupling_plane_gradient(const float* x, const float* a_s, const float* a_t,
                                                     const float* gradient, float sum_gradient, float scale,
                                                     int64_t size, float* dx, float* da_s, float* da_t) {
    Floats of_scale = {}, of_offset = {};
    for (int64_t i = 0; i < size; i += kLanes) {
        const int64_t left = size - i;
        const Floats tangent = hyperbolic_tangent(kSubnetScale * load(a_s + i, left));
        const Floats factor = exponential(kClamp * tangent);
        const Floats scaled = load(x + i, left) * factor;
        const Floats dz = load(gradient + i, left);
        of_scale += dz * (scaled + kSubnetScale * load(a_t + i, left));
        of_offset += dz;
        const Floats dy = dz * scale;
        store(dx + i, dy * factor, left);
        store(da_t + i, kSubnetScale * dy, left);
        const Floats ds = dy * scaled + sum_gradient;
        store(da_s + i, ds * (kClamp * kSubnetScale) * (1 - tangent * tangent), left);
    }
    return {total(of_scale), total(of_offset)};
}

}  // namespace fastflow
