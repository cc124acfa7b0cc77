#include "pictures/resize.h"

#include <algorithm>
#include <cmath>

namespace fastflow {
namespace {

constexpr int kPrecision =
    32 - 8 - 2;  // bits behind the point of a weight, such that sums stay within 32 bits
// Values of an intermediate picture from which the order of the two passes matters (as `_WIDE` in
// pictures.py).
constexpr std::size_t kWide = std::size_t{1} << 24;

// What makes one value of the smaller (or larger) row: `weights` of the values from `first` on.
struct Window {
    std::size_t first = 0;
    std::vector<std::int32_t> weights;
};

// The windows of a triangle filter that is as wide as `from` values are in `to`, at least as one.
std::vector<Window> WindowsOf(std::size_t from, std::size_t to) {
    const double scale = static_cast<double>(from) / static_cast<double>(to);
    const double reach = std::max(scale, 1.0);
    std::vector<Window> windows(to);
    for (std::size_t i = 0; i < to; ++i) {
        const double centre = (static_cast<double>(i) + 0.5) * scale;
        const auto first = static_cast<std::ptrdiff_t>(centre - reach + 0.5);
        const auto end = static_cast<std::ptrdiff_t>(centre + reach + 0.5);
        windows[i].first = static_cast<std::size_t>(std::max<std::ptrdiff_t>(first, 0));
        const std::size_t count = std::min(static_cast<std::size_t>(end), from) - windows[i].first;
        std::vector<double> shares(count);
        double total = 0;
        for (std::size_t k = 0; k < count; ++k) {
            const double distance = (static_cast<double>(k + windows[i].first) - centre + 0.5) / reach;
            shares[k] = std::max(0.0, 1.0 - std::fabs(distance));
            total += shares[k];
        }
        for (const double share : shares) {
            const double weight = total != 0 ? share / total : share;
            windows[i].weights.push_back(static_cast<std::int32_t>(0.5 + weight * (1 << kPrecision)));
        }
    }
    return windows;
}

std::uint8_t Rounded(std::int32_t sum) {
    return static_cast<std::uint8_t>(std::clamp(sum >> kPrecision, 0, 255));
}

constexpr std::int32_t kHalf = 1 << (kPrecision - 1);

Pixels ResizeRows(const Pixels& pixels, std::size_t width) {
    if (pixels.width == width) return pixels;
    const auto windows = WindowsOf(pixels.width, width);
    const std::size_t channels = pixels.channels;
    Pixels result{width, pixels.height, channels, {}};
    result.values.resize(width * pixels.height * channels);
    for (std::size_t y = 0; y < pixels.height; ++y) {
        const std::uint8_t* row = pixels.values.data() + y * pixels.width * channels;
        std::uint8_t* target = result.values.data() + y * width * channels;
        for (const Window& window : windows) {
            const std::uint8_t* source = row + window.first * channels;
            if (channels == 3) {
                std::int32_t sums[3] = {kHalf, kHalf, kHalf};
                for (const std::int32_t weight : window.weights) {
                    for (std::int32_t& sum : sums) sum += *source++ * weight;
                }
                for (const std::int32_t sum : sums) *target++ = Rounded(sum);
            } else {
                std::int32_t sum = kHalf;
                for (const std::int32_t weight : window.weights) sum += *source++ * weight;
                *target++ = Rounded(sum);
            }
        }
    }
    return result;
}

Pixels ResizeColumns(const Pixels& pixels, std::size_t height) {
    if (pixels.height == height) return pixels;
    const auto windows = WindowsOf(pixels.height, height);
    const std::size_t row = pixels.width * pixels.channels;
    Pixels result{pixels.width, height, pixels.channels, {}};
    result.values.resize(height * row);
    std::vector<std::int32_t> sums(row);
    for (std::size_t y = 0; y < height; ++y) {
        std::fill(sums.begin(), sums.end(), kHalf);
        const std::uint8_t* source = pixels.values.data() + windows[y].first * row;
        for (const std::int32_t weight : windows[y].weights) {
            for (std::size_t x = 0; x < row; ++x) sums[x] += source[x] * weight;
            source += row;
        }
        std::transform(sums.begin(), sums.end(), result.values.begin() + static_cast<std::ptrdiff_t>(y * row),
                       Rounded);
    }
    return result;
}

// Whether columns are resized before rows. Of a very narrow picture: a row of few pixels would become a wide
// one in all of its height (pictures.py). Of others where Pillow 13 does so; earlier versions, which do not,
// round other values.
bool ColumnsComeFirst(const Pixels& pixels, std::size_t height, std::size_t width) {
    if (pixels.height * width > std::max(kWide, 4 * pixels.width * pixels.height)) return true;
    const auto less = [](std::size_t from, std::size_t to) {
        return static_cast<std::ptrdiff_t>(from) - static_cast<std::ptrdiff_t>(to);
    };
    const std::ptrdiff_t rows = less(pixels.height, height);
    return rows > 0 && rows > 2 * less(pixels.width, width);
}

}  // namespace

std::vector<std::uint8_t> Resized(const Pixels& pixels, std::size_t height, std::size_t width) {
    Pixels result = ColumnsComeFirst(pixels, height, width)
                        ? ResizeRows(ResizeColumns(pixels, height), width)
                        : ResizeColumns(ResizeRows(pixels, width), height);
    if (result.channels == 3) return std::move(result.values);
    std::vector<std::uint8_t> colours;
    colours.reserve(3 * result.values.size());
    for (const std::uint8_t grey : result.values) colours.insert(colours.end(), 3, grey);
    return colours;
}

}  // namespace fastflow
