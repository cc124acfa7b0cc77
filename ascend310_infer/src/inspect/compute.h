// What the network makes of pictures.
#pragma once

#include <vector>

#include "inspect/input.h"
#include "inspect/preparation.h"
#include "model.h"

namespace fastflow {

// What the network makes of a picture: the map, which covers it, at the network's resolution or, of tiles, at
// the picture's own; and the score.
struct View {
    AnomalyMap map;
    float score = 0;
};

// Pictures that were computed together.
struct Computed {
    std::vector<Input> inputs;
    std::vector<View> views;  // of those inputs that have no error, in their order
    double milliseconds = 0;  // of the network, for all of them
};

// How many readable pictures are computed together: a batch, or one that is looked at in tiles, of which
// batches are made.
std::size_t PicturesAtOnce(const Preparation& preparation);

// Compute inputs, of which at most `PicturesAtOnce` have no error. Throws what Model::Predict throws,
// Error(kPredict) if an output is not finite, and what EndIfAsked throws.
Computed Compute(Model& model, const Preparation& preparation, std::vector<Input> inputs);

}  // namespace fastflow
