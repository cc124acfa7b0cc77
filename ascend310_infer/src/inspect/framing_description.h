// What a description says of how pictures become the network's images.
#pragma once

#include "inspect/framing.h"
#include "inspect/json_values.h"

namespace fastflow {

// The rule of a description, as src/deploy/description_file.py accepts it. Of a description without it, which
// older versions wrote, pictures are stretched to the input. Throws Wrong.
FramingRule FramingIn(const Json& description);

}  // namespace fastflow
