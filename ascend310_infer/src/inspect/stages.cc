#include "inspect/stages.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "batches.h"
#include "error.h"
#include "inspect/heat_map.h"
#include "pictures/resize.h"
#include "statistics.h"
#include "text.h"

namespace fastflow {
namespace {

std::size_t OutputOf(const Model& model, const std::string& name) {
    const auto& outputs = model.outputs();
    const auto found = std::find_if(outputs.begin(), outputs.end(),
                                    [&](const PictureSpec& output) { return output.name == name; });
    if (found == outputs.end()) {
        throw Error(Exit::kModelShape, "model's outputs, none is " + name + ", export it with --outputs map");
    }
    return static_cast<std::size_t>(found - outputs.begin());
}

}  // namespace

NetworkShape ShapeOf(const Model& model) {
    NetworkShape shape;
    const PictureSpec& input = model.input();
    shape.normalised = input.element == Element::kFloat32;
    const std::size_t channels = shape.normalised ? 0 : 2;
    if (input.shape.size() != 3 || input.shape[channels] != 3) {
        throw Error(Exit::kModelShape,
                    "input '" + input.name + "' of shape " + ShapeText(input.shape) +
                        " per picture, is neither float32 (3,H,W) nor uint8 (H,W,3), export the "
                        "model again");
    }
    shape.height = static_cast<std::size_t>(input.shape[shape.normalised ? 1 : 0]);
    shape.width = static_cast<std::size_t>(input.shape[shape.normalised ? 2 : 1]);
    shape.bytes = input.bytes();
    shape.batch = model.batch();
    shape.map = OutputOf(model, "anomaly_map");
    shape.score = OutputOf(model, "score");
    const auto& map = model.outputs()[shape.map].shape;
    if (map.size() != 3 || map[0] != 1 || model.outputs()[shape.score].count != 1) {
        throw Error(Exit::kModelShape,
                    "model's outputs, are not a map (1,H,W) and a score per picture, export it again");
    }
    shape.map_height = static_cast<std::size_t>(map[1]);
    shape.map_width = static_cast<std::size_t>(map[2]);
    return shape;
}

Reader::Reader(const Listing& listing, const Reading& reading, const ModelDescription& description,
               const NetworkShape& shape)
    : listing_(listing), reading_(reading), shape_(shape) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
        for (std::size_t level = 0; level < 256; ++level) {
            const double share = static_cast<double>(level) / 255.0;
            table_[channel][level] =
                static_cast<float>((share - description.mean[channel]) / description.std[channel]);
        }
    }
}

Input Reader::Read(std::size_t index) const {
    const auto start = Clock::now();
    Input input;
    input.index = index;
    const std::filesystem::path& file = listing_.pictures[index].file;
    try {
        const Pixels pixels = ReadPixels(file, reading_, input.warning);
        input.height = pixels.height;
        input.width = pixels.width;
        input.values = Resized(pixels, shape_.height, shape_.width);
    } catch (const Unreadable& problem) {
        input.error = "cannot read the picture " + file.string() + ": " + OneLine(problem.what()) +
                      "; replace or remove it";
    } catch (const std::bad_alloc&) {
        input.error = "cannot read the picture " + file.string() +
                      ": there is no memory for it; reduce it, or give a lower --max_megapixels";
    }
    if (!input.error && shape_.normalised) {
        std::vector<unsigned char> values(shape_.bytes);
        const std::size_t plane = shape_.height * shape_.width;
        for (std::size_t channel = 0; channel < 3; ++channel) {
            unsigned char* target = values.data() + channel * plane * sizeof(float);
            for (std::size_t i = 0; i < plane; ++i, target += sizeof(float)) {
                std::memcpy(target, &table_[channel][input.values[3 * i + channel]], sizeof(float));
            }
        }
        input.values = std::move(values);
    }
    input.milliseconds = MillisecondsSince(start);
    return input;
}

Computed Compute(Model& model, const NetworkShape& shape, std::vector<Input> inputs) {
    Computed computed;
    computed.inputs = std::move(inputs);
    std::vector<unsigned char> batch(shape.batch * shape.bytes);
    for (Input& input : computed.inputs) {
        if (input.error) continue;
        std::copy(input.values.begin(), input.values.end(),
                  batch.begin() + static_cast<std::ptrdiff_t>(computed.readable++ * shape.bytes));
        input.values = {};
    }
    if (computed.readable == 0) return computed;
    const auto start = Clock::now();
    auto outputs = model.Predict(batch);
    computed.milliseconds = MillisecondsSince(start);
    computed.maps = std::move(outputs[shape.map]);
    computed.scores = std::move(outputs[shape.score]);
    for (Input& input : computed.inputs) {
        input.milliseconds += computed.milliseconds / static_cast<double>(computed.readable);
    }
    return computed;
}

Speaker::Speaker(const Listing& listing, const ModelDescription& description, const NetworkShape& shape,
                 long min_area, bool heat_maps, OutputFolder& folder)
    : listing_(listing),
      description_(description),
      shape_(shape),
      min_area_(min_area),
      heat_maps_(heat_maps),
      folder_(folder) {}

std::vector<Result> Speaker::Say(const Computed& computed) const {
    std::vector<Result> results;
    const std::size_t count = shape_.map_height * shape_.map_width;
    std::size_t place = 0;  // among those that were computed
    for (const Input& input : computed.inputs) {
        Result result;
        result.name = listing_.pictures[input.index].name;
        result.file = listing_.pictures[input.index].file.string();
        result.error = input.error;
        result.warning = input.warning;
        result.milliseconds = input.milliseconds;
        if (!input.error) {
            const float* map = computed.maps.data() + place * count;
            CheckFinite(map, count, result.file, "anomaly_map");
            CheckFinite(&computed.scores[place], 1, result.file, "score");
            result.Say(computed.scores[place], description_.judge);
            if (description_.judge && description_.judge->pixel) {
                result.regions =
                    FindRegions(map, shape_.map_height, shape_.map_width,
                                description_.judge->pixel->threshold, input.height, input.width, min_area_);
            }
            if (heat_maps_) {
                const auto colours = HeatMap(map, count, *description_.judge->pixel);
                const auto png = EncodePng(colours, shape_.map_height, shape_.map_width);
                folder_.Write("heat_maps/" + result.name + ".png", png.data(), png.size());
            }
            ++place;
        }
        results.push_back(std::move(result));
    }
    return results;
}

}  // namespace fastflow
