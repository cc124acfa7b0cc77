// A Winograd convolution's weights, their transforms, and the matrix products, for one instruction set
// (`Cpu`).
#pragma once

#include "winograd_tiles.h"

namespace fastflow {

template <typename Cpu, typename F>
struct WinogradProducts : WinogradTiles<Cpu, F> {
    using Tiles = WinogradTiles<Cpu, F>;
    using Tiles::kLanes, Tiles::kRows, Tiles::kPoints, Tiles::Load, Tiles::Store;
    using typename Tiles::Vector;
    static constexpr int kTaps = 9;

    // Where the 9 taps of a filter begin, and for a tap its place there.
    template <typename Value>
    FASTFLOW_INLINE static Value* Filter(const Filters<Value>& filters, std::int64_t out, std::int64_t in) {
        return filters.values +
               kTaps * (filters.rotated ? in * filters.outputs + out : out * filters.inputs + in);
    }

    static void TransformWeights(const Filters<const float>& filters, std::int64_t pair,
                                 const Points<float>& to) {
        for (std::int64_t in = 0; in < (filters.inputs + kLanes - 1) / kLanes * kLanes; in += kLanes) {
            for (int half = 0; half < 2 && (pair * 2 + half) * kLanes < filters.outputs; ++half) {
                alignas(64) float taps[kLanes][kTaps][kLanes] = {};  // input channel, tap, output channel
                const std::int64_t out = (pair * 2 + half) * kLanes;
                const std::int64_t outs = Least(kLanes, filters.outputs - out);
                const std::int64_t ins = Least(kLanes, filters.inputs - in);
                for (std::int64_t o = 0; o < outs; ++o) {
                    for (std::int64_t i = 0; i < ins; ++i) {
                        const float* from = Filter(filters, out + o, in + i);
                        for (int tap = 0; tap < kTaps; ++tap)
                            taps[i][tap][o] = from[filters.rotated ? kTaps - 1 - tap : tap];
                    }
                }
                for (std::int64_t i = 0; i < kLanes; ++i) {
                    Vector values[kTaps], points[kPoints];
                    for (int tap = 0; tap < kTaps; ++tap) values[tap] = Load(taps[i][tap]);
                    BothSides<typename F::Weights>(values, points);
                    Tiles::StorePoints(points, to.first + ((in + i) * 2 + half) * kLanes, to.stride);
                }
            }
        }
    }

    static void TransformWeightGradient(const Points<const float>& from, std::int64_t pair,
                                        std::int64_t first_block, std::int64_t blocks,
                                        const Filters<float>& filters) {
        for (std::int64_t block = 0; block < blocks; ++block) {
            const std::int64_t in = (first_block + block) * kLanes;
            for (int half = 0; half < 2 && (pair * 2 + half) * kLanes < filters.outputs; ++half) {
                alignas(64) float taps[kLanes][kTaps][kLanes];
                for (std::int64_t i = 0; i < kLanes; ++i) {
                    Vector points[kPoints], values[kTaps];
                    const float* at = from.first + ((block * kLanes + i) * 2 + half) * kLanes;
                    for (int point = 0; point < kPoints; ++point)
                        points[point] = Load(at + point * from.stride);
                    BothSides<typename F::WeightGradient>(points, values);
                    for (int tap = 0; tap < kTaps; ++tap) Store(taps[i][tap], values[tap]);
                }
                const std::int64_t out = (pair * 2 + half) * kLanes;
                for (std::int64_t o = 0; o < Least(kLanes, filters.outputs - out); ++o) {
                    for (std::int64_t i = 0; i < Least(kLanes, filters.inputs - in); ++i) {
                        float* to = Filter(filters, out + o, in + i);
                        for (int tap = 0; tap < kTaps; ++tap) to[tap] = taps[i][tap][o];
                    }
                }
            }
        }
    }

