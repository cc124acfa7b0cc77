// Picture files become 8-bit pixels, as src/data/pictures.py and src/data/decoding.py make them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "pictures/codecs.h"
#include "pictures/decoded.h"

namespace fastflow {

// How files are read.
struct Reading {
    int bit_depth = 16;           // the bits that values of 16-bit files use, 8 to 16
    double max_megapixels = 500;  // a picture that claims more is refused
};

// A file, or the content of one, as it is. Throws Unreadable.
Decoded Decode(const std::filesystem::path& file, const Reading& reading, Part part);
Decoded Decode(const std::string& content, Part part);

// A picture's header; no pixel is decoded. Throws Unreadable.
Header ReadHeader(const std::filesystem::path& file, const Reading& reading);

// The highest value of a 16-bit file, without its alpha channel. Throws Unreadable.
std::uint16_t HighestValue(const std::filesystem::path& file, const Reading& reading);

// A picture at its own size, upright: grey (1 channel) or red, green and blue, of 8 bits. Of 16 bits the
// highest 8 of those that are used stay. Alpha is dropped, and of several pictures the first is taken.
// `warning` gets what the decoding library had to say, if anything. Throws Unreadable.
Pixels ReadPixels(const std::filesystem::path& file, const Reading& reading, std::string& warning);

// The least of 8, 10, 12, 14 and 16 bits whose values reach so high.
int DepthOf(std::uint16_t highest);

}  // namespace fastflow
