#include "inspect/preparation.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "error.h"

namespace fastflow {

Preparation::Preparation(const ModelDescription& description, std::optional<Roi> roi,
                         const NetworkShape& shape)
    : framing_{shape.height, shape.width, description.framing.keep_aspect, description.framing.tiling,
               std::move(roi)},
      shape_(shape) {
    const std::size_t wanted = framing_.hides() && !shape.normalised ? 4 : 3;
    if (shape.channels != wanted) {
        throw Error(Exit::kModelShape, "model's input, has " + std::to_string(shape.channels) +
                                           " channels, and its description tells of " +
                                           std::to_string(wanted) + ", export it again");
    }
    if (framing_.keep_aspect && (shape.map_height != shape.height || shape.map_width != shape.width)) {
        throw Error(Exit::kModelShape,
                    "model's map, is not as large as its input, which is filled up, export it again");
    }
    for (std::size_t channel = 0; channel < 3; ++channel) {
        for (std::size_t level = 0; level < 256; ++level) {
            const double share = static_cast<double>(level) / 255.0;
            table_[channel][level] =
                static_cast<float>((share - description.mean[channel]) / description.std[channel]);
        }
    }
}

void Preparation::Put(const std::vector<std::uint8_t>& image, unsigned char* target) const {
    if (!shape_.normalised) {
        std::copy(image.begin(), image.end(), target);
        return;
    }
    const std::size_t plane = shape_.height * shape_.width;
    const std::size_t each = framing_.hides() ? 4 : 3;
    for (std::size_t channel = 0; channel < 3; ++channel) {
        for (std::size_t i = 0; i < plane; ++i, target += sizeof(float)) {
            const bool hidden = each == 4 && image[each * i + 3] == 0;
            const float value = hidden ? kHiddenInput : table_[channel][image[each * i + channel]];
            std::memcpy(target, &value, sizeof(float));
        }
    }
}

AnomalyMap Preparation::OfPicture(const float* map, std::size_t picture_height,
                                  std::size_t picture_width) const {
    Box box{0, 0, shape_.map_height, shape_.map_width};
    if (framing_.keep_aspect) box = framing_.BoxOf(picture_height, picture_width);
    AnomalyMap part{box.height, box.width, {}};
    part.values.reserve(box.height * box.width);
    for (std::size_t y = 0; y < box.height; ++y) {
        const float* row = map + (box.top + y) * shape_.map_width + box.left;
        part.values.insert(part.values.end(), row, row + box.width);
    }
    return part;
}

}  // namespace fastflow
