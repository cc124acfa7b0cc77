#include "pictures/picture.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include "files.h"
#include "pictures/codecs.h"

namespace fastflow {
namespace {

namespace fs = std::filesystem;

using Codec = Decoded (*)(std::FILE*, const Limits&, bool);

// The reader of a file that begins so; null if there is none.
Codec CodecOf(const unsigned char* head) {
    const auto begins = [head](const char* text, std::size_t size) {
        return std::memcmp(head, text, size) == 0;
    };
    if (begins("\xff\xd8\xff", 3)) return ReadJpeg;
    if (begins("\x89PNG\r\n\x1a\n", 8)) return ReadPng;
    if (begins("II*\0", 4) || begins("MM\0*", 4) || begins("II+\0", 4) || begins("MM\0+", 4)) return ReadTiff;
    if (begins("BM", 2)) return ReadBmp;
    return head[0] == 'P' && head[1] >= '1' && head[1] <= '6' ? ReadPnm : nullptr;
}

Decoded Read(const fs::path& path, const Reading& reading, bool only_header) {
    std::error_code problem;
    const auto length = fs::file_size(path, problem);
    if (problem) throw Unreadable(problem.message());
    errno = 0;
    const File file(std::fopen(path.c_str(), "rbe"));
    if (!file) throw Unreadable(Reason(errno));
    if (length == 0) throw Unreadable("it is empty");
    std::array<unsigned char, 8> head{};
    const std::size_t got = std::fread(head.data(), 1, head.size(), file.get());
    const Codec codec = got >= 4 ? CodecOf(head.data()) : nullptr;
    if (codec == nullptr) {
        throw Unreadable("no known picture format, or damaged; JPEG, PNG, TIFF, BMP, PGM and PPM are read");
    }
    std::rewind(file.get());
    return codec(file.get(), {reading.max_megapixels, length}, only_header);
}

// 16-bit values as 8 bits: what is below is dropped, and what is above becomes 255.
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

// Turned as EXIF's orientation says.
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

}  // namespace

Header ReadHeader(const fs::path& file, const Reading& reading) { return Read(file, reading, true).header; }

std::uint16_t HighestValue(const fs::path& file, const Reading& reading) {
    const Decoded decoded = Read(file, reading, false);
    const auto highest = std::max_element(decoded.words.begin(), decoded.words.end());
    return highest == decoded.words.end() ? std::uint16_t{0} : *highest;
}

Pixels ReadPixels(const fs::path& file, const Reading& reading, std::string& warning) {
    Decoded decoded = Read(file, reading, false);
    if (decoded.header.deep) Reduce(decoded, reading.bit_depth);
    warning = decoded.warning;
    return Upright(std::move(decoded));
}

int DepthOf(std::uint16_t highest) {
    for (const int depth : {8, 10, 12, 14}) {
        if (highest < 1U << static_cast<unsigned>(depth)) return depth;
    }
    return 16;
}

}  // namespace fastflow
