// What is done with pictures, one stage after the other: read, compute, say. Each may work in a thread of its
// own.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "inspect/listing.h"
#include "inspect/model_description.h"
#include "inspect/results.h"
#include "model.h"
#include "output_folder.h"
#include "pictures/picture.h"

namespace fastflow {

// What the network takes and gives, of one picture.
struct NetworkShape {
    std::size_t height = 0;
    std::size_t width = 0;
    bool normalised = true;  // float32 (3, height, width); else uint8 (height, width, 3)
    std::size_t bytes = 0;   // of the input
    std::size_t batch = 1;
    std::size_t map = 0;  // which outputs these are
    std::size_t score = 1;
    std::size_t map_height = 0;
    std::size_t map_width = 0;
};

// The shape of a model that has predicted once. Throws Error(kModelShape) if it takes or gives something
// else.
NetworkShape ShapeOf(const Model& model);

// A picture as the network takes it.
struct Input {
    std::size_t index = 0;   // in the listing
    std::size_t height = 0;  // of the original, upright
    std::size_t width = 0;
    std::vector<unsigned char> values;
    std::optional<std::string> error;  // why it cannot be read
    std::string warning;
    double milliseconds = 0;  // that reading took; later also its share of computing
};

class Reader {
  public:
    Reader(const Listing& listing, const Reading& reading, const ModelDescription& description,
           const NetworkShape& shape);
    [[nodiscard]] Input Read(std::size_t index) const;

  private:
    const Listing& listing_;
    Reading reading_;
    NetworkShape shape_;
    std::array<std::array<float, 256>, 3> table_{};  // what becomes of a channel's 256 levels
};

// A batch that was computed. Of its readable inputs, in their order: maps and scores.
struct Computed {
    std::vector<Input> inputs;
    std::vector<float> maps;
    std::vector<float> scores;
    double milliseconds = 0;  // of the network, for the batch
    std::size_t readable = 0;
};

// Compute a batch, of which at most `shape.batch` are readable. Throws what Model::Predict throws.
Computed Compute(Model& model, const NetworkShape& shape, std::vector<Input> inputs);

class Speaker {
  public:
    Speaker(const Listing& listing, const ModelDescription& description, const NetworkShape& shape,
            long min_area, bool heat_maps, OutputFolder& folder);
    // What is said of a batch. Throws Error(kPredict) if an output is not finite, Error(kWrite).
    [[nodiscard]] std::vector<Result> Say(const Computed& computed) const;

  private:
    const Listing& listing_;
    const ModelDescription& description_;
    NetworkShape shape_;
    long min_area_;
    bool heat_maps_;
    OutputFolder& folder_;
};

}  // namespace fastflow
