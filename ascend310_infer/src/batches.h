// Grouping pictures into batches of the model's fixed size.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace fastflow {

struct Batch {
    std::size_t first = 0;  // position of its first picture
    std::size_t count = 0;  // pictures in it, at most the batch size
};

// Consecutive groups of `size` (at least 1) of `pictures` pictures; the last may be smaller.
std::vector<Batch> MakeBatches(std::size_t pictures, std::size_t size);

// Read a batch's pictures, `values` float32 each, into `target` (size * values); the places after the last
// picture are filled by repeating it. Throws as ReadPicture.
void ReadBatch(const std::vector<std::filesystem::path>& files, const Batch& batch, std::size_t size,
               std::size_t values, std::vector<float>& target);

}  // namespace fastflow
