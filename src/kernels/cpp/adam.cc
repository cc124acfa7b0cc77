// Adam's step over all parameters of a network.
#include "adam.h"

#include <cmath>
#include <vector>

#include "entry.h"
#include "processor.h"
#include "threads.h"

namespace fastflow {
namespace {

// The tensors that come before those of the parameters, float32 of no axes where nothing else is said.
enum AdamInput {
    kLearningRate,
    kBeta1Power,  // of this step
    kBeta2Power,
    kAveragingRate,
    kAdamConstants,  // (3): beta1, beta2, epsilon
    kWeightDecays,   // (P): of each of the P parameters
    kFirstTensor  // all weights, all first moments, all second moments, all gradients; all averages, if any
};

constexpr std::int64_t kPart = 1 << 14;  // values that a thread takes at once

struct Part {
    AdamTensor tensor;
    std::int64_t size;
    float weight_decay;
};

// The shapes of a tensor and the values of its kinds, in parts. Throws std::invalid_argument where they
// differ.
std::vector<Part> Parts(int count, void* const* values, const int* axes, const std::int64_t* const* shapes) {
    const std::int64_t parameters = axes[kWeightDecays] == 1 ? shapes[kWeightDecays][0] : 0;
    const auto* decays = static_cast<const float*>(values[kWeightDecays]);
    const std::int64_t given = count - 1 - kFirstTensor;  // the last is the output
    const bool averages = given == 5 * parameters;
    if (parameters < 1 || (!averages && given != 4 * parameters))
        throw std::invalid_argument("the numbers of weights, moments and gradients differ");
    const auto size_of = [&](std::int64_t i) {
        std::int64_t size = 1;
        for (int axis = 0; axis < axes[i]; ++axis) size *= shapes[i][axis];
        return size;
    };
    std::vector<Part> parts;
    for (std::int64_t i = kFirstTensor; i < kFirstTensor + parameters; ++i) {
        const auto at = [&](int kind) { return static_cast<float*>(values[i + kind * parameters]); };
        for (int kind = 1; kind < (averages ? 5 : 4); ++kind) {
            if (size_of(i + kind * parameters) != size_of(i))
                throw std::invalid_argument("the sizes of weights, moments and gradients differ");
        }
        const AdamTensor all{at(0), at(1), at(2), averages ? at(4) : nullptr, at(3)};
        for (std::int64_t first = 0; first < size_of(i); first += kPart)
            parts.push_back({all.From(first), std::min(kPart, size_of(i) - first), decays[i - kFirstTensor]});
    }
    return parts;
}

void Step(int count, void* const* values, const int* axes, const std::int64_t* const* shapes) {
    if (count <= kFirstTensor + 1) throw std::invalid_argument("there are no parameters");
    const std::vector<Part> parts = Parts(count, values, axes, shapes);
    const auto number = [&](int input, int i = 0) { return static_cast<const float*>(values[input])[i]; };
    AdamRule rule;
    rule.learning_rate =
        number(kLearningRate) * std::sqrt(1 - number(kBeta2Power)) / (1 - number(kBeta1Power));
    rule.beta1 = number(kAdamConstants, 0);
    rule.beta2 = number(kAdamConstants, 1);
    rule.epsilon = number(kAdamConstants, 2);
    rule.averaging_rate = number(kAveragingRate);
    const Call call;
    const AdamUpdate update = ThisProcessor().adam;
    Threads::All().Each(static_cast<std::int64_t>(parts.size()), [&](std::int64_t i) {
        const Part& part = parts[static_cast<std::size_t>(i)];
        AdamRule own = rule;
        own.weight_decay = part.weight_decay;
        update(own, part.tensor, part.size);
    });
    static_cast<float*>(values[count - 1])[0] = rule.learning_rate;
}

}  // namespace
}  // namespace fastflow

// Updates the weights, moments and averages where they lie; the output (1) is there to wait for.
extern "C" int AdamStep(int count, void** values, int* axes, std::int64_t** shapes, const char**, void*,
                        void*) {
    return fastflow::Guarded("AdamStep", [&] { fastflow::Step(count, values, axes, shapes); });
}
