// From scores and map values to verdicts and readings, as src/verdict.py.
#pragma once

#include <optional>
#include <string>

namespace fastflow {

// How people read a score, or a map's value: 0 is a typical good picture, 0.5 the threshold, towards 1 above
// it.
struct Scale {
    double threshold = 0;
    std::optional<double>
        typical;  // none where no good picture is known: then there is a verdict, but no reading

    // The reading of a value; `typical` must be known.
    [[nodiscard]] double Read(double value) const;
};

struct Judge {
    Scale image;
    std::optional<Scale> pixel;
    std::string source;
    std::optional<long> pictures;
    std::optional<double> false_alarms;
};

}  // namespace fastflow