    // kCount rows of a panel times one or two blocks of weights.
    template <int kCount, int kWidth>
    static void MultiplyRows(const float* inputs, std::int64_t blocks, const float* weights,
                             float* products) {
        Vector sums[kCount][kWidth] = {};
        for (std::int64_t block = 0; block < blocks; ++block, inputs += kRows * kLanes) {
#pragma GCC unroll 4
            for (std::int64_t channel = 0; channel < kLanes; ++channel, weights += 2 * kLanes) {
                Vector weight[kWidth];
#pragma GCC unroll 2
                for (int w = 0; w < kWidth; ++w) weight[w] = Load(weights + w * kLanes);
#pragma GCC unroll 12
                for (int row = 0; row < kCount; ++row) {
                    const float input = inputs[row * kLanes + channel];
#pragma GCC unroll 2
                    for (int w = 0; w < kWidth; ++w) sums[row][w] = sums[row][w] + weight[w] * input;
                }
            }
        }
#pragma GCC unroll 12
        for (int row = 0; row < kCount; ++row)
#pragma GCC unroll 2
            for (int w = 0; w < kWidth; ++w) Store(products + (row * 2 + w) * kLanes, sums[row][w]);
    }

    template <int kWidth>
    static void MultiplyPanels(const float* inputs, std::int64_t blocks, const float* weights,
                               std::int64_t tiles, float* products) {
        for (; tiles > 0; tiles -= kRows, inputs += blocks * kRows * kLanes, products += kRows * 2 * kLanes) {
            if (3 * tiles > 2 * kRows)
                MultiplyRows<kRows, kWidth>(inputs, blocks, weights, products);
            else if (3 * tiles > kRows)
                MultiplyRows<2 * kRows / 3, kWidth>(inputs, blocks, weights, products);
            else
                MultiplyRows<kRows / 3, kWidth>(inputs, blocks, weights, products);
        }
    }

    static void Multiply(const float* inputs, std::int64_t blocks, const float* weights, std::int64_t width,
                         std::int64_t tiles, float* products) {
        (width == 2 ? MultiplyPanels<2> : MultiplyPanels<1>)(inputs, blocks, weights, tiles, products);
    }

    template <int kWidth>
    static void MultiplyChannels(const float* inputs, std::int64_t panels, std::int64_t panel_stride,
                                 const float* gradients, float* sums, bool add) {
        constexpr int kChannels = kLanes / 2;  // so many sums of two vectors each fit the registers
        for (std::int64_t first = 0; first < kLanes; first += kChannels, sums += kChannels * 2 * kLanes) {
            Vector total[kChannels][kWidth] = {};
            const float *from = inputs + first, *gradient = gradients;
            for (std::int64_t panel = 0; panel < panels; ++panel, from += panel_stride) {
#pragma GCC unroll 2
                for (std::int64_t row = 0; row < kRows; ++row, gradient += 2 * kLanes) {
                    Vector values[kWidth];
#pragma GCC unroll 2
                    for (int w = 0; w < kWidth; ++w) values[w] = Load(gradient + w * kLanes);
#pragma GCC unroll 8
                    for (int channel = 0; channel < kChannels; ++channel) {
                        const float input = from[row * kLanes + channel];
#pragma GCC unroll 2
                        for (int w = 0; w < kWidth; ++w)
                            total[channel][w] = total[channel][w] + values[w] * input;
                    }
                }
            }
#pragma GCC unroll 8
            for (int channel = 0; channel < kChannels; ++channel) {
#pragma GCC unroll 2
                for (int w = 0; w < kWidth; ++w) {
                    float* to = sums + (channel * 2 + w) * kLanes;
                    Store(to, add ? Load(to) + total[channel][w] : total[channel][w]);
                }
            }
        }
    }

    static void MultiplyTransposed(const float* inputs, std::int64_t panels, std::int64_t panel_stride,
                                   const float* gradients, std::int64_t width, float* sums, bool add) {
        (width == 2 ? MultiplyChannels<2> : MultiplyChannels<1>)(inputs, panels, panel_stride, gradients,
                                                                 sums, add);
    }

    FASTFLOW_INLINE static std::int64_t Least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

    static constexpr WinogradKernels kTable = {kLanes,
                                               kRows,
                                               F::kTile,
                                               kPoints,
                                               Tiles::TransformInput,
                                               Tiles::TransformGradient,
                                               Tiles::TransformOutput,
                                               TransformWeights,
                                               TransformWeightGradient,
                                               Multiply,
                                               MultiplyTransposed};
};

}  // namespace fastflow
