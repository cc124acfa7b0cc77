// 3x3 convolutions with stride 1 and a border of 1 zero on each side, by Winograd's minimal filtering. Each
// output is the same for any number of threads: how the work is divided changes no order of summation.
#pragma once

#include "onednn.h"
#include "winograd_kernels.h"

namespace fastflow {

struct WinogradConvolution {
    const WinogradKernels* kernels = nullptr;
    TileGrid grid = {};
    std::int64_t inputs = 0, outputs = 0;

    WinogradConvolution() = default;

    // Of maps (B, I, H, W) to maps of `outputs` channels.
    WinogradConvolution(const WinogradKernels& used, const Shape& input, std::int64_t outputs);

    // How many blocks these channels are, and how many pairs of blocks.
    [[nodiscard]] std::int64_t Blocks(std::int64_t channels) const {
        return (channels + kernels->lanes - 1) / kernels->lanes;
    }
    [[nodiscard]] std::int64_t Pairs(std::int64_t channels) const { return (Blocks(channels) + 1) / 2; }
    [[nodiscard]] std::int64_t BlocksInPair(std::int64_t channels, std::int64_t pair) const {
        return pair * 2 + 1 < Blocks(channels) ? 2 : 1;
    }

    // From one matrix to the next of those with `rows` rows of `columns`; powers of two apart, they would
    // contend for the same lines of a cache.
    static std::int64_t Stride(std::int64_t rows, std::int64_t columns) { return rows * columns + 48; }

    // x, `added` and y are channel-blocked; `bias` and `added` may be null. With rotated filters this gives
    // the gradient of x of the convolution whose weights they are, from that of y.
    void Forward(Call& call, const float* x, const Filters<const float>& weights, const float* bias,
                 const float* added, Bounds bounds, float* y) const;

    // From channel-blocked x and dy to plain gradients of weights and bias.
    void WeightGradient(Call& call, const float* x, const float* dy, float* dweights, float* dbias) const;
};

// The maps' format, with blocks of `lanes` channels.
Format ChannelBlockedFormat(const Shape& shape, std::int64_t lanes);

}  // namespace fastflow
