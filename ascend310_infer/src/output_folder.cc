#include "output_folder.h"

#include <fcntl.h>  // locks are POSIX, not C++
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <random>
#include <string_view>
#include <system_error>
#include <vector>

#include "error.h"
#include "files.h"

namespace fastflow {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLetters = 8;  // in the name of a temporary folder, which the Python programs know, too
constexpr std::size_t kLongestName = 100;     // bytes of the target's name in it
constexpr const char* kPartial = ".partial";  // its end

// Open a folder and lock it, for as long as the descriptor is open. Returns -1 if another process has it, or
// it is not a folder of this user.
int Lock(const fs::path& folder) {
    const int handle = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (handle < 0) return -1;
    struct stat status{};
    if (flock(handle, LOCK_EX | LOCK_NB) == 0 && fstat(handle, &status) == 0 && status.st_uid == geteuid() &&
        fs::exists(folder)) {
        return handle;
    }
    close(handle);
    return -1;
}

bool IsPartial(const std::string& name) {
    const std::string end = kPartial;
    return name.size() > end.size() + kLetters + 2 && name.front() == '.' &&
           name.compare(name.size() - end.size(), end.size(), end) == 0 &&
           name[name.size() - end.size() - kLetters - 1] == '.';
}

// Remove the temporary folders of processes that were killed: nobody has them locked.
void RemoveLeftovers(const fs::path& parent) {
    std::error_code problem;
    std::vector<fs::path> left;
    for (fs::directory_iterator entry(parent, problem), end; !problem && entry != end;
         entry.increment(problem)) {
        if (IsPartial(entry->path().filename().string())) left.push_back(entry->path());
    }
    for (const fs::path& folder : left) {
        const int handle = Lock(folder);
        if (handle < 0) continue;
        fs::remove_all(folder, problem);
        close(handle);
    }
}

fs::path TemporaryName(const fs::path& target) {
    constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::random_device random;
    std::string letters;
    while (letters.size() < kLetters) letters += kAlphabet[random() % kAlphabet.size()];
    return target.parent_path() /
           ("." + target.filename().string().substr(0, kLongestName) + "." + letters + kPartial);
}

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

OutputFolder::OutputFolder(const fs::path& path) : path_(fs::absolute(path).lexically_normal()) {
    if (path_.filename().empty()) path_ = path_.parent_path();  // the path ended in a slash
    std::error_code problem;
    const bool exists = fs::exists(path_, problem);
    const bool usable = !problem && (!exists || fs::is_directory(path_, problem));
    const bool empty = usable && (!exists || fs::is_empty(path_, problem));
    if (usable && !problem && empty) fs::create_directories(path_.parent_path(), problem);
    if (problem || !usable) {
        throw Error(Exit::kOutput, "folder " + path_.string() + ", cannot be used (" +
                                       (problem ? problem.message() : "not a folder") + "), choose another");
    }
    if (!empty) {
        throw Error(Exit::kOutput,
                    "folder " + path_.string() +
                        ", is not empty and its files would mix with the new ones, empty it or "
                        "choose another");
    }
    RemoveLeftovers(path_.parent_path());
    temporary_ = TemporaryName(path_);
    errno = 0;
    if (mkdir(temporary_.c_str(), S_IRWXU | S_IRWXG | S_IRWXO) == 0) lock_ = Lock(temporary_);
    if (lock_ < 0) {
        throw Error(Exit::kOutput, "folder " + path_.string() + ", cannot be written (" +
                                       Reason(errno != 0 ? errno : EIO) + "), choose another");
    }
}

OutputFolder::~OutputFolder() {
    std::error_code
        ignored;  // after `Commit` it is not there any more; else a failure is being reported already
    fs::remove_all(temporary_, ignored);
    close(lock_);
}

void OutputFolder::Write(const std::string& name, const void* bytes, std::size_t size) {
    std::error_code problem;
    const fs::path folder = (temporary_ / name).parent_path();
    if (folder != temporary_) fs::create_directories(folder, problem);
    const int number = problem ? problem.value() : WriteWhole(temporary_ / name, bytes, size);
    if (number != 0) {
        throw Error(Exit::kWrite, "file " + (path_ / name).string() + ", cannot be written (" +
                                      Reason(number) + "), free some space or choose another --output_path");
    }
}

void OutputFolder::Commit() {
    std::error_code problem;
    fs::rename(temporary_, path_, problem);  // also in the place of an empty folder
    if (problem) {
        throw Error(Exit::kWrite, "folder " + path_.string() + ", cannot be named so (" + problem.message() +
                                      "), choose another --output_path");
    }
}

}  // namespace fastflow
