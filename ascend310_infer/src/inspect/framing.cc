#include "inspect/framing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "error.h"
#include "inspect/unjudged.h"
#include "pictures/resize.h"

namespace fastflow {
namespace {

namespace fs = std::filesystem;

// What pixels of no interest become before a picture is resized: the mean of ImageNet's.
constexpr std::array<std::uint8_t, 3> kUnseen = {124, 116, 104};

std::string SizeText(std::size_t first, std::size_t second) {
    return std::to_string(first) + "x" + std::to_string(second);
}

// A picture in colours that shows only what is wanted of it.
Pixels Without(const Pixels& picture, const Mask& wanted) {
    Pixels result{picture.width, picture.height, 3, {}};
    result.values.reserve(3 * picture.width * picture.height);
    for (std::size_t i = 0; i < wanted.marked.size(); ++i) {
        const std::uint8_t* first = picture.values.data() + i * picture.channels;
        for (std::size_t channel = 0; channel < 3; ++channel) {
            const std::uint8_t value = picture.channels == 3 ? first[channel] : *first;
            result.values.push_back(wanted.marked[i] != 0 ? value : kUnseen.at(channel));
        }
    }
    return result;
}

// A rectangle, black where it is beyond the picture.
Pixels Cropped(const Pixels& picture, const Place& place, std::size_t height, std::size_t width) {
    Pixels part{width, height, picture.channels, {}};
    part.values.resize(width * height * part.channels);
    const std::size_t row = std::min(width, picture.width - place.column) * part.channels;
    for (std::size_t y = 0; y < std::min(height, picture.height - place.row); ++y) {
        const std::size_t from = ((place.row + y) * picture.width + place.column) * part.channels;
        std::copy_n(picture.values.data() + from, row, part.values.data() + y * width * part.channels);
    }
    return part;
}

}  // namespace

std::optional<Roi> RoiFor(const FramingRule& rule, const std::string& given, const std::string& model) {
    if (!given.empty() && rule.roi == RoiKind::kNone) {
        throw Error(Exit::kUsage, "option --roi, " + model +
                                      " was trained on whole pictures, train with --roi, or leave it out");
    }
    if (!given.empty()) return Roi::Given(given);
    if (rule.roi == RoiKind::kEach) {
        throw Error(Exit::kUsage, "model " + model +
                                      ", was trained with a mask for each picture, give those of these "
                                      "pictures: --roi FOLDER");
    }
    if (rule.roi == RoiKind::kNone) return std::nullopt;
    return Roi(rule.mask);
}

Box Framing::BoxOf(std::size_t picture_height, std::size_t picture_width) const {
    if (!keep_aspect) return {0, 0, height, width};
    const auto high = static_cast<double>(picture_height);
    const auto wide = static_cast<double>(picture_width);
    const double share = std::min(static_cast<double>(height) / high, static_cast<double>(width) / wide);
    const auto side = [share](double length, std::size_t most) {  // halves become even, as in Python
        return std::clamp<std::size_t>(static_cast<std::size_t>(std::nearbyint(length * share)), 1, most);
    };
    Box box{0, 0, side(high, height), side(wide, width)};
    box.top = (height - box.height) / 2;
    box.left = (width - box.width) / 2;
    return box;
}

std::optional<Mask> Framing::Wanted(const Pixels& picture, const fs::path& file) const {
    return roi ? std::optional(roi->Of(picture.height, picture.width, file)) : std::nullopt;
}

std::vector<std::uint8_t> Framing::Image(const Pixels& picture, const Mask* wanted) const {
    if (!hides()) return Resized(picture, height, width);
    const Box box = BoxOf(picture.height, picture.width);
    const bool whole = wanted == nullptr || wanted->All();
    const auto colours = Resized(whole ? picture : Without(picture, *wanted), box.height, box.width);
    const Mask seen = whole ? Mask{} : Stretched(*wanted, box.height, box.width);
    std::vector<std::uint8_t> image(4 * height * width);
    for (std::size_t y = 0; y < box.height; ++y) {
        std::uint8_t* target = image.data() + 4 * ((box.top + y) * width + box.left);
        const std::uint8_t* source = colours.data() + 3 * y * box.width;
        for (std::size_t x = 0; x < box.width; ++x, source += 3, target += 4) {
            std::copy_n(source, 3, target);
            target[3] = whole || seen.marked[y * box.width + x] != 0 ? 255 : 0;
        }
    }
    return image;
}

void Framing::CheckTiles(const Pixels& picture, const fs::path& file) const {
    if ((picture.height < tiling->height || picture.width < tiling->width) && !keep_aspect) {
        throw Unjudged("--tile: " + file.string() + " has " + SizeText(picture.width, picture.height) +
                       " pixels, less than a tile of " + SizeText(tiling->width, tiling->height) +
                       "; give a smaller one, or fill such pictures up: --keep_aspect");
    }
}

std::vector<Place> Framing::Places(const Pixels& picture, const Mask* wanted) const {
    std::vector<Place> places = tiling->Places(picture.height, picture.width);
    if (wanted == nullptr) return places;
    const auto nothing = [&](const Place& place) {
        return !wanted->AnyIn(place.row, place.column, tiling->height, tiling->width);
    };
    places.erase(std::remove_if(places.begin(), places.end(), nothing), places.end());
    return places;
}

std::vector<std::uint8_t> Framing::Tile(const Pixels& picture, const Place& place, const Mask* wanted) const {
    const Pixels part = Cropped(picture, place, tiling->height, tiling->width);
    if (!hides()) return Image(part, nullptr);
    Mask inside{tiling->height, tiling->width, std::vector<std::uint8_t>(tiling->height * tiling->width)};
    const std::size_t columns = std::min(tiling->width, picture.width - place.column);
    for (std::size_t y = 0; y < std::min(tiling->height, picture.height - place.row); ++y) {
        std::uint8_t* target = inside.marked.data() + y * tiling->width;
        if (wanted == nullptr) {
            std::fill_n(target, columns, std::uint8_t{1});
        } else {
            const std::size_t from = (place.row + y) * picture.width + place.column;
            std::copy_n(wanted->marked.data() + from, columns, target);
        }
    }
    return Image(part, &inside);
}

bool Framing::Shows(const std::vector<std::uint8_t>& image) const {
    if (!hides()) return true;
    for (std::size_t i = 3; i < image.size(); i += 4) {
        if (image[i] != 0) return true;
    }
    return false;
}

std::string Framing::NothingSeen(const fs::path& file) const {
    return "--roi: nothing of " + file.string() + " is seen at " + SizeText(height, width) +
           " pixels; mark more";
}

}  // namespace fastflow
