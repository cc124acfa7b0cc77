#include "batches.h"

#include <algorithm>

#include "files.h"

namespace fastflow {

std::vector<Batch> MakeBatches(std::size_t pictures, std::size_t size) {
    std::vector<Batch> batches;
    for (std::size_t first = 0; first < pictures; first += size) {
        batches.push_back({first, std::min(size, pictures - first)});
    }
    return batches;
}

void ReadBatch(const std::vector<std::filesystem::path>& files, const Batch& batch, std::size_t size,
               std::size_t values, std::vector<float>& target) {
    CheckPictureSize(files[batch.first], values);  // before memory is taken for a size that a model declares
    target.resize(size * values);
    for (std::size_t i = 0; i < batch.count; ++i) {
        ReadPicture(files[batch.first + i], values, target.data() + i * values);
    }
    const float* last = target.data() + (batch.count - 1) * values;
    for (std::size_t i = batch.count; i < size; ++i) {
        std::copy_n(last, values, target.data() + i * values);
    }
}

}  // namespace fastflow
