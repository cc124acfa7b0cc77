// A picture that was read, on its way to the network.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "pictures/decoded.h"
#include "pictures/mask.h"

namespace fastflow {

struct Input {
    std::size_t index = 0;  // in the listing
    std::string file;
    std::size_t height = 0;  // of the original, upright
    std::size_t width = 0;
    std::vector<unsigned char> values;  // as the network takes it; empty where it is looked at in tiles
    Pixels picture;                     // itself, to be cut into tiles
    std::optional<Mask> wanted;         // where that is looked at; none: everywhere
    std::optional<std::string> error;   // why nothing can be said of it
    std::string warning;
    double milliseconds = 0;  // that reading took; later also its share of computing
};

}  // namespace fastflow
