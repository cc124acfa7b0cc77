#include "inspect/roi.h"

#include <system_error>

#include "error.h"
#include "inspect/listing.h"
#include "inspect/unjudged.h"
#include "pictures/picture.h"
#include "text.h"

namespace fastflow {
namespace {

namespace fs = std::filesystem;

// A mask that marks something. Throws Unjudged.
Mask ReadMask(const fs::path& file) {
    try {
        Mask mask = MarkedIn(Decode(file, Reading{}, Part::kAll));
        if (mask.Any()) return mask;
    } catch (const Unreadable& problem) {
        throw Unjudged(CannotRead(file, problem.what()));
    }
    throw Unjudged("--roi " + file.string() +
                   " marks no pixel; what is looked at must be white, or any colour but black");
}

// The mask whose path in its folder is the end of the picture's, as long an end as there is.
const fs::path& FileFor(const fs::path& picture, const std::map<std::string, fs::path>& files) {
    fs::path left = fs::path(picture).replace_extension().relative_path();
    while (!left.empty()) {
        const auto found = files.find(left.string());
        if (found != files.end()) return found->second;
        fs::path shorter;
        for (auto part = std::next(left.begin()); part != left.end(); ++part) shorter /= *part;
        left = shorter;
    }
    throw Unjudged("--roi: no mask for " + picture.string() + "; add one that is named as it is");
}

}  // namespace

Roi Roi::Given(const std::string& path) {
    std::error_code problem;
    if (!fs::is_directory(path, problem)) {
        try {
            return Roi(ReadMask(path));
        } catch (const Unjudged& unusable) {
            throw Error(Exit::kDataset, std::string("option --roi, ") + unusable.what());
        }
    }
    const fs::path base = fs::canonical(path);
    Files files;
    for (const fs::path& file : PicturesIn(base)) {
        files[file.lexically_relative(base).replace_extension().string()] = file;
    }
    if (files.empty()) {
        throw Error(Exit::kDataset,
                    "option --roi, no masks in " + path + ", give a mask, or a folder of one per picture");
    }
    return Roi(std::move(files));
}

Mask Roi::Of(std::size_t height, std::size_t width, const fs::path& picture) const {
    const Mask* whole = std::get_if<Mask>(&masks_);
    const Mask marked = whole != nullptr ? *whole : ReadMask(FileFor(picture, std::get<Files>(masks_)));
    Mask mask = Stretched(marked, height, width);
    if (!mask.Any()) {
        throw Unjudged("--roi: the mask marks nothing of " + picture.string() + " at its size; mark more");
    }
    return mask;
}

}  // namespace fastflow
