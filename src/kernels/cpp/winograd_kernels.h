// The parts of a Winograd convolution that are compiled for each instruction set, as functions of pointers.
//
// Maps are channel-blocked: [picture][channel block][row][column][lane], with as many channels in a block as
// a vector has lanes; lanes beyond the channels hold zeros. Transformed tiles have n * n points, and of each
// point there is one matrix, `stride` floats from the one before:
//   inputs     [panel][channel block][tile of the panel][lane], where a panel is `rows` tiles
//   weights    [input channel][2 * lanes]: the output channels of two blocks, a pair
//   products   [tile][2 * lanes], and so the gradients of the output
#pragma once

#include <cstdint>
#include <limits>

namespace fastflow {

// What a convolution's output is raised to and cut off at. NaN stays NaN.
struct Bounds {
    float least = -std::numeric_limits<float>::infinity(), most = std::numeric_limits<float>::infinity();
};

// How square tiles cover maps of a height and width, row by row, picture by picture.
struct TileGrid {
    std::int64_t pictures, height, width, tile;

    [[nodiscard]] std::int64_t Across() const { return (width + tile - 1) / tile; }
    [[nodiscard]] std::int64_t PerPicture() const { return (height + tile - 1) / tile * Across(); }
    [[nodiscard]] std::int64_t Count() const { return pictures * PerPicture(); }
};

// Tiles that follow each other.
struct TileRange {
    std::int64_t first, count;
};

// A map's values, and of which of its channel blocks a function takes some.
template <typename Value>
struct ChannelBlocks {
    Value* map;
    std::int64_t all;  // blocks of the map
    std::int64_t first, count;
};

// One matrix per point.
template <typename Value>
struct Points {
    Value* first;
    std::int64_t stride;
};

// Plain weights (outputs, inputs, 3, 3). Rotated, they are those of the convolution that gives the input's
// gradient: its outputs are their inputs, and each filter is turned by half a turn.
template <typename Value>
struct Filters {
    Value* values;
    std::int64_t outputs, inputs;  // of the convolution that is computed
    bool rotated;
};

struct WinogradKernels {
    std::int64_t lanes, rows, tile, points;

    // The input of some tiles, whole panels of them: tiles beyond the range become zeros.
    void (*transform_input)(const TileGrid& grid, const ChannelBlocks<const float>& from, TileRange tiles,
                            const Points<float>& to);

    // The gradient of the output at some tiles, filled up as above; `sums` gets its sums by channel.
    void (*transform_gradient)(const TileGrid& grid, const ChannelBlocks<const float>& from, TileRange tiles,
                               const Points<float>& to, float* sums, bool add);

    // The output at some tiles, of a pair of channel blocks or of one. `bias` has as many lanes, or is null;
    // so may be the map of `added`, which is added to it.
    void (*transform_output)(const TileGrid& grid, const Points<const float>& from, TileRange tiles,
                             const float* bias, const ChannelBlocks<const float>& added, Bounds bounds,
                             const ChannelBlocks<float>& to);

    // The weights of a pair of output blocks; `inputs` channels of them, filled up to whole blocks.
    void (*transform_weights)(const Filters<const float>& filters, std::int64_t pair,
                              const Points<float>& to);

    // From gradients of transformed weights [input channel][2 * lanes] to those of the weights of a pair, for
    // the input channels of some blocks.
    void (*transform_weight_gradient)(const Points<const float>& from, std::int64_t pair,
                                      std::int64_t first_block, std::int64_t blocks,
                                      const Filters<float>& filters);

    // For one point, products[tile] = sum over input channels of inputs[tile] * weights. `width`: blocks, 1
    // or 2.
    void (*multiply)(const float* inputs, std::int64_t blocks, const float* weights, std::int64_t width,
                     std::int64_t tiles, float* products);

    // For one point and one input block, sums[channel] (+)= sum over `panels` panels of inputs[tile][channel]
    // * gradients[tile]; from one panel to the next the block's inputs are `panel_stride` floats apart.
    void (*multiply_transposed)(const float* inputs, std::int64_t panels, std::int64_t panel_stride,
                                const float* gradients, std::int64_t width, float* sums, bool add);
};

}  // namespace fastflow
