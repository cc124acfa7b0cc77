// The one thing that is read of EXIF data.
#pragma once

#include <cstddef>

namespace fastflow {

// The orientation (1 to 8) that EXIF data tell, which begin with "II" or "MM"; 1 where they tell none, or are
// damaged.
int OrientationOf(const unsigned char* data, std::size_t size);

}  // namespace fastflow
