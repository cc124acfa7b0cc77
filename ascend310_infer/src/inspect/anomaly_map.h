// Anomaly maps, and what is hidden: not looked at (src/hidden.py).
#pragma once

#include <cstddef>
#include <vector>

namespace fastflow {

constexpr float kHiddenInput = -1000.0F;  // in the network's input: all channels of a hidden pixel
constexpr float kHiddenInMap = -1e6F;     // in a map, whose other values lie in -1..0

struct AnomalyMap {
    std::size_t height = 0;
    std::size_t width = 0;
    std::vector<float> values;  // [height][width]
};

// Whether a map's value is of a pixel that was looked at.
inline bool IsSeen(float value) { return value > kHiddenInMap / 2; }

}  // namespace fastflow
