// Grouping pictures into batches of the size that the model has.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace fastflow {

struct Batch {
    std::size_t first = 0;  // position of its first picture
    std::size_t count = 0;  // pictures in it, at most the batch size
};

// Batches of `size` (at least 1) consecutive pictures that together hold `pictures` pictures. The last one
// may be smaller.
std::vector<Batch> MakeBatches(std::size_t pictures, std::size_t size);

// Read the pictures of a batch, `values` float32 each, into `target`, which gets room for `size` pictures.
// Where the batch has fewer, its last picture is repeated. Throws what ReadPicture throws.
void ReadBatch(const std::vector<std::filesystem::path>& files, const Batch& batch, std::size_t size,
               std::size_t values, std::vector<float>& target);

}  // namespace fastflow
