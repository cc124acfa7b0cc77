#include "batches.h"

#include <algorithm>
#include <cmath>

#include "error.h"
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
               std::size_t bytes, std::vector<unsigned char>& target) {
    CheckPictureSize(files[batch.first], bytes);  // before memory is taken for a size that a model declares
    target.resize(size * bytes);
    for (std::size_t i = 0; i < batch.count; ++i) {
        ReadPicture(files[batch.first + i], bytes, target.data() + i * bytes);
    }
    const unsigned char* last = target.data() + (batch.count - 1) * bytes;
    for (std::size_t i = batch.count; i < size; ++i) {
        std::copy_n(last, bytes, target.data() + i * bytes);
    }
}

void CheckFinite(const float* values, std::size_t count, const std::string& picture,
                 const std::string& output) {
    if (std::all_of(values, values + count, [](float value) { return std::isfinite(value); })) return;
    throw Error(Exit::kPredict, "picture " + picture + ", the model's output " + output +
                                    " holds values that are not finite, train it again with a lower --lr, or "
                                    "choose another --precision");
}

}  // namespace fastflow
