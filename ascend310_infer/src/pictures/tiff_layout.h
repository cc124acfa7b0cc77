// How a TIFF keeps its values, and what they mean.
#pragma once

#include <tiffio.h>

#include <cstddef>
#include <cstdint>

#include "pictures/decoded.h"

namespace fastflow {

// What a file says of its values.
struct TiffLayout {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint16_t bits = 1;
    std::uint16_t samples = 1;  // a pixel, alpha among them
    std::uint16_t planar = PLANARCONFIG_CONTIG;
    std::uint16_t photometric = PHOTOMETRIC_MINISBLACK;
    std::uint16_t format = SAMPLEFORMAT_UINT;
    std::uint16_t compression = COMPRESSION_NONE;
    std::uint16_t orientation = ORIENTATION_TOPLEFT;

    [[nodiscard]] bool deep() const { return bits == 16 || bits == 12; }
    // Samples that make the colour.
    [[nodiscard]] std::size_t colours() const {
        return photometric == PHOTOMETRIC_SEPARATED                                 ? 4
               : photometric == PHOTOMETRIC_RGB || photometric == PHOTOMETRIC_YCBCR ? 3
                                                                                    : 1;
    }
};

TiffLayout LayoutOf(TIFF* tiff);

// Throws Unreadable if the values are of a kind that is not read.
void CheckKind(const TiffLayout& layout);

// Make grey or colours of the values as they are stored: of fewer bits, inverted, of a palette, of inks.
void MakeColours(TIFF* tiff, const TiffLayout& layout, Decoded& decoded);

}  // namespace fastflow
