#include "inspect/roles.h"

#include <algorithm>
#include <map>
#include <regex>

#include "inspect/listing.h"

namespace fastflow {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::string WithoutMaskEnding(const std::string& stem) {
    static const std::regex ending("[._-](masks?|labels?|gt|ground_?truth)$",
                                   std::regex::icase | std::regex::ECMAScript);
    constexpr std::size_t kLongest =
        16;  // the longest such ending and more: what is before it does not matter
    const std::size_t begin = stem.size() > kLongest ? stem.size() - kLongest : 0;
    std::smatch found;
    const std::string end = stem.substr(begin);
    if (!std::regex_search(end, found, ending)) return stem;
    return stem.substr(0, begin + static_cast<std::size_t>(found.position(0)));
}

bool IsMaskFolder(const std::string& name) {
    return name == "masks" || name == "mask" || name == "ground_truth";
}

bool IsNamedAsMask(const fs::path& file) {
    const std::string stem = file.stem().string();
    const std::string without = WithoutMaskEnding(stem);
    return without != stem && !without.empty();
}

std::set<fs::path> MasksAmong(const std::vector<fs::path>& files, const fs::path& base) {
    std::set<fs::path> masks;
    std::map<fs::path, fs::path> known;  // by path without ending
    for (const fs::path& file : files) known[file.parent_path() / file.stem()] = file;
    for (const fs::path& file : files) {
        if (!IsNamedAsMask(file)) continue;
        if (known.count(file.parent_path() / WithoutMaskEnding(file.stem().string())) != 0)
            masks.insert(file);
    }
    std::vector<fs::path> kept;
    std::set<std::string> stems;
    for (const fs::path& file : files) {
        const fs::path folders = file.parent_path().lexically_relative(base);
        const bool in_masks = std::any_of(folders.begin(), folders.end(),
                                          [](const fs::path& part) { return IsMaskFolder(part.string()); });
        if (in_masks) {
            kept.push_back(file);
        } else if (masks.count(file) == 0) {
            stems.insert(file.stem().string());
        }
    }
    for (const fs::path& file : kept) {
        const std::string stem = file.stem().string();
        if (stems.count(WithoutMaskEnding(stem)) + stems.count(stem) +
                stems.count(file.parent_path().filename().string()) !=
            0) {
            masks.insert(file);
        }
    }
    return masks;
}

}  // namespace fastflow
