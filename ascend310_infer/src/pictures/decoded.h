// A picture as its file has it, before it is brought to the network's size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace fastflow {

// Why a picture cannot be read: the reason only, without its file.
class Unreadable : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// What a header says: width and height as they are stored, and whether a value has 16 bits.
struct Header {
    std::size_t width = 0;
    std::size_t height = 0;
    bool deep = false;
};

// The values of a picture, row by row: grey (1 channel) or red, green and blue (3).
struct Decoded {
    Header header;
    std::size_t channels = 1;
    std::vector<std::uint8_t> bytes;   // [height][width][channels]; empty where the picture is deep
    std::vector<std::uint16_t> words;  // the same of a deep one
    bool rounded = false;        // of a deep one that uses all 16 bits: rounded to 8, as Pillow does with PPM
    bool white_is_zero = false;  // of a deep one, whose values are not inverted yet
    std::vector<std::uint8_t> alpha;  // [height][width], if it was wanted; empty where there is none
    bool lossy = false;               // the format blurs edges
    int orientation = 1;              // EXIF's: how it must be turned to stand upright
    std::string warning;              // what the decoding library had to say
};

// 8-bit values, upright.
struct Pixels {
    std::size_t width = 0;
    std::size_t height = 0;
    std::size_t channels = 1;
    std::vector<std::uint8_t> values;  // [height][width][channels]
};

// Of 2 or 4 channels the last becomes `alpha`, by its highest 8 bits.
void TakeAlpha(Decoded& decoded);

// 16-bit values as 8 bits: what is below is dropped, and what is above becomes 255.
void Reduce(Decoded& decoded, int bit_depth);

// The 8-bit values, turned as EXIF's orientation says.
Pixels Upright(Decoded decoded);

}  // namespace fastflow
