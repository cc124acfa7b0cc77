// The map of a whole picture, put together from those of its tiles, as src/data/tiling.py does it.
#pragma once

#include <cstddef>
#include <vector>

#include "inspect/anomaly_map.h"
#include "inspect/tiling.h"
#include "pictures/mask.h"

namespace fastflow {

// A map at another size: bilinear, pixels' centres at halves, as OpenCV's resize with INTER_LINEAR.
AnomalyMap Stretched(const AnomalyMap& map, std::size_t height, std::size_t width);

// Beside the map, and the shares where something may be hidden, memory holds one tile's.
class Canvas {
  public:
    // For a picture of this size. `hides`: tiles may be hidden in part. `wanted`: where the picture is looked
    // at; null: everywhere.
    Canvas(const Tiling& tiling, std::size_t height, std::size_t width, bool hides, const Mask* wanted);

    // Add a tile's map, which covers the tile, at any resolution.
    void Add(const Place& place, const AnomalyMap& map);

    // The whole map, once all tiles are added. Where no tile has seen anything it is hidden.
    AnomalyMap Finish();

  private:
    Tiling tiling_;
    const Mask* wanted_;
    AnomalyMap map_;
    std::vector<float> shares_;  // empty where nothing is hidden
};

}  // namespace fastflow
