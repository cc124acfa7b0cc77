// JPEG by libjpeg.
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>

extern "C" {
#include <jpeglib.h>
// The codes of its messages come after it.
#include <jerror.h>
}

#include "pictures/codecs.h"
#include "pictures/exif.h"

namespace fastflow {
namespace {

// libjpeg ends by a jump. The object that it jumps out of has no destructor, and what has one lives outside.
struct Handler {
    jpeg_error_mgr base;
    std::jmp_buf jump;
    char reason[JMSG_LENGTH_MAX];
    bool warned;
};

Handler* HandlerOf(j_common_ptr info) { return reinterpret_cast<Handler*>(info->err); }

void End(j_common_ptr info) {
    Handler* handler = HandlerOf(info);
    (*info->err->format_message)(info, handler->reason);
    std::longjmp(handler->jump, 1);
}

void Hear(j_common_ptr info, int level) {
    if (level >= 0) return;  // no warning
    if (info->err->msg_code == JWRN_JPEG_EOF) End(info);
    Handler* handler = HandlerOf(info);
    if (!handler->warned) (*info->err->format_message)(info, handler->reason);
    handler->warned = true;
}

// Reads into `decoded`, whose destructor runs in the caller. Returns whether it went well.
bool Read(jpeg_decompress_struct* info, Handler* handler, std::FILE* file, const Limits& limits, Part part,
          Decoded* decoded, std::vector<unsigned char>* row) {
    if (setjmp(handler->jump) != 0) return false;
    jpeg_stdio_src(info, file);
    jpeg_save_markers(info, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(info, TRUE);
    decoded->header = {info->image_width, info->image_height, false};
    CheckClaim(decoded->header.width, decoded->header.height, limits);
    constexpr std::size_t kBeginning = 6;  // "Exif", and two zeros
    for (auto* marker = info->marker_list; marker != nullptr; marker = marker->next) {
        if (marker->data_length > kBeginning && std::memcmp(marker->data, "Exif\0\0", kBeginning) == 0) {
            decoded->orientation = OrientationOf(marker->data + kBeginning, marker->data_length - kBeginning);
            break;
        }
    }
    if (part == Part::kHeader) return true;
    const bool is_inks = info->num_components == 4;
    decoded->channels = info->num_components == 1 ? 1 : 3;
    info->out_color_space = is_inks ? JCS_CMYK : decoded->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(info);
    const std::size_t width = info->output_width;
    decoded->bytes.resize(width * info->output_height * decoded->channels);
    if (is_inks) row->resize(4 * width);
    while (info->output_scanline < info->output_height) {
        unsigned char* target = decoded->bytes.data() + info->output_scanline * width * decoded->channels;
        JSAMPROW line = is_inks ? row->data() : target;
        jpeg_read_scanlines(info, &line, 1);
        if (!is_inks) continue;
        for (unsigned char& ink : *row)
            ink = static_cast<unsigned char>(255 - ink);  // Adobe writes light for ink
        InksToColours(row->data(), width, target);
    }
    return true;
}

// Gives libjpeg's memory back, also where a claim is refused.
struct Owner {
    jpeg_decompress_struct info;
    ~Owner() { jpeg_destroy_decompress(&info); }
};

}  // namespace

Decoded ReadJpeg(std::FILE* file, const Limits& limits, Part part) {
    Decoded decoded;
    std::vector<unsigned char> row;
    Handler handler{};
    Owner owner{};
    owner.info.err = jpeg_std_error(&handler.base);
    handler.base.error_exit = End;
    handler.base.emit_message = Hear;
    jpeg_create_decompress(&owner.info);
    if (!Read(&owner.info, &handler, file, limits, part, &decoded, &row)) throw Unreadable(handler.reason);
    decoded.lossy = true;
    if (handler.warned) decoded.warning = handler.reason;
    return decoded;
}

}  // namespace fastflow
