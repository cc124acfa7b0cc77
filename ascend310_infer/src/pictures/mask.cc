#include "pictures/mask.h"

#include <algorithm>
#include <utility>

namespace fastflow {
namespace {

constexpr int kBlurred = 127;  // what a lossy format leaves beside an edge is less

// Where each of `to` pixels of a side comes from, of `from`; `from` for none. Places are added up as Pillow
// does it (ImagingScaleAffine), because sums round otherwise than products.
std::vector<std::size_t> Sources(std::size_t from, std::size_t to) {
    const double step = static_cast<double>(from) / static_cast<double>(to);
    double place = 0.5 * step;
    std::vector<std::size_t> sources(to);
    for (std::size_t& source : sources) {
        source = std::min(static_cast<std::size_t>(place), from);
        place += step;
    }
    return sources;
}

}  // namespace

bool Mask::Any() const { return std::find(marked.begin(), marked.end(), 1) != marked.end(); }

bool Mask::All() const { return std::find(marked.begin(), marked.end(), 0) == marked.end(); }

bool Mask::AnyIn(std::size_t top, std::size_t left, std::size_t high, std::size_t wide) const {
    const std::size_t right = std::min(left + wide, width);
    for (std::size_t y = top; y < std::min(top + high, height); ++y) {
        const auto row = marked.begin() + static_cast<std::ptrdiff_t>(y * width);
        const auto end = row + static_cast<std::ptrdiff_t>(right);
        if (std::find(row + static_cast<std::ptrdiff_t>(left), end, 1) != end) return true;
    }
    return false;
}

Mask MarkedIn(Decoded decoded) {
    const std::size_t pixels = decoded.header.width * decoded.header.height;
    std::vector<std::uint8_t> marked(pixels);
    if (decoded.header.deep && decoded.channels == 1 && decoded.alpha.empty()) {
        const std::uint16_t black = decoded.white_is_zero ? 0xffff : 0;
        std::transform(decoded.words.begin(), decoded.words.end(), marked.begin(),
                       [black](std::uint16_t word) { return word == black ? 0 : 1; });
    } else {
        if (decoded.header.deep) Reduce(decoded, 16);
        const int most = decoded.lossy ? kBlurred : 0;
        for (std::size_t i = 0; i < pixels; ++i) {
            const auto first = decoded.bytes.begin() + static_cast<std::ptrdiff_t>(i * decoded.channels);
            const bool visible = decoded.alpha.empty() || decoded.alpha[i] > 0;
            const int highest =
                *std::max_element(first, first + static_cast<std::ptrdiff_t>(decoded.channels));
            marked[i] = visible && highest > most ? 1 : 0;
        }
    }
    decoded.bytes = std::move(marked);
    decoded.channels = 1;
    Pixels upright = Upright(std::move(decoded));
    return {upright.height, upright.width, std::move(upright.values)};
}

Mask Stretched(const Mask& mask, std::size_t height, std::size_t width) {
    if (mask.height == height && mask.width == width) return mask;
    const auto rows = Sources(mask.height, height);
    const auto columns = Sources(mask.width, width);
    Mask result{height, width, std::vector<std::uint8_t>(height * width)};
    for (std::size_t y = 0; y < height; ++y) {
        if (rows[y] == mask.height) continue;
        for (std::size_t x = 0; x < width; ++x) {
            if (columns[x] == mask.width) continue;
            result.marked[y * width + x] = mask.marked[rows[y] * mask.width + columns[x]];
        }
    }
    return result;
}

}  // namespace fastflow
