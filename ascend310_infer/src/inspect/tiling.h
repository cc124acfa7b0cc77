// How a large picture is divided into tiles, as src/data/tiling.py has it.
#pragma once

#include <cstddef>
#include <vector>

namespace fastflow {

struct Place {
    std::size_t row = 0;  // of a tile: its first in the picture
    std::size_t column = 0;
};

// Tiles of one size, evenly over the picture, each overlapping its neighbours by `overlap` pixels or more.
struct Tiling {
    std::size_t height = 0;  // of a tile, in the picture's pixels
    std::size_t width = 0;
    std::size_t overlap = 0;  // less than both
    bool maximum = true;      // a picture's score is the highest value of its map; else of its tiles' scores

    // Where the tiles of a picture are, row by row. In a direction in which it is smaller than a tile there
    // is one.
    [[nodiscard]] std::vector<Place> Places(std::size_t picture_height, std::size_t picture_width) const;
};

// The share of a tile of length `tile` in each pixel that it covers of a side of length `length`, where it
// begins at `start`. It falls linearly towards the tile's edges; those of all tiles are 1 together.
std::vector<float> WindowOf(std::size_t length, std::size_t tile, std::size_t overlap, std::size_t start);

}  // namespace fastflow
