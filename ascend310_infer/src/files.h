// Reading pictures and models' files.
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace fastflow {

// A file that is closed at the end of the scope.
struct CloseFile {
    void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

// The operating system's words for an error number.
std::string Reason(int number);

// The regular files `*.bin` of a folder, sorted by name (byte order).
// Throws Error(kDataset) if the folder is missing, cannot be read or holds none.
std::vector<std::filesystem::path> ListPictures(const std::filesystem::path& folder);

// Check that a picture's file has `size` bytes.
// Throws Error(kDataset) if the file cannot be examined, Error(kPictureSize) if it has another size.
void CheckPictureSize(const std::filesystem::path& file, std::size_t size);

// Read exactly `size` bytes, the little-endian values of one picture, into `target`.
// Throws Error(kDataset) if the file cannot be read, Error(kPictureSize) if it has another size.
void ReadPicture(const std::filesystem::path& file, std::size_t size, unsigned char* target);

// Check that the model's file exists and can be read. Throws Error(kModelFile).
void CheckReadable(const std::filesystem::path& file);

// Check that the model's file exists, can be read, and begins as a MindIR does: a protobuf whose first field
// is the text of its version. Runtimes react to other files in different ways. Throws Error(kModelFile) or
// Error(kNotMindIr).
void CheckModelFile(const std::filesystem::path& file);

}  // namespace fastflow
