// Masks: which pixels of a picture are marked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pictures/decoded.h"

namespace fastflow {

struct Mask {
    std::size_t height = 0;
    std::size_t width = 0;
    std::vector<std::uint8_t> marked;  // [height][width]: 1 where it is, else 0

    [[nodiscard]] bool Any() const;
    [[nodiscard]] bool All() const;
    // Whether anything is marked in a rectangle, of which what is beyond the mask counts as not marked.
    [[nodiscard]] bool AnyIn(std::size_t top, std::size_t left, std::size_t high, std::size_t wide) const;
};

// What a file marks that was decoded with its alpha (src/data/marks.py): all but black and transparent
// pixels.
Mask MarkedIn(Decoded decoded);

// A mask at another size: Pillow's nearest neighbour, to the last bit.
Mask Stretched(const Mask& mask, std::size_t height, std::size_t width);

}  // namespace fastflow
