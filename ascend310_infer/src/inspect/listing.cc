#include "inspect/listing.h"

#include <algorithm>
#include <cctype>
#include <deque>
#include <set>
#include <system_error>
#include <utility>

#include "error.h"
#include "inspect/roles.h"

namespace fastflow {
namespace {

namespace fs = std::filesystem;

// The formats that predict.py takes; of those that this program does not read, it says so.
const std::set<std::string>& Suffixes() {
    static const std::set<std::string> suffixes = {
        ".apng", ".avif", ".avifs", ".blp",  ".bmp", ".bw",  ".dcx", ".dds",  ".dib",  ".exr", ".gif", ".hdr",
        ".im",   ".j2c",  ".j2k",   ".jfif", ".jp2", ".jpc", ".jpe", ".jpeg", ".jpf",  ".jpg", ".jpx", ".mpo",
        ".pam",  ".pbm",  ".pcx",   ".pfm",  ".pgm", ".pic", ".png", ".pnm",  ".ppm",  ".psd", ".pxm", ".qoi",
        ".ras",  ".rgb",  ".rgba",  ".sgi",  ".sr",  ".tga", ".tif", ".tiff", ".webp", ".xbm", ".xpm"};
    return suffixes;
}

std::string Lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

bool IsHidden(const fs::path& file) {
    static const std::set<std::string> system = {"@eadir",      "@recycle",    "@recently-snapshot",
                                                 "#recycle",    "#snapshot",   "$recycle.bin",
                                                 "lost+found",  "__macosx",    "thumbs.db",
                                                 "ehthumbs.db", "desktop.ini", "system volume information"};
    const std::string name = file.filename().string();
    return name.front() == '.' || system.count(Lower(name)) != 0;
}

std::vector<fs::path> Entries(const fs::path& folder) {
    std::error_code problem;
    std::vector<fs::path> entries;
    for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end;
         entry.increment(problem)) {
        entries.push_back(entry->path());
    }
    if (problem) {
        throw Error(Exit::kDataset, "folder " + folder.string() + ", cannot be read (" + problem.message() +
                                        "), check its permissions");
    }
    std::sort(entries.begin(), entries.end());
    return entries;
}

// All files under `base`. Folders come before links to them, so that a picture keeps the path that it has
// without the link; no folder is read twice, and no link leads to a folder that holds `base`.
std::vector<fs::path> Walk(const fs::path& base, std::map<std::string, std::size_t>& passed_over) {
    std::vector<fs::path> files;
    std::vector<fs::path> waiting = {base};
    std::deque<fs::path> links;
    std::set<fs::path> seen = {fs::canonical(base)};
    std::set<fs::path> above;
    for (fs::path folder = fs::canonical(base); folder != folder.parent_path();) {
        folder = folder.parent_path();
        above.insert(folder);
    }
    std::error_code problem;
    while (!waiting.empty() || !links.empty()) {
        if (waiting.empty()) {
            const fs::path link = links.front();
            links.pop_front();
            const fs::path real = fs::canonical(link, problem);
            if (problem || above.count(real) != 0 || !seen.insert(real).second) {
                ++passed_over["link to a folder that is read already"];
            } else {
                waiting.push_back(link);
            }
            continue;
        }
        const fs::path folder = waiting.back();
        waiting.pop_back();
        for (const fs::path& path : Entries(folder)) {
            if (IsHidden(path)) {
                ++passed_over["hidden"];
            } else if (!fs::is_directory(path, problem)) {
                files.push_back(path);
            } else if (fs::is_symlink(path, problem)) {
                links.push_back(path);
            } else if (seen.insert(fs::canonical(path)).second) {
                waiting.push_back(path);
            }
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::vector<fs::path> PicturesAmong(const std::vector<fs::path>& files) {
    std::vector<fs::path> found;
    std::copy_if(files.begin(), files.end(), std::back_inserter(found),
                 [](const fs::path& file) { return Suffixes().count(SuffixOf(file)) != 0; });
    return found;
}

std::string KindOf(const fs::path& file) {
    const std::string suffix = SuffixOf(file);
    if (Suffixes().count(suffix) == 0) return suffix.empty() ? "without ending" : suffix;
    const fs::path folder = file.parent_path();
    const bool is_mask = IsNamedAsMask(file) || IsMaskFolder(folder.filename().string()) ||
                         IsMaskFolder(folder.parent_path().filename().string());
    return suffix + (is_mask ? " mask" : " elsewhere");
}

}  // namespace

std::string SuffixOf(const fs::path& file) {
    const std::string suffix = Lower(file.extension().string());
    return suffix == "." ? "" : suffix;
}

std::vector<fs::path> PicturesIn(const fs::path& folder) {
    std::map<std::string, std::size_t> passed_over;
    return PicturesAmong(Walk(folder, passed_over));
}

Listing FindPictures(const std::string& given) {
    std::error_code problem;
    const fs::path base = fs::canonical(given, problem);
    if (problem) {
        throw Error(Exit::kDataset, "pictures " + given + ", cannot be read (" + problem.message() +
                                        "), give a folder of pictures or a picture");
    }
    Listing listing;
    if (!fs::is_directory(base)) {
        listing.pictures.push_back({base.stem().string(), base});
        return listing;
    }
    const auto files = Walk(base, listing.passed_over);
    const auto found = PicturesAmong(files);
    const auto masks = MasksAmong(found, base);
    std::map<std::string, fs::path> named;
    std::set<fs::path> used;
    for (const fs::path& file : found) {
        if (masks.count(file) != 0) continue;
        const std::string name = file.lexically_relative(base).replace_extension().string();
        const auto [entry, is_new] = named.emplace(name, file);
        if (!is_new) {
            throw Error(Exit::kDataset, "pictures " + entry->second.string() + " and " + file.string() +
                                            ", have the same name, rename or remove one of them");
        }
        used.insert(file);
        listing.pictures.push_back({name, file});
    }
    for (const fs::path& file : files) {
        if (used.count(file) == 0) ++listing.passed_over[KindOf(file)];
    }
    if (listing.pictures.empty()) {
        throw Error(Exit::kDataset,
                    "folder " + base.string() + ", holds no pictures, give a folder of pictures");
    }
    return listing;
}

}  // namespace fastflow
