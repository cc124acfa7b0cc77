// Where a map reaches the pixel threshold, as src/prediction.py.
#pragma once

#include <cstddef>
#include <vector>

#include "inspect/anomaly_map.h"

namespace fastflow {

// A connected part (8 neighbours) of the map. All lengths are in pixels of the original picture, upright.
struct Region {
    long x = 0;  // of the smallest box that holds all that its pixels cover
    long y = 0;
    long width = 0;
    long height = 0;
    long area = 0;
    long peak_x = 0;  // where the map is highest in it
    long peak_y = 0;
    float peak = 0;
};

// The regions of a map, the largest first. Those of less than `min_area` are left out.
std::vector<Region> FindRegions(const AnomalyMap& map, double threshold, std::size_t picture_height,
                                std::size_t picture_width, long min_area);

}  // namespace fastflow
