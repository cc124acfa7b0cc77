// PNG by libpng.
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <string>
#include <vector>

#include "pictures/codecs.h"
#include "pictures/exif.h"

namespace fastflow {
namespace {

constexpr png_alloc_size_t kLongestChunk = png_alloc_size_t{1} << 26;  // of texts and the like

void End(png_structp png, png_const_charp reason) {
    *static_cast<std::string*>(png_get_error_ptr(png)) = reason;
    png_longjmp(png, 1);
}

void Ignore(png_structp /*png*/, png_const_charp /*reason*/) {}

struct Owner {
    png_structp png = nullptr;
    png_infop info = nullptr;
    Owner() = default;
    ~Owner() { png_destroy_read_struct(&png, &info, nullptr); }
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
};

// What has a destructor lives in the caller: libpng ends by a jump.
bool ReadHead(const Owner& owner, std::FILE* file) {
    if (setjmp(png_jmpbuf(owner.png)) != 0) return false;
    png_init_io(owner.png, file);
    png_set_user_limits(owner.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(owner.png, kLongestChunk);
    png_read_info(owner.png, owner.info);
    return true;
}

// 8 bits become 8, and 16 stay; grey or colours, and alpha if it is wanted and there is one. The colours of
// transparent pixels are kept.
bool SetForm(const Owner& owner, Part part) {
    if (setjmp(png_jmpbuf(owner.png)) != 0) return false;
    png_set_packing(owner.png);
    const bool is_grey = png_get_color_type(owner.png, owner.info) == PNG_COLOR_TYPE_GRAY;
    if (png_get_color_type(owner.png, owner.info) == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(owner.png);
    if (is_grey) png_set_expand_gray_1_2_4_to_8(owner.png);
    if (part != Part::kAll) {
        png_set_strip_alpha(owner.png);
    } else if (!is_grey && png_get_valid(owner.png, owner.info, PNG_INFO_tRNS) != 0) {
        png_set_tRNS_to_alpha(owner.png);  // Pillow does not look for a transparent level of grey
    }
    const unsigned short one = 1;
    if (*reinterpret_cast<const unsigned char*>(&one) == 1) png_set_swap(owner.png);  // words of this machine
    png_set_interlace_handling(owner.png);
    png_read_update_info(owner.png, owner.info);
    return true;
}

bool ReadRows(const Owner& owner, std::vector<png_bytep>* rows) {
    if (setjmp(png_jmpbuf(owner.png)) != 0) return false;
    png_read_image(owner.png, rows->data());
    return true;
}

// What comes behind the pixels may hold the orientation. A file that ends there is read all the same.
void ReadEnd(const Owner& owner) {
    if (setjmp(png_jmpbuf(owner.png)) != 0) return;
    png_read_end(owner.png, owner.info);
}

int Orientation(const Owner& owner) {
#ifdef PNG_eXIf_SUPPORTED
    png_uint_32 size = 0;
    png_bytep data = nullptr;
    if (png_get_eXIf_1(owner.png, owner.info, &size, &data) != 0) return OrientationOf(data, size);
#endif
    return 1;
}

}  // namespace

Decoded ReadPng(std::FILE* file, const Limits& limits, Part part) {
    Decoded decoded;
    std::string reason;
    Owner owner;
    owner.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reason, End, Ignore);
    if (owner.png != nullptr) owner.info = png_create_info_struct(owner.png);
    if (owner.info == nullptr) throw Unreadable("libpng does not start: " + reason);
    if (!ReadHead(owner, file)) throw Unreadable(reason);
    const std::size_t width = png_get_image_width(owner.png, owner.info);
    const std::size_t height = png_get_image_height(owner.png, owner.info);
    decoded.header = {width, height, png_get_bit_depth(owner.png, owner.info) == 16};
    CheckClaim(width, height, limits);
    if (part == Part::kHeader) return decoded;
    if (!SetForm(owner, part)) throw Unreadable(reason);
    decoded.channels = png_get_channels(owner.png, owner.info);
    const std::size_t values = width * decoded.channels;
    const std::size_t row = values * (decoded.header.deep ? 2 : 1);
    if (png_get_rowbytes(owner.png, owner.info) != row || (part != Part::kAll && decoded.channels % 2 == 0)) {
        throw Unreadable("its pixels are of no known kind");
    }
    unsigned char* target = nullptr;
    if (decoded.header.deep) {
        decoded.words.resize(values * height);
        target = reinterpret_cast<unsigned char*>(decoded.words.data());
    } else {
        decoded.bytes.resize(values * height);
        target = decoded.bytes.data();
    }
    std::vector<png_bytep> rows(height);
    for (std::size_t y = 0; y < height; ++y) rows[y] = target + y * row;
    if (!ReadRows(owner, &rows)) throw Unreadable(reason);
    ReadEnd(owner);
    TakeAlpha(decoded);
    decoded.orientation = Orientation(owner);
    return decoded;
}

}  // namespace fastflow
