// Reading pictures and writing results.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace fastflow {

// The regular files `*.bin` of a folder, sorted by name (byte order).
// Throws Error(kDataset) if the folder is missing, cannot be read or holds none.
std::vector<std::filesystem::path> ListPictures(const std::filesystem::path& folder);

// Read exactly `count` little-endian float32 into `target`.
// Throws Error(kDataset) if the file cannot be read, Error(kPictureSize) if it has another size.
void ReadPicture(const std::filesystem::path& file, std::size_t count, float* target);

// Check that the model's file is there, readable, and begins as a MindIR (a protobuf whose first field is the
// version text) does; runtimes differ in what they make of other files.
// Throws Error(kModelFile) or Error(kNotMindIr).
void CheckModelFile(const std::filesystem::path& file);

// A folder of results that belongs to one run: it must be new or empty, every file is written beside and
// renamed, and unless `Commit` is called everything written is removed again, so results never mix.
class OutputFolder {
  public:
    // Throws Error(kOutput) if the folder is not empty, is no folder, or cannot be made or written.
    explicit OutputFolder(std::filesystem::path path);
    ~OutputFolder();
    OutputFolder(const OutputFolder&) = delete;
    OutputFolder& operator=(const OutputFolder&) = delete;

    // Write `size` bytes as the file `name`. Throws Error(kWrite).
    void Write(const std::string& name, const void* bytes, std::size_t size);
    // Keep what was written.
    void Commit() noexcept { committed_ = true; }

  private:
    std::filesystem::path path_;
    std::vector<std::filesystem::path> written_;
    bool created_ = false;
    bool committed_ = false;
};

}  // namespace fastflow
