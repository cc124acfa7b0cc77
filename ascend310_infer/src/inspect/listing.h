// Which files are pictures, as src/data/listing.py and src/data/roles.py have it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fastflow {

struct PictureFile {
    std::string
        name;  // its path within the folder that was given, without ending; results are named after it
    std::filesystem::path file;
};

struct Listing {
    std::vector<PictureFile> pictures;               // in the order of their paths
    std::map<std::string, std::size_t> passed_over;  // other files by ending, or by what they are
};

// The pictures in a folder and all folders within, without hidden files, system folders and masks of other
// pictures; or one picture. A picture is recognised by its ending. Throws Error(kDataset) if there are none,
// a folder cannot be read, or two have the same name.
Listing FindPictures(const std::string& given);

// The files in a folder and all folders within that are pictures by their endings, masks among them, in the
// order of their paths, without hidden files and system folders. Throws Error(kDataset) if a folder cannot be
// read.
std::vector<std::filesystem::path> PicturesIn(const std::filesystem::path& folder);

// The ending of a file's name in lower case, such as ".png"; empty if it has none.
std::string SuffixOf(const std::filesystem::path& file);

// Whether a file's name ends as those of masks do, such as 000_mask.png.
bool IsNamedAsMask(const std::filesystem::path& file);

}  // namespace fastflow
