// A reader per format. Each begins at a file's first byte. All throw Unreadable.
#pragma once

#include <cstdio>

#include "pictures/claims.h"
#include "pictures/decoded.h"

namespace fastflow {

// What is wanted of a file: its header, so that no pixel is decoded; its colours; or its alpha channel, too.
enum class Part { kHeader, kColours, kAll };

Decoded ReadJpeg(std::FILE* file, const Limits& limits, Part part);
Decoded ReadPng(std::FILE* file, const Limits& limits, Part part);
Decoded ReadTiff(std::FILE* file, const Limits& limits, Part part);
Decoded ReadBmp(std::FILE* file, const Limits& limits, Part part);
Decoded ReadPnm(std::FILE* file, const Limits& limits, Part part);

// CMYK of 8 bits, 4 bytes a pixel, 255 for full ink, as red, green and blue, without a colour profile.
void InksToColours(const unsigned char* inks, std::size_t pixels, std::uint8_t* colours);

}  // namespace fastflow
