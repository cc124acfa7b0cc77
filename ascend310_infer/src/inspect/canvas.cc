#include "inspect/canvas.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fastflow {
namespace {

constexpr float kLeast = 1e-6F;  // by which a value is divided, where next to nothing of it was seen

// A value between two neighbours along a side: the first, the second, and the second's share.
struct Between {
    std::size_t first = 0;
    std::size_t second = 0;
    float share = 0;
};

std::vector<Between> BetweensOf(std::size_t from, std::size_t to) {
    const double scale = static_cast<double>(from) / static_cast<double>(to);
    std::vector<Between> betweens(to);
    for (std::size_t i = 0; i < to; ++i) {
        const auto place = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
        if (place <= 0) continue;
        const auto first = static_cast<std::size_t>(place);
        betweens[i] = first + 1 < from ? Between{first, first + 1, place - static_cast<float>(first)}
                                       : Between{from - 1, from - 1, 0};
    }
    return betweens;
}

}  // namespace

AnomalyMap Stretched(const AnomalyMap& map, std::size_t height, std::size_t width) {
    if (map.height == height && map.width == width) return map;
    const auto mix = [](float a, float b, float share) { return a * (1 - share) + b * share; };
    AnomalyMap wide{map.height, width, {}};
    wide.values.reserve(map.height * width);
    const auto columns = BetweensOf(map.width, width);
    for (std::size_t y = 0; y < map.height; ++y) {
        const float* row = map.values.data() + y * map.width;
        for (const Between& column : columns)
            wide.values.push_back(mix(row[column.first], row[column.second], column.share));
    }
    AnomalyMap result{height, width, {}};
    result.values.reserve(height * width);
    for (const Between& row : BetweensOf(map.height, height)) {
        const float* above = wide.values.data() + row.first * width;
        const float* below = wide.values.data() + row.second * width;
        for (std::size_t x = 0; x < width; ++x) result.values.push_back(mix(above[x], below[x], row.share));
    }
    return result;
}

Canvas::Canvas(const Tiling& tiling, std::size_t height, std::size_t width, bool hides, const Mask* wanted)
    : tiling_(tiling),
      wanted_(wanted),
      map_{height, width, std::vector<float>(height * width)},
      shares_(hides ? height * width : 0) {}

void Canvas::Add(const Place& place, const AnomalyMap& map) {
    const auto rows = WindowOf(map_.height, tiling_.height, tiling_.overlap, place.row);
    const auto columns = WindowOf(map_.width, tiling_.width, tiling_.overlap, place.column);
    AnomalyMap seen{map.height, map.width, std::vector<float>(map.values.size(), 1)};
    AnomalyMap known = map;
    for (std::size_t i = 0; i < map.values.size() && !shares_.empty(); ++i) {
        if (!IsSeen(map.values[i])) seen.values[i] = known.values[i] = 0;
    }
    const AnomalyMap values = Stretched(known, tiling_.height, tiling_.width);
    const AnomalyMap weights =
        shares_.empty() ? AnomalyMap{} : Stretched(seen, tiling_.height, tiling_.width);
    for (std::size_t y = 0; y < rows.size(); ++y) {
        const std::size_t target = (place.row + y) * map_.width + place.column;
        const std::size_t source = y * tiling_.width;
        for (std::size_t x = 0; x < columns.size(); ++x) {
            const float share = rows[y] * columns[x];
            if (shares_.empty()) {
                map_.values[target + x] += share * values.values[source + x];
                continue;
            }
            const float weight = weights.values[source + x];
            if (weight <= 0 || (wanted_ != nullptr && wanted_->marked[target + x] == 0)) continue;
            map_.values[target + x] += share * values.values[source + x] / std::max(weight, kLeast);
            shares_[target + x] += share;
        }
    }
}

AnomalyMap Canvas::Finish() {
    for (std::size_t i = 0; i < shares_.size(); ++i) {
        map_.values[i] = shares_[i] > 0 ? map_.values[i] / shares_[i] : kHiddenInMap;
    }
    return std::move(map_);
}

}  // namespace fastflow
