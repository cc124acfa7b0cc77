// Maps in colours, as src/report/colours.py draws them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "inspect/anomaly_map.h"
#include "inspect/judge.h"

namespace fastflow {

// A map in colours, red, green and blue each: cold where it reads as good, grey where it is hidden. The scale
// must have a typical value.
std::vector<std::uint8_t> HeatMap(const AnomalyMap& map, const Scale& scale);

// Colours [height][width][3] as a PNG file. Throws Error(kWrite).
std::vector<unsigned char> EncodePng(const std::vector<std::uint8_t>& colours, std::size_t height,
                                     std::size_t width);

}  // namespace fastflow
