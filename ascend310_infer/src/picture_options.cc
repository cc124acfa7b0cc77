#include "picture_options.h"

#include <algorithm>
#include <sstream>

#include "error.h"
#include "numbers.h"

namespace fastflow {
namespace {

std::vector<std::uint32_t> ParseIds(const std::string& name, const std::string& text) {
    std::vector<std::uint32_t> ids;
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, ',');) {
        const auto id = static_cast<std::uint32_t>(ParseNumber(name, word, 0, kMostDevices));
        if (std::find(ids.begin(), ids.end(), id) != ids.end()) {
            throw Error(Exit::kUsage, "option " + name + ", " + word + " stands there twice, name it once");
        }
        ids.push_back(id);
    }
    if (ids.empty() || text.back() == ',') {
        throw Error(Exit::kUsage,
                    "option " + name + ", '" + text + "' is no list of devices, give one such as 0,1");
    }
    return ids;
}

bool ParseFlag(const std::string& name, const std::string& text) {
    if (text == "true") return true;
    if (text == "false") return false;
    throw Error(Exit::kUsage, "option " + name + ", '" + text + "' is not known, choose true or false");
}

}  // namespace

bool SetPictureOption(PictureOptions& options, const std::string& name, const std::string& value) {
    if (name == "--pictures") {
        options.pictures = value;
    } else if (name == "--description") {
        options.description = value;
    } else if (name == "--roi") {
        options.roi = value;
    } else if (name == "--device_ids") {
        options.device_ids = ParseIds(name, value);
    } else if (name == "--readers") {
        options.readers = static_cast<std::size_t>(ParseNumber(name, value, 0, 256));
    } else if (name == "--bit_depth") {
        options.bit_depth = ParseNumber(name, value, 8, 16);
    } else if (name == "--max_megapixels") {
        options.max_megapixels = ParseNumber(name, value, 1, 1000000);
    } else if (name == "--min_area") {
        options.min_area = ParseNumber(name, value, 0, 1000000000);
    } else if (name == "--heat_maps") {
        options.heat_maps = ParseFlag(name, value);
    } else {
        return false;
    }
    return true;
}

std::string PictureHelp() {
    return R"(
From plain pictures to verdicts, without preprocess.py:

  --pictures PATH      a folder with all folders within, or one picture: JPEG, PNG, TIFF, BMP, PGM, PPM
  --output_path DIR    a new or empty folder: scores.json and scores.csv, as predict.py writes them, and timing.json
  --heat_maps          also heat_maps/NAME.png, where the model knows how its map is read
  --roi PATH           a mask of what is looked at, or a folder of one for each picture (default: the model's); for
                       models that were trained with --roi
  --description FILE   the JSON that export.py wrote (default: the model's name and .json)
  --device_ids N,M     several devices, which work at the same time (on a CPU: that many copies of the model)
  --readers N          threads that decode pictures (default: as many as processors, at most 8); with 0 nothing
                       overlaps: each picture is read, computed and written before the next
  --bit_depth N        bits that values of 16-bit files use, 8 to 16 (default: the model's, or found out)
  --max_megapixels N   refuse larger pictures (default 500)
  --min_area N         leave smaller regions out (pixels of the picture; default 0)
A picture that cannot be read is recorded and the run goes on: exit status 3, without a line "error:".
)";
}

}  // namespace fastflow
