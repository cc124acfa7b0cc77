// A Winograd convolution's matrix products, and all that is compiled for one instruction set (`Cpu`).
#pragma once

#include "winograd_weights.h"

namespace fastflow {

template <typename Cpu, typename F>
struct WinogradProducts : WinogradWeights<Cpu, F> {
    using Tiles = WinogradTiles<Cpu, F>;
    using Weights = WinogradWeights<Cpu, F>;
    using Tiles::kLanes, Tiles::kRows, Tiles::kPoints, Tiles::Load, Tiles::Store;
    using typename Tiles::Vector;

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

    static constexpr WinogradKernels kTable = {kLanes,
                                               kRows,
                                               F::kTile,
                                               kPoints,
                                               Tiles::TransformInput,
                                               Tiles::TransformGradient,
                                               Tiles::TransformOutput,
                                               Weights::TransformWeights,
                                               Weights::TransformWeightGradient,
                                               Multiply,
                                               MultiplyTransposed};
};

}  // namespace fastflow
