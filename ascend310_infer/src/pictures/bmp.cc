// BMP: palettes, and colours of 16, 24 and 32 bits, without compression.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "pictures/codecs.h"
#include "pictures/samples.h"

namespace fastflow {
namespace {

constexpr std::size_t kFileHead = 14;
constexpr std::uint32_t kOldHead = 12;    // of OS/2: 16-bit sizes, palettes of 3 bytes a colour
constexpr std::uint32_t kHead = 40;       // all others have at least this
constexpr std::uint32_t kAlphaHead = 56;  // from here on there is a mask of alpha's bits
constexpr std::uint32_t kLongestHead = 124;
constexpr std::size_t kBothHeads = 138;                              // the file's and the longest picture's
enum : std::uint32_t { kPlain = 0, kFields = 3, kAlphaFields = 6 };  // kinds of compression

std::uint32_t Number(const unsigned char* bytes, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = count; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

void Read(std::FILE* file, unsigned char* target, std::size_t size) {
    if (std::fread(target, 1, size, file) != size) throw Unreadable("it is cut off");
}

// A colour within a pixel's bits.
struct Field {
    unsigned shift = 0;
    unsigned bits = 0;

    explicit Field(std::uint32_t mask) {
        for (; mask != 0 && (mask & 1U) == 0; mask >>= 1U) ++shift;
        for (; (mask & 1U) != 0; mask >>= 1U) ++bits;
        if (mask != 0 || bits == 0 || bits > 8) throw Unreadable("its colours' bits are of no known kind");
    }
    [[nodiscard]] std::uint8_t Of(std::uint32_t pixel) const {
        const std::uint32_t most = (1U << bits) - 1U;
        return static_cast<std::uint8_t>((pixel >> shift & most) * 255U / most);
    }
};

struct Form {
    std::size_t width = 0;
    std::size_t height = 0;
    bool upside_down = true;  // as most are: the last row comes first
    unsigned bits = 24;
    std::uint32_t place = 0;                           // of the pixels
    std::vector<std::array<std::uint8_t, 3>> palette;  // red, green, blue
    std::array<std::uint32_t, 3> masks = {0xff0000, 0xff00, 0xff};
    bool has_alpha = false;
};

Form ReadHead(std::FILE* file, const Limits& limits) {
    std::array<unsigned char, kBothHeads> head{};
    Read(file, head.data(), kFileHead + 4);
    Form form;
    form.place = Number(&head[10], 4);
    const std::uint32_t size = Number(&head[14], 4);
    if (size != kOldHead && (size < kHead || size > kLongestHead))
        throw Unreadable("its header is of no known kind");
    Read(file, &head[kFileHead + 4], size - 4);
    const bool old = size == kOldHead;
    const auto height = static_cast<std::int32_t>(old ? Number(&head[20], 2) : Number(&head[22], 4));
    form.width = old ? Number(&head[18], 2) : Number(&head[18], 4);
    form.upside_down = height >= 0;
    form.height = static_cast<std::size_t>(std::llabs(height));
    form.bits = Number(&head[old ? 24 : 28], 2);
    const std::uint32_t compression = old ? kPlain : Number(&head[30], 4);
    CheckClaim(form.width, form.height, limits);
    std::uint64_t at = kFileHead + size;
    if (form.bits == 16) form.masks = {0x7c00, 0x3e0, 0x1f};
    if (compression == kFields || compression == kAlphaFields) {
        std::array<unsigned char, 12> masks{};
        if (size == kHead) {  // they follow; in larger headers they are a part
            Read(file, masks.data(), masks.size());
            at += masks.size();
        } else {
            std::copy(&head[54], &head[54] + masks.size(), masks.begin());
            form.has_alpha = size >= kAlphaHead && Number(&head[66], 4) != 0;
        }
        for (std::size_t i = 0; i < 3; ++i) form.masks[i] = Number(&masks[4 * i], 4);
    } else if (compression != kPlain) {
        throw Unreadable("it is a compressed BMP; save it as PNG");
    }
    if (form.bits <= 8) {
        const std::size_t each = old ? 3 : 4;
        const std::size_t most = std::size_t{1} << form.bits;
        const std::size_t count = old || Number(&head[46], 4) == 0 ? most : Number(&head[46], 4);
        form.palette.resize(most);
        for (std::size_t i = 0; i < count && i < most && at + each <= form.place; ++i, at += each) {
            std::array<unsigned char, 4> colour{};
            Read(file, colour.data(), each);
            form.palette[i] = {colour[2], colour[1], colour[0]};
        }
    }
    return form;
}

}  // namespace

Decoded ReadBmp(std::FILE* file, const Limits& limits, Part part) {
    const Form form = ReadHead(file, limits);
    const bool packed = form.bits == 1 || form.bits == 4 || form.bits == 8;
    if (!packed && form.bits != 16 && form.bits != 24 && form.bits != 32) {
        throw Unreadable("its pixels have " + std::to_string(form.bits) + " bits, which no BMP has");
    }
    Decoded decoded;
    decoded.header = {form.width, form.height, false};
    decoded.channels = 3;
    if (part == Part::kHeader) return decoded;
    if (part == Part::kAll && form.has_alpha)
        throw Unreadable("it has an alpha channel, which is read of PNG only; save it as PNG");
    if (std::fseek(file, static_cast<long>(form.place), SEEK_SET) != 0) throw Unreadable("it is cut off");
    const std::array<Field, 3> fields = {Field(form.masks[0]), Field(form.masks[1]), Field(form.masks[2])};
    std::vector<unsigned char> row((form.width * form.bits + 31) / 32 * 4);
    decoded.bytes.resize(form.width * form.height * 3);
    for (std::size_t y = 0; y < form.height; ++y) {
        Read(file, row.data(), row.size());
        std::uint8_t* target =
            decoded.bytes.data() + 3 * form.width * (form.upside_down ? form.height - 1 - y : y);
        for (std::size_t x = 0; x < form.width; ++x, target += 3) {
            if (packed) {
                const auto& colour = form.palette[PackedValue(row.data(), x, form.bits)];
                std::copy(colour.begin(), colour.end(), target);
                continue;
            }
            const std::uint32_t pixel = Number(row.data() + x * form.bits / 8, form.bits / 8);
            for (std::size_t i = 0; i < 3; ++i) target[i] = fields.at(i).Of(pixel);
        }
    }
    return decoded;
}

}  // namespace fastflow
