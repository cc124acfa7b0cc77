#include "inspect/tiling.h"

#include <algorithm>

namespace fastflow {
namespace {

// Where the tiles begin along a side.
std::vector<std::size_t> StartsOf(std::size_t length, std::size_t tile, std::size_t overlap) {
    if (length <= tile) return {0};
    const std::size_t step = tile - overlap;
    const std::size_t steps = (length - tile + step - 1) / step;
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i <= steps; ++i) starts.push_back(i * (length - tile) / steps);
    return starts;
}

}  // namespace

std::vector<Place> Tiling::Places(std::size_t picture_height, std::size_t picture_width) const {
    std::vector<Place> places;
    for (const std::size_t row : StartsOf(picture_height, height, overlap)) {
        for (const std::size_t column : StartsOf(picture_width, width, overlap))
            places.push_back({row, column});
    }
    return places;
}

std::vector<float> WindowOf(std::size_t length, std::size_t tile, std::size_t overlap, std::size_t start) {
    const std::size_t count = std::min(tile, length);
    const double slope = static_cast<double>(std::max<std::size_t>(overlap, 1));
    std::vector<double> total(count);
    std::vector<double> own(count, 1);
    for (const std::size_t other : StartsOf(length, tile, overlap)) {
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t place = i + start;
            if (place < other || place >= other + tile) continue;
            const double within = static_cast<double>(place - other);
            const double edge = std::min(within + 0.5, static_cast<double>(tile) - within - 0.5);
            const double height = std::min(edge / slope, 1.0);
            total[i] += height;
            if (other == start) own[i] = height;
        }
    }
    std::vector<float> window(count);
    for (std::size_t i = 0; i < count; ++i) window[i] = static_cast<float>(own[i] / total[i]);
    return window;
}

}  // namespace fastflow
