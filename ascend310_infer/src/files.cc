#include "files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

#include "error.h"

namespace fastflow {
namespace fs = std::filesystem;

std::string Reason(int number) { return std::generic_category().message(number); }

std::vector<fs::path> ListPictures(const fs::path& folder) {
    std::error_code problem;
    fs::directory_iterator entry(folder, problem);
    if (problem) {
        throw Error(Exit::kDataset, "folder " + folder.string() + ", cannot be read (" + problem.message() +
                                        "), give the folder that preprocess.py wrote");
    }
    std::vector<fs::path> files;
    for (const fs::directory_iterator end; entry != end; entry.increment(problem)) {
        if (entry->path().extension() != ".bin") continue;
        std::error_code ignored;  // a file that cannot be examined fails when it is read, and is named there
        if (!entry->is_directory(ignored)) files.push_back(entry->path());
    }
    if (problem) {
        throw Error(Exit::kDataset, "folder " + folder.string() + ", cannot be read (" + problem.message() +
                                        "), check the disk");
    }
    if (files.empty()) {
        throw Error(Exit::kDataset,
                    "folder " + folder.string() + ", holds no .bin file, run preprocess.py to make them");
    }
    std::sort(files.begin(), files.end());
    return files;
}

void CheckPictureSize(const fs::path& file, std::size_t size) {
    std::error_code problem;
    const auto actual = fs::file_size(file, problem);
    if (problem) {
        throw Error(Exit::kDataset, "picture " + file.string() + ", cannot be read (" + problem.message() +
                                        "), check the file");
    }
    if (actual != size) {
        throw Error(Exit::kPictureSize, "picture " + file.string() + ", has " + std::to_string(actual) +
                                            " bytes where the model wants " + std::to_string(size) +
                                            ", run preprocess.py for this model's size");
    }
}

void ReadPicture(const fs::path& file, std::size_t size, unsigned char* target) {
    CheckPictureSize(file, size);
    errno = 0;
    const File handle(std::fopen(file.c_str(), "rb"));
    if (!handle || std::fread(target, 1, size, handle.get()) != size) {
        const int number = errno != 0 ? errno : EIO;
        throw Error(Exit::kDataset,
                    "picture " + file.string() + ", cannot be read (" + Reason(number) + "), check the file");
    }
}

void CheckReadable(const fs::path& file) {
    std::error_code problem;
    const bool is_folder = fs::is_directory(file, problem);
    if (!problem && !is_folder) static_cast<void>(fs::file_size(file, problem));
    if (problem || is_folder) {
        throw Error(Exit::kModelFile, "model " + file.string() + ", cannot be read (" +
                                          (problem ? problem.message() : "a folder") +
                                          "), give a file that export.py wrote");
    }
    errno = 0;
    const File handle(std::fopen(file.c_str(), "rb"));
    if (!handle) {
        throw Error(Exit::kModelFile, "model " + file.string() + ", cannot be read (" + Reason(errno) +
                                          "), check its permissions");
    }
}

void CheckModelFile(const fs::path& file) {
    CheckReadable(file);
    const auto size = fs::file_size(file);
    const File handle(std::fopen(file.c_str(), "rb"));
    constexpr unsigned char kFirstField = 0x0a;  // the tag of field 1, which a length follows
    constexpr unsigned char kLongestVersion = 32;
    std::array<unsigned char, 2> head{};
    const bool plausible = handle && std::fread(head.data(), 1, head.size(), handle.get()) == head.size() &&
                           head[0] == kFirstField && head[1] > 0 && head[1] <= kLongestVersion &&
                           size > head.size() + head[1];
    if (!plausible) {
        throw Error(Exit::kNotMindIr, "model " + file.string() +
                                          ", is not a MindIR, write one by export.py --file_format MINDIR");
    }
}

}  // namespace fastflow
