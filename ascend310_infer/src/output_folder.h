// Writing results.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace fastflow {

// The folder of results, which belongs to one run of the program, so that results never mix. It must be new
// or empty. Until `Commit`, the files are in a temporary folder beside it, `.<name>.<8 letters>.partial`,
// which is removed at the end, and by the next run if this one is killed.
class OutputFolder {
  public:
    // Throws Error(kOutput) if the path is a folder that is not empty, is not a folder, or cannot be made or
    // written.
    explicit OutputFolder(const std::filesystem::path& path);
    ~OutputFolder();
    OutputFolder(const OutputFolder&) = delete;
    OutputFolder& operator=(const OutputFolder&) = delete;

    // Write `size` bytes as the file `name`, which may lie in folders within. Several threads may write at
    // the same time. Throws Error(kWrite).
    void Write(const std::string& name, const void* bytes, std::size_t size);
    // Give the folder its name. Throws Error(kWrite).
    void Commit();

  private:
    std::filesystem::path path_;
    std::filesystem::path temporary_;
    int lock_ = -1;  // an open descriptor of the temporary folder: its lock says that this process is alive
};

}  // namespace fastflow
