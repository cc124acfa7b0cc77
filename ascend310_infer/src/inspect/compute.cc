#include "inspect/compute.h"

#include <algorithm>
#include <utility>

#include "batches.h"
#include "inspect/canvas.h"
#include "interrupt.h"
#include "statistics.h"

namespace fastflow {
namespace {

// A network's input that is filled image by image, and what it gave.
class Batch {
  public:
    explicit Batch(const NetworkShape& shape) : shape_(shape), values_(shape.batch * shape.bytes) {}

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    // Where the next image's values are to be written.
    unsigned char* Next() { return values_.data() + size_++ * shape_.bytes; }
    // Compute them; the next image is the first of another batch.
    void Predict(Model& model) {
        auto outputs = model.Predict(values_);
        maps_ = std::move(outputs[shape_.map]);
        scores_ = std::move(outputs[shape_.score]);
        size_ = 0;
    }
    // What was computed of an image. Throws Error(kPredict) if it is not finite.
    [[nodiscard]] View Of(std::size_t image, const Preparation& preparation, std::size_t height,
                          std::size_t width, const std::string& file) const {
        const std::size_t count = shape_.map_height * shape_.map_width;
        const float* map = maps_.data() + image * count;
        CheckFinite(map, count, file, "anomaly_map");
        CheckFinite(&scores_[image], 1, file, "score");
        return {preparation.OfPicture(map, height, width), scores_[image]};
    }

  private:
    const NetworkShape& shape_;
    std::vector<unsigned char> values_;
    std::size_t size_ = 0;
    std::vector<float> maps_;
    std::vector<float> scores_;
};

void ComputeWhole(Model& model, const Preparation& preparation, Computed& computed) {
    Batch batch(preparation.shape());
    for (Input& input : computed.inputs) {
        if (input.error) continue;
        std::copy(input.values.begin(), input.values.end(), batch.Next());
        input.values = {};
    }
    if (batch.size() == 0) return;
    const auto count = static_cast<double>(batch.size());
    const auto start = Clock::now();
    batch.Predict(model);
    computed.milliseconds = MillisecondsSince(start);
    for (Input& input : computed.inputs) {
        input.milliseconds += computed.milliseconds / count;
        if (input.error) continue;
        computed.views.push_back(
            batch.Of(computed.views.size(), preparation, input.height, input.width, input.file));
    }
}

// As `scan` in src/tiles.py. Memory holds the picture, its map and a batch of tiles.
void ComputeTiles(Model& model, const Preparation& preparation, Input& input, Computed& computed) {
    const auto start = Clock::now();
    const Framing& framing = preparation.framing();
    const Tiling& tiling = *framing.tiling;
    const Mask* wanted = input.wanted ? &*input.wanted : nullptr;
    Canvas canvas(tiling, input.height, input.width, framing.hides(), wanted);
    Batch batch(preparation.shape());
    std::vector<Place> places;
    std::vector<float> scores;
    const auto look = [&] {
        EndIfAsked();
        const auto begin = Clock::now();
        batch.Predict(model);
        computed.milliseconds += MillisecondsSince(begin);
        for (std::size_t i = 0; i < places.size(); ++i) {
            const View view = batch.Of(i, preparation, tiling.height, tiling.width, input.file);
            canvas.Add(places[i], view.map);
            scores.push_back(view.score);
        }
        places.clear();
    };
    for (const Place& place : framing.Places(input.picture, wanted)) {
        const auto image = framing.Tile(input.picture, place, wanted);
        if (!framing.Shows(image)) continue;
        preparation.Put(image, batch.Next());
        places.push_back(place);
        if (places.size() == preparation.shape().batch) look();
    }
    if (!places.empty()) look();
    if (scores.empty()) {
        input.error = framing.NothingSeen(input.file);
    } else {
        View view{canvas.Finish(), 0};
        const auto& of_score = tiling.maximum ? view.map.values : scores;
        view.score = *std::max_element(of_score.begin(), of_score.end());
        computed.views.push_back(std::move(view));
    }
    input.picture = {};
    input.wanted.reset();
    input.milliseconds += MillisecondsSince(start);
}

}  // namespace

std::size_t PicturesAtOnce(const Preparation& preparation) {
    return preparation.framing().tiling ? 1 : preparation.shape().batch;
}

Computed Compute(Model& model, const Preparation& preparation, std::vector<Input> inputs) {
    Computed computed;
    computed.inputs = std::move(inputs);
    if (!preparation.framing().tiling) {
        ComputeWhole(model, preparation, computed);
        return computed;
    }
    for (Input& input : computed.inputs) {
        if (!input.error) ComputeTiles(model, preparation, input, computed);
    }
    return computed;
}

}  // namespace fastflow
