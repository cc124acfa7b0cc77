#include "inspect/regions.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fastflow {
namespace {

// A region in pixels of the map.
struct Part {
    std::size_t left = 0, top = 0, right = 0, bottom = 0;  // its box; right and bottom are behind it
    std::size_t pixels = 0;
    std::size_t peak = 0;  // the place of its highest value, the first of several
};

// What is connected with `start`, of which `found` is cleared.
Part Connected(const AnomalyMap& map, std::size_t start, std::vector<char>& found) {
    const auto& [height, width, values] = map;
    Part part{start % width, start / width, start % width + 1, start / width + 1, 0, start};
    std::vector<std::size_t> waiting = {start};
    found[start] = 0;
    while (!waiting.empty()) {
        const std::size_t place = waiting.back();
        waiting.pop_back();
        const std::size_t x = place % width;
        const std::size_t y = place / width;
        ++part.pixels;
        part.left = std::min(part.left, x);
        part.top = std::min(part.top, y);
        part.right = std::max(part.right, x + 1);
        part.bottom = std::max(part.bottom, y + 1);
        const float highest = values[part.peak];
        const bool is_higher = values[place] > highest;
        const bool is_first = !is_higher && !(values[place] < highest) && place < part.peak;
        if (is_higher || is_first) part.peak = place;
        for (std::size_t row = y > 0 ? y - 1 : 0; row < std::min(y + 2, height); ++row) {
            for (std::size_t column = x > 0 ? x - 1 : 0; column < std::min(x + 2, width); ++column) {
                const std::size_t next = row * width + column;
                if (found[next] == 0) continue;
                found[next] = 0;
                waiting.push_back(next);
            }
        }
    }
    return part;
}

// The original pixels, from one to before another, that so many pixels of a map cover at least a part of.
std::pair<long, long> Span(std::size_t begin, std::size_t end, double scale) {
    return {std::lround(std::floor(static_cast<double>(begin) * scale + 1e-9)),
            std::lround(std::ceil(static_cast<double>(end) * scale - 1e-9))};
}

}  // namespace

std::vector<Region> FindRegions(const AnomalyMap& map, double threshold, std::size_t picture_height,
                                std::size_t picture_width, long min_area) {
    const auto& [height, width, values] = map;
    const auto least = static_cast<float>(threshold);  // compared as the map's values are
    std::vector<char> found(height * width);
    std::transform(values.begin(), values.end(), found.begin(),
                   [least](float value) { return value >= least ? 1 : 0; });
    const double wide = static_cast<double>(picture_width) / static_cast<double>(width);
    const double high = static_cast<double>(picture_height) / static_cast<double>(height);
    std::vector<Region> regions;
    for (std::size_t start = 0; start < found.size(); ++start) {
        if (found[start] == 0) continue;
        const Part part = Connected(map, start, found);
        // Halves are rounded to even numbers, as Python's round does.
        const long area =
            std::max(1L, std::lrint(std::nearbyint(static_cast<double>(part.pixels) * wide * high)));
        if (area < min_area) continue;
        const auto [left, right] = Span(part.left, part.right, wide);
        const auto [top, bottom] = Span(part.top, part.bottom, high);
        const double column = static_cast<double>(part.peak % width) + 0.5;
        const double row = static_cast<double>(part.peak / width) + 0.5;
        regions.push_back({left, top, right - left, bottom - top, area, static_cast<long>(column * wide),
                           static_cast<long>(row * high), values[part.peak]});
    }
    std::stable_sort(regions.begin(), regions.end(),
                     [](const Region& a, const Region& b) { return a.area > b.area; });
    return regions;
}

}  // namespace fastflow
