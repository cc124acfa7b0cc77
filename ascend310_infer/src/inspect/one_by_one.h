// The stages one after the other.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "inspect/pipeline.h"

namespace fastflow {

// All in the thread of the one device, a batch after the other.
RunTimes RunOneByOne(std::size_t pictures, const Reader& reader, const Preparation& preparation,
                     Devices& devices, const Speaker& speaker,
                     const std::function<void(std::vector<Result>)>& take);

}  // namespace fastflow
