// Which pictures are masks of others.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace fastflow {

// A name without an ending such as _mask, -mask, .mask, _label or _gt.
std::string WithoutMaskEnding(const std::string& stem);

// Whether one of the folders from `first` to before `last` is called as folders of masks are.
bool IsMaskFolder(const std::string& name);

// The files under `base` that are masks of others: those beside their picture, and those in a folder of masks
// for which there is a picture of that name elsewhere, or of the folder's name where several make one mask.
std::set<std::filesystem::path> MasksAmong(const std::vector<std::filesystem::path>& files,
                                           const std::filesystem::path& base);

}  // namespace fastflow
