// From pictures to the values of a network's input.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "inspect/framing.h"
#include "inspect/model_description.h"
#include "inspect/network_shape.h"

namespace fastflow {

class Preparation {
  public:
    // Throws Error(kModelShape) if the network does not take the images that its description tells of.
    Preparation(const ModelDescription& description, std::optional<Roi> roi, const NetworkShape& shape);

    [[nodiscard]] const Framing& framing() const noexcept { return framing_; }
    [[nodiscard]] const NetworkShape& shape() const noexcept { return shape_; }

    // Write an image of the framing as the network takes it, `shape().bytes` bytes.
    void Put(const std::vector<std::uint8_t>& image, unsigned char* target) const;

    // The part of the network's map that covers a picture (or a tile) of this size.
    [[nodiscard]] AnomalyMap OfPicture(const float* map, std::size_t picture_height,
                                       std::size_t picture_width) const;

  private:
    Framing framing_;
    NetworkShape shape_;
    std::array<std::array<float, 256>, 3> table_{};  // what becomes of a channel's 256 levels
};

}  // namespace fastflow
