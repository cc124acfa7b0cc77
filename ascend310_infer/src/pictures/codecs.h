// A reader per format. Each begins at a file's first byte, and reads the header alone if `only_header`, so
// that no pixel is decoded. All throw Unreadable.
#pragma once

#include <cstdio>

#include "pictures/claims.h"
#include "pictures/decoded.h"

namespace fastflow {

Decoded ReadJpeg(std::FILE* file, const Limits& limits, bool only_header);
Decoded ReadPng(std::FILE* file, const Limits& limits, bool only_header);
Decoded ReadTiff(std::FILE* file, const Limits& limits, bool only_header);
Decoded ReadBmp(std::FILE* file, const Limits& limits, bool only_header);
Decoded ReadPnm(std::FILE* file, const Limits& limits, bool only_header);

// CMYK of 8 bits, 4 bytes a pixel, 255 for full ink, as red, green and blue, without a colour profile.
void InksToColours(const unsigned char* inks, std::size_t pixels, std::uint8_t* colours);

}  // namespace fastflow
