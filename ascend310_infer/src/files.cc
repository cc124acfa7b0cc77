#include "files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include "error.h"

namespace fastflow {
namespace {

namespace fs = std::filesystem;

struct CloseFile {
    void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

std::string Reason(int number) { return std::generic_category().message(number); }

// A temporary file. It is removed at the end of the scope, unless it was renamed before.
class Temporary {
  public:
    explicit Temporary(fs::path path) : path_(std::move(path)) {}
    ~Temporary() {
        std::error_code ignored;  // once renamed, there is nothing to remove
        fs::remove(path_, ignored);
    }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    [[nodiscard]] const fs::path& path() const noexcept { return path_; }

  private:
    fs::path path_;
};

// Write a whole new file. Returns 0, or the number of the error. Closing the file is checked, too, because
// some file systems report a full disk only then.
int WriteWhole(const fs::path& path, const void* bytes, std::size_t size) {
    errno = 0;
    File file(std::fopen(path.c_str(), "wbx"));
    if (!file) return errno;
    if (size > 0 && std::fwrite(bytes, 1, size, file.get()) != size) return errno != 0 ? errno : EIO;
    if (std::fflush(file.get()) != 0) return errno != 0 ? errno : EIO;
    if (std::fclose(file.release()) != 0) return errno != 0 ? errno : EIO;
    return 0;
}

}  // namespace

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

void CheckPictureSize(const fs::path& file, std::size_t count) {
    const std::size_t size = count * sizeof(float);
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

void ReadPicture(const fs::path& file, std::size_t count, float* target) {
    CheckPictureSize(file, count);
    errno = 0;
    const File handle(std::fopen(file.c_str(), "rb"));
    if (!handle || std::fread(target, sizeof(float), count, handle.get()) != count) {
        const int number = errno != 0 ? errno : EIO;
        throw Error(Exit::kDataset,
                    "picture " + file.string() + ", cannot be read (" + Reason(number) + "), check the file");
    }
}

void CheckModelFile(const fs::path& file) {
    std::error_code problem;
    const auto size = fs::is_directory(file, problem) ? 0 : fs::file_size(file, problem);
    if (problem || fs::is_directory(file, problem)) {
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
    constexpr unsigned char kFirstField = 0x0a;  // the tag of field 1, which a length follows
    constexpr unsigned char kLongestVersion = 32;
    std::array<unsigned char, 2> head{};
    const bool plausible = std::fread(head.data(), 1, head.size(), handle.get()) == head.size() &&
                           head[0] == kFirstField && head[1] > 0 && head[1] <= kLongestVersion &&
                           size > head.size() + head[1];
    if (!plausible) {
        throw Error(Exit::kNotMindIr, "model " + file.string() +
                                          ", is not a MindIR, write one by export.py --file_format MINDIR");
    }
}

OutputFolder::OutputFolder(fs::path path) : path_(std::move(path)) {
    std::error_code problem;
    created_ = fs::create_directories(path_, problem);
    const bool empty = !problem && fs::is_empty(path_, problem);
    if (problem || !fs::is_directory(path_, problem)) {
        throw Error(Exit::kOutput, "folder " + path_.string() + ", cannot be used (" +
                                       (problem ? problem.message() : "not a folder") + "), choose another");
    }
    if (!empty) {
        throw Error(Exit::kOutput,
                    "folder " + path_.string() +
                        ", is not empty and its files would mix with the new ones, empty it or "
                        "choose another");
    }
    const Temporary trial(path_ / ".trial.partial");
    const int number = WriteWhole(trial.path(), nullptr, 0);
    if (number != 0) {
        if (created_) fs::remove(path_, problem);
        throw Error(Exit::kOutput, "folder " + path_.string() + ", cannot be written (" + Reason(number) +
                                       "), choose another");
    }
}

OutputFolder::~OutputFolder() {
    if (committed_) return;
    std::error_code ignored;  // a failure is being reported already
    for (const auto& file : written_) fs::remove(file, ignored);
    if (created_) fs::remove(path_, ignored);
}

void OutputFolder::Write(const std::string& name, const void* bytes, std::size_t size) {
    const fs::path target = path_ / name;
    const Temporary temporary(path_ / ("." + name + ".partial"));
    const int number = WriteWhole(temporary.path(), bytes, size);
    if (number != 0) {
        throw Error(Exit::kWrite, "file " + target.string() + ", cannot be written (" + Reason(number) +
                                      "), free some space or choose another --output_path");
    }
    written_.push_back(target);
    std::error_code problem;
    fs::rename(temporary.path(), target, problem);
    if (problem) {
        throw Error(Exit::kWrite, "file " + target.string() + ", cannot be named so (" + problem.message() +
                                      "), choose another --output_path");
    }
}

}  // namespace fastflow
