#include "pictures/picture.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include "files.h"

namespace fastflow {
namespace {

namespace fs = std::filesystem;

using Codec = Decoded (*)(std::FILE*, const Limits&, Part);

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

Decoded Read(std::FILE* file, const Limits& limits, Part part) {
    std::array<unsigned char, 8> head{};
    const std::size_t got = std::fread(head.data(), 1, head.size(), file);
    const Codec codec = got >= 4 ? CodecOf(head.data()) : nullptr;
    if (codec == nullptr) {
        throw Unreadable("no known picture format, or damaged; JPEG, PNG, TIFF, BMP, PGM and PPM are read");
    }
    std::rewind(file);
    return codec(file, limits, part);
}

}  // namespace

Decoded Decode(const fs::path& path, const Reading& reading, Part part) {
    std::error_code problem;
    const auto length = fs::file_size(path, problem);
    if (problem) throw Unreadable(problem.message());
    errno = 0;
    const File file(std::fopen(path.c_str(), "rbe"));
    if (!file) throw Unreadable(Reason(errno));
    if (length == 0) throw Unreadable("it is empty");
    return Read(file.get(), {reading.max_megapixels, length}, part);
}

Decoded Decode(const std::string& content, Part part) {
    if (content.empty()) throw Unreadable("it is empty");
    char* bytes = const_cast<char*>(content.data());  // which is only read
    const File file(fmemopen(bytes, content.size(), "rb"));
    if (!file) throw Unreadable("there is no memory for it");
    return Read(file.get(), {Reading{}.max_megapixels, content.size()}, part);
}

Header ReadHeader(const fs::path& file, const Reading& reading) {
    return Decode(file, reading, Part::kHeader).header;
}

std::uint16_t HighestValue(const fs::path& file, const Reading& reading) {
    const Decoded decoded = Decode(file, reading, Part::kColours);
    const auto highest = std::max_element(decoded.words.begin(), decoded.words.end());
    return highest == decoded.words.end() ? std::uint16_t{0} : *highest;
}

Pixels ReadPixels(const fs::path& file, const Reading& reading, std::string& warning) {
    Decoded decoded = Decode(file, reading, Part::kColours);
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
