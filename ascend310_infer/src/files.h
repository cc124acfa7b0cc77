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

// Check that a picture's file has the size of `count` float32.
// Throws Error(kDataset) if the file cannot be examined, Error(kPictureSize) if it has another size.
void CheckPictureSize(const std::filesystem::path& file, std::size_t count);

// Read exactly `count` little-endian float32 into `target`.
// Throws Error(kDataset) if the file cannot be read, Error(kPictureSize) if it has another size.
void ReadPicture(const std::filesystem::path& file, std::size_t count, float* target);

// Check that the model's file exists, can be read, and begins as a MindIR does: a protobuf whose first field
// is the text of its version. Runtimes react to other files in different ways. Throws Error(kModelFile) or
// Error(kNotMindIr).
void CheckModelFile(const std::filesystem::path& file);

// The folder of results, which belongs to one run of the program, so that results never mix. It must be new
// or empty. Every file is written under another name and then renamed. Unless `Commit` is called, everything
// that was written is removed at the end.
class OutputFolder {
  public:
    // Throws Error(kOutput) if the path is a folder that is not empty, is not a folder, or cannot be made or
    // written.
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
