// A flow step's coupling over whole maps: the planes of all pictures and channels, shared out to the threads.

#include <stdexcept>

#include "flow_step.h"
#include "processor.h"
#include "threads.h"

namespace fastflow {
namespace {

template <typename Name>
CouplingConstants ReadConstants(const Tensors<Name>& tensors) {
    if (tensors.shape(Name::kConstants) != Shape{3}) throw std::invalid_argument("3 constants are needed");
    const float* values = tensors.floats(Name::kConstants);
    return {values[0], values[1], values[2]};
}

// Where the permutation puts each channel: permutation[result[c]] is c.
template <typename Name>
std::vector<std::int64_t> ReadTargets(const Tensors<Name>& tensors, std::int64_t channels) {
    const std::int32_t* permutation = tensors.ints(Name::kPermutation);
    std::vector<std::int64_t> result(static_cast<std::size_t>(channels), -1);
    for (std::int64_t i = 0; i < channels; ++i) {
        const auto c = static_cast<std::size_t>(permutation[i]);  // a negative one becomes huge
        if (c >= result.size() || result[c] >= 0) throw std::invalid_argument("not a permutation");
        result[c] = i;
    }
    return result;
}

}  // namespace

void Couple(const FlowStep& step, const Tensors<ForwardTensor>& tensors) {
    using Name = ForwardTensor;
    const Coupling& coupling = *ThisProcessor().coupling;
    const CouplingConstants constants = ReadConstants(tensors);
    const std::vector<std::int64_t> targets = ReadTargets(tensors, step.channels());
    const float *x = tensors.floats(Name::kX), *subnet = tensors.floats(Name::kSubnet);
    const float *scale = tensors.floats(Name::kScale), *offset = tensors.floats(Name::kOffset);
    float *out = tensors.floats(Name::kOut), *log_scales = tensors.floats(Name::kLogScales);

    const std::int64_t channels = step.channels();
    std::vector<double> sums(static_cast<std::size_t>(step.pictures() * channels), 0.0);
    Threads::All().Each(step.pictures() * channels, [&](std::int64_t i) {
        const std::int64_t picture = i / channels, c = i % channels, changed = c - step.kept;
        const float* from = x + step.PlaneOfX(picture, c);
        float* to = out + step.PlaneOfX(picture, targets[static_cast<std::size_t>(c)]);
        if (changed < 0) {
            coupling.affine(from, scale[c], offset[c], step.plane, to);
        } else {
            const float* a_s = subnet + step.PlaneOfS(picture, changed);
            const float* a_t = subnet + step.PlaneOfT(picture, changed);
            sums[static_cast<std::size_t>(i)] =
                coupling.couple(from, a_s, a_t, constants, scale[c], offset[c], step.plane, to);
        }
    });
    for (std::int64_t picture = 0; picture < step.pictures(); ++picture) {
        double sum = 0;
        for (std::int64_t c = 0; c < channels; ++c)
            sum += sums[static_cast<std::size_t>(picture * channels + c)];
        log_scales[picture] = static_cast<float>(sum);
    }
}

void CoupleBackward(const FlowStep& step, const Tensors<BackwardTensor>& tensors, float* da) {
    using Name = BackwardTensor;
    const Coupling& coupling = *ThisProcessor().coupling;
    const CouplingConstants constants = ReadConstants(tensors);
    const std::vector<std::int64_t> targets = ReadTargets(tensors, step.channels());
    const float *x = tensors.floats(Name::kX), *subnet = tensors.floats(Name::kSubnet);
    const float* scale = tensors.floats(Name::kScale);
    const float *gradient = tensors.floats(Name::kGradient),
                *sum_gradient = tensors.floats(Name::kSumGradient);
    float* dx = tensors.floats(Name::kGradientX);
    float *dscale = tensors.floats(Name::kGradientScale), *doffset = tensors.floats(Name::kGradientOffset);

    Threads::All().Each(step.channels(), [&](std::int64_t c) {
        ChannelGradient sum;
        for (std::int64_t picture = 0; picture < step.pictures(); ++picture) {
            const std::int64_t at = step.PlaneOfX(picture, c), changed = c - step.kept;
            const float* dz = gradient + step.PlaneOfX(picture, targets[static_cast<std::size_t>(c)]);
            ChannelGradient found;
            if (changed < 0) {
                found = coupling.affine_gradient(x + at, dz, scale[c], step.plane, dx + at);
            } else {
                const std::int64_t s = step.PlaneOfS(picture, changed), t = step.PlaneOfT(picture, changed);
                found = coupling.couple_gradient(x + at, subnet + s, subnet + t, constants, dz,
                                                 sum_gradient[picture], scale[c], step.plane, dx + at, da + s,
                                                 da + t);
            }
            sum.scale += found.scale;
            sum.offset += found.offset;
        }
        dscale[c] = static_cast<float>(sum.scale);
        doffset[c] = static_cast<float>(sum.offset);
    });
}

}  // namespace fastflow
