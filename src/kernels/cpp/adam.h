// Adam's update of a tensor, and the moving average of the weights, in one pass over both.
#pragma once

#include <cstdint>

namespace fastflow {

struct AdamRule {
    float learning_rate = 0;  // with the corrections of the moments' bias in it
    float beta1 = 0, beta2 = 0, epsilon = 0;
    float weight_decay = 0;    // an L2 penalty, whose gradient is added
    float averaging_rate = 0;  // average += averaging_rate * (weight - average)
};

// Values of one tensor that lie together. `average` is null where none is kept.
struct AdamTensor {
    float *weight, *moment1, *moment2, *average;
    const float* gradient;

    [[nodiscard]] AdamTensor From(std::int64_t first) const {
        return {weight + first, moment1 + first, moment2 + first,
                average == nullptr ? nullptr : average + first, gradient + first};
    }
};

using AdamUpdate = void (*)(const AdamRule& rule, const AdamTensor& tensor, std::int64_t size);

}  // namespace fastflow
