// PGM, PPM and PBM: P1 to P6.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "pictures/codecs.h"

namespace fastflow {
namespace {

constexpr std::uint32_t kMost = 65535;  // the highest value that there may be

// The next number of a header, or of the pixels of a plain file; `#` begins a comment.
std::uint32_t NextNumber(std::FILE* file, std::uint64_t most) {
    int c = std::fgetc(file);
    while (c == '#' || std::isspace(c) != 0) {
        if (c == '#') {
            while (c != '\n' && c != EOF) c = std::fgetc(file);
        } else {
            c = std::fgetc(file);
        }
    }
    if (c == EOF) throw Unreadable("it is cut off");
    std::uint64_t value = 0;
    for (; c >= '0' && c <= '9'; c = std::fgetc(file)) {
        value = 10 * value + static_cast<std::uint64_t>(c - '0');
        if (value > most) throw Unreadable("a number in it is too large");
    }
    if (c != EOF && std::isspace(c) == 0) throw Unreadable("it has no number where one must be");
    return static_cast<std::uint32_t>(value);  // with the one space behind it
}

// A pixel of a plain black and white file: 0 or 1, with or without space between.
std::uint32_t NextBit(std::FILE* file) {
    int c = std::fgetc(file);
    while (std::isspace(c) != 0) c = std::fgetc(file);
    if (c != '0' && c != '1')
        throw Unreadable(c == EOF ? "it is cut off" : "it has no bit where one must be");
    return static_cast<std::uint32_t>(c - '0');
}

std::uint8_t Scaled(std::uint32_t value, std::uint32_t highest) {
    return static_cast<std::uint8_t>((2 * std::min(value, highest) * 255U + highest) / (2 * highest));
}

}  // namespace

Decoded ReadPnm(std::FILE* file, const Limits& limits, Part part) {
    std::fgetc(file);
    const int kind = std::fgetc(file);  // 1 to 3 plain, 4 to 6 packed: bits, grey, colours
    const bool bits = kind == '1' || kind == '4';
    const bool plain = kind < '4';
    Decoded decoded;
    decoded.header.width = NextNumber(file, INT32_MAX);
    decoded.header.height = NextNumber(file, INT32_MAX);
    decoded.channels = kind == '3' || kind == '6' ? 3 : 1;
    const std::uint32_t highest = bits ? 1 : NextNumber(file, kMost);
    if (highest == 0) throw Unreadable("its highest value is 0");
    // As Pillow has it: grey of more than 8 bits is spread over 16, and colours only stay if they use all of
    // them.
    decoded.header.deep = decoded.channels == 1 ? highest > 255 : highest == kMost;
    decoded.rounded = decoded.channels == 3;
    CheckClaim(decoded.header.width, decoded.header.height, limits);
    if (part == Part::kHeader) return decoded;
    const std::size_t values = decoded.header.width * decoded.channels;
    if (decoded.header.deep) {
        decoded.words.reserve(values * decoded.header.height);
    } else {
        decoded.bytes.reserve(values * decoded.header.height);
    }
    const std::size_t each = highest > 255 ? 2 : 1;
    std::vector<unsigned char> row(bits ? (values + 7) / 8 : values * each);
    for (std::size_t y = 0; y < decoded.header.height; ++y) {
        if (!plain && std::fread(row.data(), 1, row.size(), file) != row.size())
            throw Unreadable("it is cut off");
        for (std::size_t i = 0; i < values; ++i) {
            std::uint32_t value = 0;
            if (plain) {
                value = bits ? NextBit(file) : NextNumber(file, kMost);
            } else if (bits) {
                value = (unsigned{row[i / 8]} >> (7 - i % 8)) & 1U;
            } else {
                value = each == 2 ? static_cast<std::uint32_t>(row[2 * i] << 8 | row[2 * i + 1]) : row[i];
            }
            if (bits) {
                decoded.bytes.push_back(value == 1 ? 0 : 255);  // 1 is black
            } else if (decoded.header.deep) {
                const std::uint64_t spread =
                    (2ULL * std::min(value, highest) * kMost + highest) / (2ULL * highest);
                decoded.words.push_back(static_cast<std::uint16_t>(spread));
            } else {
                decoded.bytes.push_back(Scaled(value, highest));
            }
        }
    }
    return decoded;
}

}  // namespace fastflow
