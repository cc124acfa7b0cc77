#include "inspect/network_shape.h"

#include <algorithm>
#include <string>

#include "error.h"

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
    if (input.shape.size() == 3) shape.channels = static_cast<std::size_t>(input.shape[channels]);
    if (shape.channels != 3 && (shape.normalised || shape.channels != 4)) {
        throw Error(Exit::kModelShape,
                    "input '" + input.name + "' of shape " + ShapeText(input.shape) +
                        " per picture, is neither float32 (3,H,W) nor uint8 (H,W,3 or 4), export the "
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

}  // namespace fastflow
