// Regions of interest: which part of a picture is looked at, as src/data/roi.py has it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <variant>

#include "pictures/mask.h"

namespace fastflow {

// Of a model: it was trained without one, with a mask for all pictures, or with one for each.
enum class RoiKind { kNone, kOne, kEach };

class Roi {
  public:
    // A mask for all pictures.
    explicit Roi(Mask mask) : masks_(std::move(mask)) {}

    // What --roi names: a mask, or a folder of masks. Throws Error(kDataset).
    static Roi Given(const std::string& path);

    // Where a picture of this size is looked at. Throws Unjudged if no mask is there for it, or it marks
    // nothing.
    [[nodiscard]] Mask Of(std::size_t height, std::size_t width, const std::filesystem::path& picture) const;

  private:
    using Files = std::map<std::string, std::filesystem::path>;  // by path in the folder, without ending

    explicit Roi(Files files) : masks_(std::move(files)) {}

    std::variant<Mask, Files> masks_;
};

}  // namespace fastflow
