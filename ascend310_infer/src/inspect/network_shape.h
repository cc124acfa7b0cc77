// What a network takes and gives.
#pragma once

#include <cstddef>

#include "model.h"

namespace fastflow {

// What the network takes and gives, of one picture.
struct NetworkShape {
    std::size_t height = 0;
    std::size_t width = 0;
    bool normalised = true;    // float32 (3, height, width); else uint8 (height, width, channels)
    std::size_t channels = 0;  // 3, or 4 with alpha
    std::size_t bytes = 0;     // of the input
    std::size_t batch = 1;
    std::size_t map = 0;  // which outputs these are
    std::size_t score = 1;
    std::size_t map_height = 0;
    std::size_t map_width = 0;
};

// The shape of a model that has predicted once. Throws Error(kModelShape) if it takes or gives something
// else.
NetworkShape ShapeOf(const Model& model);

}  // namespace fastflow
