// What is said of pictures: scores.json and scores.csv, as predict.py writes them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inspect/model_description.h"
#include "inspect/regions.h"

namespace fastflow {

// What is said of a picture, or why nothing can be.
struct Result {
    std::string name;
    std::string file;
    std::optional<std::string> error;
    float score = 0;
    std::optional<double> anomaly;  // none where no good picture is known to the model
    std::optional<bool> defective;  // none where it knows no threshold
    std::optional<std::vector<Region>> regions;
    double milliseconds = 0;
    std::string warning;  // what the decoding library had to say

    // Sets score, anomaly and verdict.
    void Say(float value, const std::optional<Judge>& judge);
};

// "good" or "defective"; empty where there is no verdict.
std::string VerdictOf(const Result& result);

// The content of scores.json. `found` is a JSON of what was found, indented for a place one level deep.
std::string ScoresJson(const std::string& model, const ModelDescription& description,
                       const std::string& found, const std::vector<Result>& results);

// The content of scores.csv.
std::string ScoresTable(const std::vector<Result>& results);

// The line for the terminal that tells of a picture.
std::string LineOf(const Result& result);

}  // namespace fastflow
