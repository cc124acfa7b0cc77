// The function of adam.h. It is compiled for each instruction set, and then has its type (`Cpu`).
//
// It rounds as MindSpore's operations do, so that who has no kernels trains the same weights: where these
// fuse a multiplication and an addition it does, and nowhere else.
#pragma once

#include <cmath>
#include <cstring>

#include "processor.h"

namespace fastflow {

template <typename Cpu>
struct Adam {
    using Vector = typename Cpu::Vector;
    static constexpr std::int64_t kLanes = sizeof(Vector) / sizeof(float);

    // The next kLanes values, or the `count` that are left and zeros.
    FASTFLOW_INLINE static Vector Load(const float* values, std::int64_t count) {
        Vector result = {};
        Copy(&result, values, count);
        return result;
    }
    FASTFLOW_INLINE static void Store(float* values, const Vector& from, std::int64_t count) {
        Copy(values, &from, count);
    }
    FASTFLOW_INLINE static void Copy(void* to, const void* from, std::int64_t count) {
        if (count >= kLanes)
            std::memcpy(to, from, sizeof(Vector));  // of a size that is known, this is one instruction
        else
            std::memcpy(to, from, sizeof(float) * static_cast<std::size_t>(count));
    }

    // The new weights in double precision, in which MindSpore has those at a tensor's end that fill no
    // vector.
    static Vector Precisely(Vector weight, Vector step, Vector second, double epsilon) {
        for (std::int64_t i = 0; i < kLanes; ++i) {
            const double root = std::sqrt(static_cast<double>(second[i]));
            weight[i] = static_cast<float>(weight[i] - step[i] / (root + epsilon));
        }
        return weight;
    }

    static void Update(const AdamRule& rule, const AdamTensor& tensor, std::int64_t size) {
        const Vector beta1_rest = Vector{} + (1 - rule.beta1), beta2_rest = Vector{} + (1 - rule.beta2);
        for (std::int64_t i = 0; i < size; i += kLanes) {
            const std::int64_t left = size - i;
            Vector weight = Load(tensor.weight + i, left), gradient = Load(tensor.gradient + i, left);
            if (rule.weight_decay != 0) gradient = Cpu::Rounded(weight * rule.weight_decay) + gradient;
            Vector first = Load(tensor.moment1 + i, left), second = Load(tensor.moment2 + i, left);
            first = Cpu::MultiplyAdd(gradient - first, beta1_rest, first);
            second = Cpu::MultiplyAdd(Cpu::MultiplyAdd(gradient, gradient, -second), beta2_rest, second);
            const Vector step = first * rule.learning_rate;
            weight = left < kLanes ? Precisely(weight, step, second, rule.epsilon)
                                   : weight - step / (Cpu::SquareRoot(second) + rule.epsilon);
            Store(tensor.weight + i, weight, left);
            Store(tensor.moment1 + i, first, left);
            Store(tensor.moment2 + i, second, left);
            if (tensor.average == nullptr) continue;
            const Vector average = Load(tensor.average + i, left);
            const Vector change = Cpu::Rounded((average - weight) * rule.averaging_rate);
            Store(tensor.average + i, average - change, left);
        }
    }
};

}  // namespace fastflow
