// The frozen encoder's operations, forwards.
//
// Between them maps are channel-blocked, in tensors (B, ceil(C / 16), H, W, 16): the room that they take at
// most. Their blocks are of `Processor::lanes` channels, and lie together at the room's start.

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <vector>

#include "convolution.h"
#include "entry.h"
#include "processor.h"
#include "threads.h"

namespace fastflow {
namespace {

// A map of so many channels, blocked or plain as its tensor's axes say.
template <typename Name>
dnnl::memory MapOf(const Tensors<Name>& tensors, Name name, std::int64_t channels) {
    const Shape axes = tensors.shape(name), shape{axes[0], channels, axes[2], axes[3]};
    const bool blocked = axes.size() == 5;
    if (blocked ? axes[1] * axes[4] < channels : axes[1] != channels)
        throw std::invalid_argument("a map has other channels than expected");
    return WrapMemory(blocked ? ChannelBlockedFormat(shape, ThisProcessor().lanes) : PlainFormat(shape),
                      tensors.data(name));
}

Shape ShapeOf(const dnnl::memory& map) { return map.get_desc().get_dims(); }

enum class ConvolutionTensor {
    kX,         // (B, I, H, W), plain or blocked
    kWeights,   // (O, I / groups, K, K)
    kBias,      // (O)
    kAdded,     // what is added to the output, of its shape; or one number: nothing
    kGeometry,  // int32 (5): stride, groups, padding above and to the left, `Geometry::tile`, and which of
                // `kActivations` there is
    // Output:
    kY,  // (B, O, H', W'), plain or blocked
    kCount
};

// In the order of `ACTIVATIONS` in src/layers.py.
constexpr Bounds kActivations[] = {{}, kRelu, {0.0F, 6.0F}};

void Convolve(const Tensors<ConvolutionTensor>& tensors) {
    using Name = ConvolutionTensor;
    Call call;
    const std::int32_t* given = tensors.ints(Name::kGeometry);
    const Shape weights = tensors.shape(Name::kWeights);
    Geometry geometry;
    geometry.stride = given[0];
    geometry.groups = given[1];
    geometry.padding_before = given[2];
    geometry.tile = given[3];
    geometry.adds = tensors.shape(Name::kAdded).size() > 1;
    const std::int64_t activation = given[4];
    geometry.bounds = kActivations[activation];

    const dnnl::memory x = MapOf(tensors, Name::kX, weights[1] * geometry.groups);
    const dnnl::memory y = MapOf(tensors, Name::kY, weights[0]);
    const auto& convolution =
        Cached<Convolution>({ShapeOf(x),
                             weights,
                             ShapeOf(y),
                             {geometry.stride, geometry.groups, geometry.padding_before, geometry.tile,
                              geometry.adds, activation}},
                            [&] { return Convolution(ShapeOf(x), weights, ShapeOf(y), geometry); });
    const bool fits = convolution.output_format() == y.get_desc();
    const dnnl::memory result = fits ? y : call.Buffer(convolution.output_format());
    convolution.Forward(call, x, tensors.data(Name::kWeights), tensors.data(Name::kBias), result,
                        geometry.adds ? MapOf(tensors, Name::kAdded, weights[0]) : dnnl::memory());
    if (!fits) CopyMemory(result, y);
    Stream().wait();
}

enum class PoolTensor {
    kX,         // (B, C, H, W), blocked
    kGeometry,  // int32 (4): C, window, stride, padding above and to the left
    // Output:
    kY,  // (B, C, H', W'), blocked
    kCount
};

void MaxPool(const Tensors<PoolTensor>& tensors) {
    using Name = PoolTensor;
    const Call call;
    const std::int32_t* given = tensors.ints(Name::kGeometry);
    const std::int64_t window = given[1], stride = given[2], before = given[3];
    const dnnl::memory x = MapOf(tensors, Name::kX, given[0]), y = MapOf(tensors, Name::kY, given[0]);
    const dnnl::pooling_forward::primitive_desc pooling(
        Engine(), dnnl::prop_kind::forward_inference, dnnl::algorithm::pooling_max, x.get_desc(),
        y.get_desc(), {stride, stride}, {window, window}, {0, 0}, {before, before},
        PaddingAfter(ShapeOf(x), ShapeOf(y), window, stride, before));
    dnnl::pooling_forward(pooling).execute(Stream(), {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
    Stream().wait();
}

enum class FeatureTensor {
    kX,  // (B, C, H, W), blocked
    // Output:
    kY,  // (B, C, H, W), plain
    kCount
};

enum class StandardizedTensor {
    kX,    // (B, C, H, W), blocked
    kEps,  // (1)
    // Output:
    kY,  // (B, C, H, W), plain
    kCount
};

template <typename Name>
void MakePlain(const Tensors<Name>& tensors) {
    const std::int64_t channels = tensors.shape(Name::kY)[1];
    CopyMemory(MapOf(tensors, Name::kX, channels), tensors.memory(Name::kY));
    Stream().wait();
}

void CopyPlain(const Tensors<FeatureTensor>& tensors) {
    const Call call;
    MakePlain(tensors);
}

// The sum of (x - centre)^power over a plane.
template <int power>
double SumOf(const float* x, std::int64_t size, float centre) {
    constexpr std::int64_t kSums = 16;  // that do not wait for each other
    float sums[kSums] = {};
    const auto add = [&](std::int64_t i, std::int64_t k) {
        const float value = x[i + k] - centre;
        sums[k] += power == 1 ? value : value * value;
    };
    const std::int64_t whole = size / kSums * kSums;
    for (std::int64_t i = 0; i < whole; i += kSums)
        for (std::int64_t k = 0; k < kSums; ++k) add(i, k);
    for (std::int64_t k = 0; k < size - whole; ++k) add(whole, k);
    return std::accumulate(std::begin(sums), std::end(sums), 0.0);
}

// x -> (x - mean) / sqrt(variance + eps), of each picture.
void Standardize(const Tensors<StandardizedTensor>& tensors) {
    using Name = StandardizedTensor;
    const Call call;
    MakePlain(tensors);
    const Shape shape = tensors.shape(Name::kY);
    const std::int64_t channels = shape[1], plane = shape[2] * shape[3];
    float* y = tensors.floats(Name::kY);
    std::vector<double> sums(static_cast<std::size_t>(shape[0] * channels));
    std::vector<float> centres(static_cast<std::size_t>(shape[0])), scales(centres.size());
    const auto each_plane = [&](const auto& body) {
        Threads::All().Each(shape[0] * channels, [&](std::int64_t i) {
            body(y + i * plane, static_cast<std::size_t>(i), static_cast<std::size_t>(i / channels));
        });
    };
    const auto mean_of = [&](std::size_t picture) {
        const auto begin = sums.begin() + static_cast<std::ptrdiff_t>(picture) * channels;
        return std::accumulate(begin, begin + channels, 0.0) / static_cast<double>(channels * plane);
    };
    each_plane([&](const float* x, std::size_t i, std::size_t) { sums[i] = SumOf<1>(x, plane, 0); });
    for (std::size_t p = 0; p < centres.size(); ++p) centres[p] = static_cast<float>(mean_of(p));
    each_plane(
        [&](const float* x, std::size_t i, std::size_t p) { sums[i] = SumOf<2>(x, plane, centres[p]); });
    const double eps = tensors.floats(Name::kEps)[0];
    for (std::size_t p = 0; p < scales.size(); ++p)
        scales[p] = static_cast<float>(1 / std::sqrt(mean_of(p) + eps));
    each_plane([&](float* x, std::size_t, std::size_t p) {
        for (std::int64_t k = 0; k < plane; ++k) x[k] = (x[k] - centres[p]) * scales[p];
    });
}

}  // namespace
}  // namespace fastflow

FASTFLOW_KERNEL(EncoderConvolution, fastflow::ConvolutionTensor, fastflow::Convolve)
FASTFLOW_KERNEL(EncoderMaxPool, fastflow::PoolTensor, fastflow::MaxPool)
FASTFLOW_KERNEL(PlainFeature, fastflow::FeatureTensor, fastflow::CopyPlain)
FASTFLOW_KERNEL(StandardizedFeature, fastflow::StandardizedTensor, fastflow::Standardize)
