#include "pictures/claims.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

namespace fastflow {
namespace {

constexpr double kMostPixelsPerByte = 10000;  // PNG has 1,032 at the most, a camera's picture less than 100
constexpr double kFewPixels = 1 << 22;        // that any file may have

}  // namespace

void CheckClaim(std::size_t width, std::size_t height, const Limits& limits) {
    const std::string size = std::to_string(width) + "x" + std::to_string(height) + " pixels";
    if (width == 0 || height == 0) throw Unreadable("it has " + size);
    const double pixels = static_cast<double>(width) * static_cast<double>(height);
    if (pixels > limits.max_megapixels * 1e6) {
        std::array<char, 40> most{};
        std::snprintf(most.data(), most.size(), "%g", limits.max_megapixels);
        throw Unreadable("it has " + size + ", more than " + most.data() + " million");
    }
    if (pixels > std::max(kFewPixels, kMostPixelsPerByte * static_cast<double>(limits.length))) {
        throw Unreadable("it claims " + size + ", too many for its size");
    }
}

}  // namespace fastflow
