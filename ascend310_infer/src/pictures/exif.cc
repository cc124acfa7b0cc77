#include "pictures/exif.h"

#include <cstdint>

namespace fastflow {

int OrientationOf(const unsigned char* data, std::size_t size) {
    constexpr std::size_t kHead = 8;    // byte order, 42, the place of the first directory
    constexpr std::size_t kEntry = 12;  // of a directory: tag, type, count, value
    constexpr std::uint32_t kOrientation = 0x0112;
    constexpr std::uint32_t kShort = 3;
    if (size < kHead || data[0] != data[1] || (data[0] != 'I' && data[0] != 'M')) return 1;
    const bool little = data[0] == 'I';
    const auto number = [&](std::size_t place, std::size_t bytes) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < bytes; ++i)
            value = value << 8 | data[place + (little ? bytes - 1 - i : i)];
        return value;
    };
    const std::size_t directory = number(4, 4);
    if (directory > size - 2) return 1;
    const std::size_t entries = number(directory, 2);
    for (std::size_t i = 0; i < entries && directory + 2 + (i + 1) * kEntry <= size; ++i) {
        const std::size_t entry = directory + 2 + i * kEntry;
        if (number(entry, 2) != kOrientation) continue;
        const std::uint32_t value = number(entry + 8, 2);
        return number(entry + 2, 2) == kShort && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

}  // namespace fastflow
