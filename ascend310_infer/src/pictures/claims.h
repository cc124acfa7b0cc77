// What a header may claim before memory is taken for it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pictures/decoded.h"

namespace fastflow {

// What is known of a file before it is decoded.
struct Limits {
    double max_megapixels = 500;  // of a picture
    std::uintmax_t length = 0;    // bytes of its file
};

// Throws Unreadable if a picture claims no pixels, more than `max_megapixels`, or more than the bytes of its
// file can hold (as src/data/claims.py).
void CheckClaim(std::size_t width, std::size_t height, const Limits& limits);

}  // namespace fastflow
