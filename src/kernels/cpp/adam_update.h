// The function of adam.h. It is compiled for each instruction set, and then has its type (`Cpu`).
//
// It rounds as MindSpore's operations do, so that who has no kernels trains the same weights: where these
// fuse a multiplication and an addition it does, and nowhere else.
#pragma once

#include <cmath>

#include "vectors.h"

namespace fastflow {

template <typename Cpu>
struct Adam : Vectors<typename Cpu::Vector> {
    using Vector = typename Cpu::Vector;
    using Vectors<Vector>::kLanes, Vectors<Vector>::Load, Vectors<Vector>::Store;

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
