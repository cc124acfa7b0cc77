// Bringing a picture to the network's size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pictures/decoded.h"

namespace fastflow {

// A picture at another height and width, red, green and blue: [height][width][3]. By an antialiased bilinear
// filter in fixed-point arithmetic whose results are Pillow's to the last bit (Image.resize with BILINEAR;
// src/data/pictures.py).
std::vector<std::uint8_t> Resized(const Pixels& pixels, std::size_t height, std::size_t width);

}  // namespace fastflow
