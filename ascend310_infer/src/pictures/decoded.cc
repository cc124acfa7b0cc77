#include "pictures/decoded.h"

#include <algorithm>
#include <utility>

namespace fastflow {
namespace {

template <typename Value>
void Split(std::vector<Value>& values, std::size_t channels, unsigned bits,
           std::vector<std::uint8_t>& alpha) {
    std::size_t target = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i % channels == channels - 1) {
            alpha.push_back(static_cast<std::uint8_t>(values[i] >> (bits - 8)));
        } else {
            values[target++] = values[i];
        }
    }
    values.resize(target);
}

}  // namespace

void TakeAlpha(Decoded& decoded) {
    if (decoded.channels % 2 != 0) return;
    Split(decoded.bytes, decoded.channels, 8, decoded.alpha);
    Split(decoded.words, decoded.channels, 16, decoded.alpha);
    --decoded.channels;
}

void Reduce(Decoded& decoded, int bit_depth) {
    const unsigned most = (1U << static_cast<unsigned>(bit_depth)) - 1U;
    decoded.bytes.reserve(decoded.words.size());
    for (const std::uint16_t word : decoded.words) {
        if (decoded.rounded && bit_depth == 16) {
            decoded.bytes.push_back(static_cast<std::uint8_t>((word * 255U + 32767U) / 65535U));
            continue;
        }
        const unsigned value = decoded.white_is_zero ? most - std::min<unsigned>(word, most) : word;
        decoded.bytes.push_back(
            static_cast<std::uint8_t>(std::min(value >> static_cast<unsigned>(bit_depth - 8), 255U)));
    }
    decoded.words = {};
}

Pixels Upright(Decoded decoded) {
    Pixels stored{decoded.header.width, decoded.header.height, decoded.channels, std::move(decoded.bytes)};
    const int turn = decoded.orientation;
    if (turn < 2 || turn > 8) return stored;
    const bool swaps = turn >= 5;  // rows become columns
    const bool from_right =
        turn == 2 || turn == 3 || turn == 7 || turn == 8;  // stored columns, as they are read
    const bool from_below = turn == 3 || turn == 4 || turn == 6 || turn == 7;  // stored rows
    Pixels turned{
        swaps ? stored.height : stored.width, swaps ? stored.width : stored.height, stored.channels, {}};
    turned.values.reserve(stored.values.size());
    for (std::size_t y = 0; y < turned.height; ++y) {
        for (std::size_t x = 0; x < turned.width; ++x) {
            std::size_t row = swaps ? x : y;
            std::size_t column = swaps ? y : x;
            if (from_below) row = stored.height - 1 - row;
            if (from_right) column = stored.width - 1 - column;
            const auto first = stored.values.begin() +
                               static_cast<std::ptrdiff_t>((row * stored.width + column) * stored.channels);
            turned.values.insert(turned.values.end(), first,
                                 first + static_cast<std::ptrdiff_t>(stored.channels));
        }
    }
    return turned;
}

}  // namespace fastflow
