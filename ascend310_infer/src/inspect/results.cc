#include "inspect/results.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "text.h"

namespace fastflow {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;  // keys, and values that are JSON already

std::string Object(const Fields& fields, std::size_t depth) {
    if (fields.empty()) return "{}";
    const std::string indent(2 * depth + 2, ' ');
    std::string text = "{\n";
    for (const auto& [key, value] : fields) {
        text += indent + JsonString(key) + ": " + value + (&value == &fields.back().second ? "\n" : ",\n");
    }
    return text + std::string(2 * depth, ' ') + "}";
}

std::string OrNull(const std::optional<double>& value) { return value ? Number(*value) : "null"; }

double Margin(double anomaly) { return std::fabs(anomaly - 0.5); }

double Rounded(double milliseconds) { return std::nearbyint(1000 * milliseconds) / 1000; }

std::string RegionsJson(const std::vector<Region>& regions) {
    if (regions.empty()) return "[]";
    std::string text = "[\n";
    for (const Region& region : regions) {
        const Fields fields = {
            {"x", std::to_string(region.x)},           {"y", std::to_string(region.y)},
            {"width", std::to_string(region.width)},   {"height", std::to_string(region.height)},
            {"area", std::to_string(region.area)},     {"peak_x", std::to_string(region.peak_x)},
            {"peak_y", std::to_string(region.peak_y)}, {"peak", Number(double{region.peak})}};
        text += std::string(8, ' ') + Object(fields, 4) + (&region == &regions.back() ? "\n" : ",\n");
    }
    return text + std::string(6, ' ') + "]";
}

std::string LargestArea(const Result& result, const char* unknown) {
    if (!result.regions) return unknown;
    return std::to_string(result.regions->empty() ? 0 : result.regions->front().area);
}

std::string PictureJson(const Result& result) {
    if (result.error)
        return Object({{"file", JsonString(result.file)}, {"error", JsonString(*result.error)}}, 2);
    const std::string margin = result.anomaly ? Number(Margin(*result.anomaly)) : "null";
    return Object({{"file", JsonString(result.file)},
                   {"score", Number(double{result.score})},
                   {"anomaly", OrNull(result.anomaly)},
                   {"verdict", result.defective ? JsonString(VerdictOf(result)) : "null"},
                   {"margin", margin},
                   {"regions", result.regions ? RegionsJson(*result.regions) : "null"},
                   {"largest_area", LargestArea(result, "null")},
                   {"milliseconds", Number(Rounded(result.milliseconds))}},
                  2);
}

std::string ThresholdsJson(const ModelDescription& description) {
    Fields fields;
    if (description.judge) {
        fields.emplace_back("image_threshold", Number(description.judge->image.threshold));
        if (description.judge->pixel) {
            fields.emplace_back("pixel_threshold", Number(description.judge->pixel->threshold));
        }
    }
    for (const char* name : {"pixel_threshold_f1_max", "image_threshold_f1_max"}) {
        const auto found = description.beside.find(name);
        if (found != description.beside.end()) fields.emplace_back(name, Number(found->second));
    }
    return Object(fields, 1);
}

std::string ReadingJson(const std::optional<Judge>& judge) {
    if (!judge) return "null";
    Fields fields = {{"image_typical", OrNull(judge->image.typical)}};
    if (judge->pixel) fields.emplace_back("pixel_typical", OrNull(judge->pixel->typical));
    fields.emplace_back("source", JsonString(judge->source));
    fields.emplace_back("pictures", judge->pictures ? std::to_string(*judge->pictures) : "null");
    fields.emplace_back("false_alarms", OrNull(judge->false_alarms));
    return Object(fields, 1);
}

// A text in a table: what a spreadsheet would compute gets a ' before it.
std::string Cell(const std::string& text) {
    std::string cell = Shown(text);
    if (!cell.empty() && std::string("=+-@").find(cell.front()) != std::string::npos) cell = "'" + cell;
    if (cell.find_first_of(",\"") == std::string::npos) return cell;
    std::string quoted = "\"";
    for (const char c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

}  // namespace

void Result::Say(float value, const std::optional<Judge>& judge) {
    score = value;
    if (!judge) return;
    defective = double{value} >= judge->image.threshold;
    if (judge->image.typical) anomaly = judge->image.Read(value);
}

std::string VerdictOf(const Result& result) {
    if (!result.defective) return "";
    return *result.defective ? "defective" : "good";
}

std::string ScoresJson(const std::string& model, const ModelDescription& description,
                       const std::string& found, const std::vector<Result>& results) {
    Fields pictures;
    pictures.reserve(results.size());
    for (const Result& result : results) pictures.emplace_back(result.name, PictureJson(result));
    return Object({{"model", JsonString(model)},
                   {"model_sha256", JsonString(description.sha256)},
                   {"thresholds", ThresholdsJson(description)},
                   {"reading", ReadingJson(description.judge)},
                   {"found", found},
                   {"left", "0"},
                   {"pictures", Object(pictures, 1)}},
                  0) +
           "\n";
}

std::string ScoresTable(const std::vector<Result>& results) {
    const bool errors = std::any_of(results.begin(), results.end(),
                                    [](const Result& result) { return result.error.has_value(); });
    std::string text = "file,score,anomaly,verdict,margin,regions,largest_area,milliseconds";
    text += errors ? ",error\n" : "\n";
    for (const Result& result : results) {
        text += Cell(result.file);
        if (result.error) {
            text += ",,,,,,,," + Cell(*result.error) + "\n";
            continue;
        }
        text += "," + Number(double{result.score});
        text += "," + (result.anomaly ? Number(*result.anomaly) : "");
        text += "," + VerdictOf(result);
        text += "," + (result.anomaly ? Number(Margin(*result.anomaly)) : "");
        text += "," + (result.regions ? std::to_string(result.regions->size()) : "");
        text += "," + LargestArea(result, "") + "," + Number(Rounded(result.milliseconds));
        text += errors ? ",\n" : "\n";
    }
    return text;
}

std::string LineOf(const Result& result) {
    std::array<char, 80> said{};
    std::snprintf(said.data(), said.size(), "%.5f", double{result.score});
    std::string line = Shown(result.name) + ": " + said.data() + " " + VerdictOf(result);
    if (!result.anomaly) return line;
    std::snprintf(said.data(), said.size(), " (anomaly %.3f)", *result.anomaly);
    return line + said.data();
}

}  // namespace fastflow
