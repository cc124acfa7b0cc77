// Grouping pictures into batches of the size that the model has.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace fastflow {

struct Batch {
    std::size_t first = 0;  // position of its first picture
    std::size_t count = 0;  // pictures in it, at most the batch size
};

// Batches of `size` (at least 1) consecutive pictures that together hold `pictures` pictures. The last one
// may be smaller.
std::vector<Batch> MakeBatches(std::size_t pictures, std::size_t size);

// Read the pictures of a batch, `bytes` each, into `target`, which gets room for `size` pictures.
// Where the batch has fewer, its last picture is repeated. Throws what ReadPicture throws.
void ReadBatch(const std::vector<std::filesystem::path>& files, const Batch& batch, std::size_t size,
               std::size_t bytes, std::vector<unsigned char>& target);

// Check that an output of a picture, `count` values, is finite: of what is not, nothing can be said. Throws
// Error(kPredict), which names picture and output.
void CheckFinite(const float* values, std::size_t count, const std::string& picture,
                 const std::string& output);

}  // namespace fastflow
