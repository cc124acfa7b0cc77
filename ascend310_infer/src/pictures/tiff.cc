// TIFF by libtiff: grey, colours, palettes and inks, in strips or tiles.
#include <tiffio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "pictures/codecs.h"
#include "pictures/samples.h"
#include "pictures/tiff_layout.h"

namespace fastflow {
namespace {

thread_local std::string said;  // by libtiff, whose handlers are the process's

void Hear(const char* /*module*/, const char* format, std::va_list values) {
    char text[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"  // libtiff's own texts
    std::vsnprintf(text, sizeof(text), format, values);
#pragma GCC diagnostic pop
    if (said.empty()) said = text;
}

struct CloseTiff {
    void operator()(TIFF* tiff) const noexcept { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, CloseTiff>;

// Puts decoded rows of samples where they belong: into `planes`, colours of 8 or 16 bits,
// [height][width][colours].
class Unpacker {
  public:
    Unpacker(const TiffLayout& layout, Decoded& decoded) : layout_(layout), colours_(layout.colours()) {
        const std::size_t count = std::size_t{layout.width} * layout.height * colours_;
        if (layout.deep()) {
            decoded.words.resize(count);
        } else {
            decoded.bytes.resize(count);
        }
        bytes_ = decoded.bytes.data();
        words_ = decoded.words.data();
    }

    // A row's part: `width` pixels from (x, y) on; of the plane `plane` where planes are apart.
    void Put(const unsigned char* row, std::size_t x, std::size_t y, std::size_t width, std::size_t plane) {
        const bool apart = layout_.planar == PLANARCONFIG_SEPARATE;
        const std::size_t step = apart ? 1 : layout_.samples;
        const std::size_t first = apart ? plane : 0;
        const std::size_t last = apart ? plane + 1 : colours_;
        std::size_t target = (y * layout_.width + x) * colours_;
        for (std::size_t i = 0; i < width; ++i, target += colours_) {
            for (std::size_t colour = first; colour < last; ++colour) {
                const std::size_t source = i * step + (apart ? 0 : colour);
                if (layout_.bits == 16) {
                    std::memcpy(words_ + target + colour, row + 2 * source, 2);
                } else if (layout_.bits == 12) {
                    words_[target + colour] = PackedTwelve(row, source);
                } else {
                    bytes_[target + colour] =
                        static_cast<std::uint8_t>(PackedValue(row, source, layout_.bits));
                }
            }
        }
    }

  private:
    const TiffLayout& layout_;
    std::size_t colours_;
    std::uint8_t* bytes_ = nullptr;
    std::uint16_t* words_ = nullptr;
};

constexpr tmsize_t kLargestPart = tmsize_t{1} << 31;  // bytes of a strip's row, or of a tile

void ReadParts(TIFF* tiff, const TiffLayout& layout, Unpacker& unpacker) {
    const std::size_t planes = layout.planar == PLANARCONFIG_SEPARATE ? layout.colours() : 1;
    const bool tiled = TIFFIsTiled(tiff) != 0;
    const tmsize_t size = tiled ? TIFFTileSize(tiff) : TIFFScanlineSize(tiff);
    if (size <= 0 || size > kLargestPart) throw Unreadable(said.empty() ? "its parts have no size" : said);
    std::vector<unsigned char> part(static_cast<std::size_t>(size));
    std::uint32_t wide = layout.width;
    std::uint32_t high = 1;
    if (tiled && (TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &wide) == 0 ||
                  TIFFGetField(tiff, TIFFTAG_TILELENGTH, &high) == 0 || wide == 0 || high == 0)) {
        throw Unreadable("its tiles have no size");
    }
    const tmsize_t row = tiled ? TIFFTileRowSize(tiff) : size;
    if (tiled && row * static_cast<tmsize_t>(high) > size) throw Unreadable("its tiles do not fit");
    for (std::size_t plane = 0; plane < planes; ++plane) {
        const auto sample = static_cast<std::uint16_t>(plane);
        for (std::uint32_t y = 0; y < layout.height; y += std::min(high, layout.height - y)) {
            for (std::uint32_t x = 0; x < layout.width; x += std::min(wide, layout.width - x)) {
                const tmsize_t got = tiled ? TIFFReadTile(tiff, part.data(), x, y, 0, sample)
                                           : TIFFReadScanline(tiff, part.data(), y, sample);
                if (got < 0) throw Unreadable(said.empty() ? "it is cut off" : said);
                for (std::uint32_t i = 0; i < std::min(high, layout.height - y); ++i) {
                    unpacker.Put(part.data() + static_cast<tmsize_t>(i) * row, x, y + i,
                                 std::min(wide, layout.width - x), plane);
                }
            }
        }
    }
}

}  // namespace

Decoded ReadTiff(std::FILE* file, const Limits& limits, Part part) {
    static const bool heard = [] {  // once, before any other thread comes here
        TIFFSetErrorHandler(Hear);
        TIFFSetWarningHandler(nullptr);
        return true;
    }();
    said.clear();
    const int handle = heard ? dup(fileno(file)) : -1;
    const Tiff tiff(handle < 0 ? nullptr : TIFFFdOpen(handle, "picture", "rm"));  // m: without a memory map
    if (!tiff) {
        if (handle >= 0) close(handle);
        throw Unreadable(said.empty() ? "it is damaged" : said);
    }
    const TiffLayout layout = LayoutOf(tiff.get());
    Decoded decoded;
    decoded.header = {layout.width, layout.height, layout.deep()};
    CheckClaim(layout.width, layout.height, limits);
    CheckKind(layout);
    if (part == Part::kHeader) return decoded;
    if (part == Part::kAll && layout.samples > layout.colours())
        throw Unreadable("it has an alpha channel, which is read of PNG only; save it as PNG");
    if (layout.photometric == PHOTOMETRIC_YCBCR)
        TIFFSetField(tiff.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    Unpacker unpacker(layout, decoded);
    ReadParts(tiff.get(), layout, unpacker);
    decoded.orientation = layout.orientation;
    MakeColours(tiff.get(), layout, decoded);
    return decoded;
}

}  // namespace fastflow
