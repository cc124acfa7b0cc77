// Values that are packed into bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastflow {

// `count` values of 1, 2, 4 or 8 bits, the highest bits first. Each begins where the one before it ends.
inline unsigned PackedValue(const unsigned char* bytes, std::size_t index, unsigned bits) {
    const std::size_t place = index * bits;
    return static_cast<unsigned>(bytes[place / 8]) >> (8 - bits - place % 8) & ((1U << bits) - 1U);
}

// The value of 12 bits at `index`, of which two are in three bytes.
inline std::uint16_t PackedTwelve(const unsigned char* bytes, std::size_t index) {
    const unsigned char* pair = bytes + index / 2 * 3;
    const unsigned value = index % 2 == 0 ? pair[0] << 4U | pair[1] >> 4U : (pair[1] & 0xfU) << 8U | pair[2];
    return static_cast<std::uint16_t>(value);
}

}  // namespace fastflow
