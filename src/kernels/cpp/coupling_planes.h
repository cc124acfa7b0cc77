// The functions of coupling.h. They are compiled for each instruction set, and then have its type (`Cpu`).
#pragma once

#include <cstring>

#include "vectors.h"

namespace fastflow {

template <typename Cpu>
struct CouplingPlanes : Vectors<typename Cpu::Vector> {
    using Floats = typename Cpu::Vector;
    using Ints = decltype(Floats{} < Floats{});  // of 32 bits
    using Vectors<Floats>::Load, Vectors<Floats>::Store, Vectors<Floats>::kLanes;

    // 16 sums on every processor, so that they are added up in the same order.
    struct Sums {
        static constexpr std::int64_t kCount = 16;
        Floats values[kCount / kLanes] = {};

        // To those of a plane's positions from `at` on, modulo kCount.
        FASTFLOW_INLINE void Add(std::int64_t at, const Floats& more) {
            Floats& value = values[at % kCount / kLanes];
            value = value + more;
        }
        [[nodiscard]] FASTFLOW_INLINE double Total() const {
            double sum = 0;
            for (const Floats& value : values)
                for (std::int64_t i = 0; i < kLanes; ++i) sum += value[i];
            return sum;
        }
    };

    // For |x| < 87: e^x = 2^n e^r with x = n ln 2 + r and |r| <= ln 2 / 2, where e^r is its Taylor series.
    // NaN stays NaN.
    FASTFLOW_INLINE static Floats Exponential(const Floats& x) {
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

    // From |x| = 0.25 on, 1 - 2 / (e^2|x| + 1) with the sign of x, right to 4e-7; below, where that
    // difference would lose digits, the Taylor series. NaN stays NaN.
    FASTFLOW_INLINE static Floats HyperbolicTangent(const Floats& x) {
        const Floats absolute = x < 0 ? -x : x;
        const Floats limit = Floats{} + 10;  // from here on it is 1 in float32
        const Floats magnitude = limit < absolute ? limit : absolute;
        const Floats far = 1 - 2 / (Exponential(2 * magnitude) + 1);
        const Floats square = x * x;
        Floats near = square * (-1382.0F / 155925) + 62.0F / 2835;
        near = near * square - 17.0F / 315;
        near = near * square + 2.0F / 15;
        near = near * square - 1.0F / 3;
        near = near * square * x + x;
        return magnitude < 0.25F ? near : (x < 0 ? -far : far);
    }

    static void Affine(const float* x, float scale, float offset, std::int64_t size, float* out) {
        for (std::int64_t i = 0; i < size; ++i) out[i] = x[i] * scale + offset;
    }

    static double Couple(const float* x, const float* a_s, const float* a_t, CouplingConstants constants,
                         float scale, float offset, std::int64_t size, float* out) {
        Sums sum;
        for (std::int64_t i = 0; i < size; i += kLanes) {
            const std::int64_t left = size - i;
            const Floats s =
                constants.clamp * HyperbolicTangent(constants.log_scale_gain * Load(a_s + i, left));
            const Floats t = constants.subnet_gain * Load(a_t + i, left);
            const Floats y = Load(x + i, left) * Exponential(s) + t;
            Store(out + i, y * scale + offset, left);
            sum.Add(i, s);
        }
        return sum.Total();
    }

    static ChannelGradient AffineGradient(const float* x, const float* gradient, float scale,
                                          std::int64_t size, float* dx) {
        Sums of_scale, of_offset;
        for (std::int64_t i = 0; i < size; i += kLanes) {
            const std::int64_t left = size - i;
            const Floats dz = Load(gradient + i, left);
            of_scale.Add(i, dz * Load(x + i, left));
            of_offset.Add(i, dz);
            Store(dx + i, dz * scale, left);
        }
        return {of_scale.Total(), of_offset.Total()};
    }

    static ChannelGradient CoupleGradient(const float* x, const float* a_s, const float* a_t,
                                          CouplingConstants constants, const float* gradient,
                                          float sum_gradient, float scale, std::int64_t size, float* dx,
                                          float* da_s, float* da_t) {
        Sums of_scale, of_offset;
        for (std::int64_t i = 0; i < size; i += kLanes) {
            const std::int64_t left = size - i;
            const Floats tangent = HyperbolicTangent(constants.log_scale_gain * Load(a_s + i, left));
            const Floats factor = Exponential(constants.clamp * tangent);
            const Floats scaled = Load(x + i, left) * factor;
            const Floats dz = Load(gradient + i, left);
            of_scale.Add(i, dz * (scaled + constants.subnet_gain * Load(a_t + i, left)));
            of_offset.Add(i, dz);
            const Floats dy = dz * scale;
            Store(dx + i, dy * factor, left);
            Store(da_t + i, constants.subnet_gain * dy, left);
            const Floats ds = dy * scaled + sum_gradient;
            Store(da_s + i, ds * (constants.clamp * constants.log_scale_gain) * (1 - tangent * tangent),
                  left);
        }
        return {of_scale.Total(), of_offset.Total()};
    }

    static constexpr Coupling kTable = {Affine, Couple, AffineGradient, CoupleGradient};
};

}  // namespace fastflow
