// What pictures and verdicts need of the JSON that export.py writes beside a model.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "inspect/framing.h"
#include "inspect/judge.h"

namespace fastflow {

struct ModelDescription {
    std::array<double, 3> mean{};  // by which a float32 input is normalised: (value / 255 - mean) / std
    std::array<double, 3> std{};
    FramingRule framing;
    std::optional<Judge> judge;            // none: there are no verdicts
    std::map<std::string, double> beside;  // thresholds of the best F1 on a test set, by name
    std::optional<int> bit_depth;          // of 16-bit training pictures
    std::string sha256;                    // the model's; empty: not known
};

// Read a description. Throws Error(kModelFile).
ModelDescription ReadDescription(const std::filesystem::path& file);

}  // namespace fastflow
