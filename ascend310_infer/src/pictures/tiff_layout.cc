#include "pictures/tiff_layout.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "pictures/codecs.h"

namespace fastflow {

TiffLayout LayoutOf(TIFF* tiff) {
    TiffLayout layout;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &layout.width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &layout.height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &layout.bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &layout.samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &layout.planar);
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &layout.photometric);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &layout.format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &layout.compression);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &layout.orientation);
    return layout;
}

void CheckKind(const TiffLayout& layout) {
    const std::string depth = "; save it with 8 or 16 bits";
    if (layout.format == SAMPLEFORMAT_IEEEFP) throw Unreadable("its pixels are float" + depth);
    if (layout.bits > 16)
        throw Unreadable("its pixels have " + std::to_string(layout.bits) + " bits" + depth);
    const bool grey =
        layout.photometric == PHOTOMETRIC_MINISBLACK || layout.photometric == PHOTOMETRIC_MINISWHITE;
    const bool small = layout.bits == 1 || layout.bits == 2 || layout.bits == 4 || layout.bits == 8;
    const bool one = layout.samples == 1 || layout.planar == PLANARCONFIG_SEPARATE || layout.bits >= 8;
    const bool known =
        (grey && one && (small || (layout.deep() && (layout.bits == 16 || layout.samples == 1)))) ||
        (layout.photometric == PHOTOMETRIC_RGB && (layout.bits == 8 || layout.bits == 16)) ||
        (layout.photometric == PHOTOMETRIC_PALETTE && one && small) ||
        (layout.photometric == PHOTOMETRIC_SEPARATED && layout.bits == 8) ||
        (layout.photometric == PHOTOMETRIC_YCBCR && layout.bits == 8 &&
         layout.compression == COMPRESSION_JPEG);
    if (layout.format == SAMPLEFORMAT_UINT && known && layout.samples >= layout.colours()) return;
    throw Unreadable("it is a TIFF of photometric interpretation " + std::to_string(layout.photometric) +
                     " with " + std::to_string(layout.samples) + " samples of " +
                     std::to_string(layout.bits) + " bits, which this program does not read; save it as PNG");
}

void MakeColours(TIFF* tiff, const TiffLayout& layout, Decoded& decoded) {
    const bool white_is_zero = layout.photometric == PHOTOMETRIC_MINISWHITE;
    decoded.channels = layout.colours() == 1 ? 1 : 3;
    decoded.white_is_zero = white_is_zero && layout.deep();
    if (layout.photometric == PHOTOMETRIC_SEPARATED) {
        std::vector<std::uint8_t> colours(decoded.bytes.size() / 4 * 3);
        InksToColours(decoded.bytes.data(), decoded.bytes.size() / 4, colours.data());
        decoded.bytes = std::move(colours);
    } else if (layout.photometric == PHOTOMETRIC_PALETTE) {
        std::array<std::uint16_t*, 3> palette{};
        if (TIFFGetField(tiff, TIFFTAG_COLORMAP, &palette[0], &palette[1], &palette[2]) == 0) {
            throw Unreadable("it has no palette");
        }
        std::vector<std::uint8_t> colours;
        colours.reserve(3 * decoded.bytes.size());
        for (const std::uint8_t index : decoded.bytes) {
            for (const std::uint16_t* channel : palette) {
                colours.push_back(static_cast<std::uint8_t>(channel[index] >> 8U));
            }
        }
        decoded.bytes = std::move(colours);
        decoded.channels = 3;
    } else if (!layout.deep() && decoded.channels == 1 && (layout.bits < 8 || white_is_zero)) {
        const unsigned most = (1U << layout.bits) - 1U;
        for (std::uint8_t& value : decoded.bytes) {
            const unsigned level = value * 255U / most;
            value = static_cast<std::uint8_t>(white_is_zero ? 255U - level : level);
        }
    }
}

}  // namespace fastflow
