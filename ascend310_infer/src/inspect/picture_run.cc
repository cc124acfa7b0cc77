#include "inspect/picture_run.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <thread>

#include "description.h"
#include "inspect/found.h"
#include "inspect/listing.h"
#include "inspect/model_description.h"
#include "inspect/pipeline.h"
#include "inspect/results.h"
#include "interrupt.h"
#include "model.h"
#include "output_folder.h"
#include "report.h"
#include "text.h"

namespace fastflow {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kMostReaders = 8;  // unless more are asked for

// The description of a model that was checked against it; says where nothing tells whether the model is
// whole.
ModelDescription Described(const Options& options) {
    const fs::path model = options.mindir_path;
    CheckFormat(model);
    ModelDescription description;
    if (options.pictures.description.empty()) {
        description = ReadDescription(model.string() + ".json");
        std::cout << CheckDigest(model);
    } else {  // of the file that this one was converted from
        description = ReadDescription(options.pictures.description);
    }
    CheckContent(model);
    if (description.sha256.empty() || !options.pictures.description.empty())
        description.sha256 = DigestOf(model);
    if (options.pictures.heat_maps &&
        !(description.judge && description.judge->pixel && description.judge->pixel->typical)) {
        throw Error(
            Exit::kUsage,
            "option --heat_maps, the model does not know how its map is read, leave it out, or export the "
            "model with --good_dir");
    }
    if (!description.judge)
        std::cout << "no verdicts: the model knows no good pictures; export it with --good_dir\n";
    return description;
}

// Threads that decode pictures. Of those that are looked at in tiles a device has one at most: they are
// large.
std::size_t ReadersFor(const Options& options, const ModelDescription& description) {
    const std::size_t devices = std::max<std::size_t>(options.pictures.device_ids.size(), 1);
    const std::size_t usual = std::clamp(std::thread::hardware_concurrency(), 1U, kMostReaders);
    std::size_t readers = options.pictures.readers.value_or(usual);
    if (devices > 1) readers = std::max<std::size_t>(readers, 1);
    return description.framing.tiling ? std::min(readers, devices) : readers;
}

void CheckPlaces(const Options& options) {
    std::error_code ignored;  // what is not there yet, is in no folder of pictures
    const fs::path base = fs::canonical(options.pictures.pictures, ignored);
    const fs::path output = fs::weakly_canonical(fs::absolute(options.output_path), ignored);
    const fs::path inside = output.lexically_relative(base);
    if (fs::is_directory(base, ignored) && !inside.empty() && *inside.begin() != "..") {
        throw Error(Exit::kOutput, "folder " + options.output_path +
                                       ", is among the pictures of --pictures, give one outside of them");
    }
}

void Tell(const std::vector<Result>& results) {
    for (const Result& result : results) {
        if (!result.warning.empty())
            std::cout << "warning: " << Shown(result.file + ": " + result.warning) << "\n";
        if (!result.error) std::cout << LineOf(result) << "\n";
    }
    std::cout << std::flush;
}

// What timing.json has besides, as JSON.
std::string TimesJson(const Options& options, const RunTimes& times, std::size_t pictures,
                      std::size_t readers) {
    std::string ids;
    for (const std::uint32_t id : options.pictures.device_ids)
        ids += (ids.empty() ? "" : ", ") + std::to_string(id);
    if (ids.empty()) ids = std::to_string(options.device_id);
    const double all = static_cast<double>(std::max<std::size_t>(pictures, 1));
    return ",\n  \"device_ids\": [" + ids + "],\n  \"readers\": " + std::to_string(readers) +
           ",\n  \"end_to_end\": {\n    \"pictures\": " + std::to_string(pictures) +
           ",\n    \"seconds\": " + Number(times.seconds) +
           ",\n    \"pictures_per_second\": " + Number(times.seconds > 0 ? all / times.seconds : 0) +
           ",\n    \"reading_ms\": " + Number(times.reading_ms / all) +
           ",\n    \"computing_ms\": " + Number(times.computing_ms / all) +
           ",\n    \"writing_ms\": " + Number(times.saying_ms / all) + "\n  }";
}

// The last line, as predict.py's, with the time from files to results.
std::string Headline(const std::vector<Result>& results, double seconds) {
    std::size_t defective = 0;
    std::size_t unreadable = 0;
    bool judged = false;
    for (const Result& result : results) {
        if (result.error) ++unreadable;
        judged = judged || result.defective.has_value();
        if (result.defective.value_or(false)) ++defective;
    }
    const bool verdicts = judged || unreadable == results.size();
    std::array<char, 40> each{};
    std::snprintf(each.data(), each.size(), "%.1f", 1000 * seconds / static_cast<double>(results.size()));
    return std::to_string(results.size()) + " pictures, " +
           (verdicts ? std::to_string(defective) + " defective" : "no verdicts") + ", " +
           std::to_string(unreadable) + " unreadable, " + each.data() + " ms each\n";
}

void Write(OutputFolder& folder, const std::string& name, const std::string& text) {
    folder.Write(name, text.data(), text.size());
}

}  // namespace

Exit RunOnPictures(const Options& options) {
    const ModelDescription description = Described(options);
    auto roi = RoiFor(description.framing, options.pictures.roi, options.mindir_path);
    const Listing listing = FindPictures(options.pictures.pictures);
    CheckPlaces(options);
    OutputFolder folder(options.output_path);
    const std::size_t readers = ReadersFor(options, description);
    const auto depth = options.pictures.bit_depth ? options.pictures.bit_depth : description.bit_depth;
    const double limit = options.pictures.max_megapixels;
    const Found found = LookAt(listing, depth, limit, std::max<std::size_t>(readers, 1));
    std::cout << found.Lines() << std::flush;
    Devices devices(options);
    EndIfAsked();
    const Preparation preparation(description, std::move(roi), devices.shape());
    const Reader reader(listing, {found.bit_depth.value_or(16), limit}, preparation);
    const Speaker speaker(listing, description, options.pictures.min_area, options.pictures.heat_maps,
                          folder);
    std::vector<Result> results;
    results.reserve(listing.pictures.size());
    const RunTimes times = RunStages(listing.pictures.size(), readers, reader, preparation, devices, speaker,
                                     [&](std::vector<Result> some) {
                                         Tell(some);
                                         std::move(some.begin(), some.end(), std::back_inserter(results));
                                     });
    EndIfAsked();
    const std::string model = fs::path(options.mindir_path).filename().string();
    Write(folder, "scores.json", ScoresJson(model, description, found.Json(), results));
    Write(folder, "scores.csv", ScoresTable(results));
    const Summary summary = times.network.Summarize();
    Write(folder, "timing.json",
          ReportJson(options, summary, devices.shape().batch, devices.outputs(),
                     TimesJson(options, times, results.size(), readers)));
    folder.Commit();

    const auto unreadable =
        std::count_if(results.begin(), results.end(), [](const Result& r) { return r.error; });
    std::cout << "network:\n" << ReportText(summary, devices.shape().batch);
    if (unreadable > 0) {
        std::cout << unreadable << " of " << results.size() << " pictures have no score:\n";
        for (const Result& result : results) {
            if (result.error) std::cout << Shown(*result.error) << "\n";
        }
    }
    std::cout << Headline(results, times.seconds) << std::flush;
    return unreadable > 0 ? Exit::kIncomplete : Exit::kSuccess;
}

}  // namespace fastflow
