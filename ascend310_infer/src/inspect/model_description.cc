#include "inspect/model_description.h"

#include <fstream>
#include <system_error>

#include "error.h"
#include "inspect/framing_description.h"
#include "inspect/json_values.h"

namespace fastflow {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargest = 1U << 26;  // bytes of a description; one has some thousand
constexpr const char* kF1Max = "_f1_max";      // the end of the names of thresholds of a test set

std::array<double, 3> PerChannel(const Json& value) {
    if (!value.is_array() || value.size() != 3) throw Wrong{};
    return {NumberOf(value[0]), NumberOf(value[1]), NumberOf(value[2])};
}

Scale ScaleOf(const Json& thresholds, const Json& reading, const std::string& level) {
    Scale scale{NumberOf(At(thresholds, (level + "_threshold").c_str())),
                NumberOrNull(At(reading, (level + "_typical").c_str()))};
    if (scale.typical && *scale.typical >= scale.threshold) throw Wrong{};
    return scale;
}

// The judge of a reading (Judge.from_json in src/verdict.py).
Judge JudgeOf(const Json& thresholds, const Json& reading) {
    Judge judge;
    judge.image = ScaleOf(thresholds, reading, "image");
    if (thresholds.contains("pixel_threshold")) judge.pixel = ScaleOf(thresholds, reading, "pixel");
    const Json& source = At(reading, "source");
    if (!source.is_string()) throw Wrong{};
    judge.source = source.get<std::string>();
    const Json& pictures = At(reading, "pictures");
    if (!pictures.is_null() && !pictures.is_number_integer()) throw Wrong{};
    if (!pictures.is_null()) judge.pictures = pictures.get<long>();
    judge.false_alarms = NumberOrNull(At(reading, "false_alarms"));
    return judge;
}

ModelDescription Parsed(const Json& json) {
    ModelDescription description;
    const Json& input = At(json, "input");
    description.mean = PerChannel(At(input, "mean"));
    description.std = PerChannel(At(input, "std"));
    for (const double std : description.std) {
        if (std <= 0) throw Wrong{};
    }
    description.framing = FramingIn(json);
    const Json& thresholds = At(json, "thresholds");
    if (!thresholds.is_object()) throw Wrong{};
    const bool has_reading = json.contains("reading");
    for (const auto& [name, value] : thresholds.items()) {
        const std::string end = kF1Max;
        const bool is_f1 =
            name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
        if (value.is_null()) continue;
        // In an older version's, without a reading, all thresholds are of the best F1.
        if (is_f1 || !has_reading) description.beside[is_f1 ? name : name + end] = NumberOf(value);
    }
    if (has_reading && !json["reading"].is_null()) {
        description.judge = JudgeOf(thresholds, json["reading"]);
    } else if (!has_reading && description.beside.count("image_threshold_f1_max") != 0) {
        description.judge = Judge{{description.beside["image_threshold_f1_max"], {}}, {}, "test set", {}, {}};
        const auto pixel = description.beside.find("pixel_threshold_f1_max");
        if (pixel != description.beside.end()) description.judge->pixel = Scale{pixel->second, {}};
    }
    if (json.contains("bit_depth") && !json["bit_depth"].is_null()) {
        const double depth = NumberOf(json["bit_depth"]);
        if (depth < 8 || depth > 16) throw Wrong{};
        description.bit_depth = static_cast<int>(depth);
    }
    if (json.contains("file_sha256") && json["file_sha256"].is_string()) {
        description.sha256 = json["file_sha256"].get<std::string>();
    }
    return description;
}

}  // namespace

ModelDescription ReadDescription(const fs::path& file) {
    const std::string name = "description " + file.string();
    std::error_code problem;
    const auto size = fs::file_size(file, problem);
    std::ifstream stream(file, std::ios::binary);
    if (problem || !stream) {
        throw Error(Exit::kModelFile,
                    name +
                        ", is missing or cannot be read, and tells colours and thresholds, copy "
                        "export.py's beside the model or give --description FILE");
    }
    if (size <= kLargest) {
        try {
            return Parsed(Json::parse(stream));
        } catch (const Json::exception&) {  // below, as a wrong value is
        } catch (const Wrong&) {
        }
    }
    throw Error(Exit::kModelFile, name + ", is damaged or not export.py's, export the model again");
}

}  // namespace fastflow
