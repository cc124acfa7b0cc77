// How a picture becomes an image of the network, or several, as src/data/framing.py has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "inspect/anomaly_map.h"
#include "inspect/roi.h"
#include "inspect/tiling.h"
#include "pictures/decoded.h"
#include "pictures/mask.h"

namespace fastflow {

// What a model's description says.
struct FramingRule {
    bool keep_aspect = false;  // the picture is in the middle of the image, and the rest is hidden
    std::optional<Tiling> tiling;
    RoiKind roi = RoiKind::kNone;
    Mask mask;  // of RoiKind::kOne
};

// The region of interest of a model's pictures. `given` is the value of --roi, which comes first; empty:
// none. Throws Error(kUsage) if the model was trained without one, or with one per picture and none is given,
// and what Roi::Given throws.
std::optional<Roi> RoiFor(const FramingRule& rule, const std::string& given, const std::string& model);

// Where in an image or a map a picture is.
struct Box {
    std::size_t top = 0;
    std::size_t left = 0;
    std::size_t height = 0;
    std::size_t width = 0;
};

// Images are bytes, [height][width] of red, green and blue, and, where a part of them may be hidden, alpha: 0
// there, 255 elsewhere.
struct Framing {
    std::size_t height = 0;  // of the image
    std::size_t width = 0;
    bool keep_aspect = false;
    std::optional<Tiling> tiling;
    std::optional<Roi> roi;

    [[nodiscard]] bool hides() const { return keep_aspect || roi; }

    // Where in the image a picture (or a tile) of this size is.
    [[nodiscard]] Box BoxOf(std::size_t picture_height, std::size_t picture_width) const;

    // Where a picture is looked at; none: everywhere. Throws Unjudged, as Roi::Of.
    [[nodiscard]] std::optional<Mask> Wanted(const Pixels& picture, const std::filesystem::path& file) const;

    // A picture as an image that shows what is wanted of it; null: all. Nothing of what is outside is mixed
    // into what is seen.
    [[nodiscard]] std::vector<std::uint8_t> Image(const Pixels& picture, const Mask* wanted) const;

    // Throws Unjudged if a picture is smaller than a tile, and its aspect need not be kept.
    void CheckTiles(const Pixels& picture, const std::filesystem::path& file) const;

    // The tiles of a picture in which there is something to look at.
    [[nodiscard]] std::vector<Place> Places(const Pixels& picture, const Mask* wanted) const;

    // A tile of a picture as an image. What is beyond the picture is hidden.
    [[nodiscard]] std::vector<std::uint8_t> Tile(const Pixels& picture, const Place& place,
                                                 const Mask* wanted) const;

    // Whether anything of an image is seen.
    [[nodiscard]] bool Shows(const std::vector<std::uint8_t>& image) const;

    // The line of a picture of which nothing is seen.
    [[nodiscard]] std::string NothingSeen(const std::filesystem::path& file) const;
};

}  // namespace fastflow
