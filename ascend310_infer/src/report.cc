#include "report.h"

#include <cstdio>

namespace fastflow {
namespace {

std::string Number(double value) {
    char text[64];
    const int length = std::snprintf(text, sizeof(text), "%.6f", value);
    return {text, static_cast<std::size_t>(length)};
}

}  // namespace

std::string ReportText(const Summary& summary, std::size_t batch) {
    return "pictures: " + std::to_string(summary.pictures) + "\nbatch size: " + std::to_string(batch) +
           "\nmean: " + Number(summary.mean_ms) + " ms per picture\nmedian: " + Number(summary.median_ms) +
           " ms per picture\np95: " + Number(summary.p95_ms) +
           " ms per picture\npictures per second: " + Number(summary.pictures_per_second) + "\n";
}

std::string ReportJson(const Options& options, const Summary& summary, std::size_t batch,
                       const std::vector<PictureSpec>& outputs, const std::string& more) {
    std::string list;
    // The names need no escaping: CheckOutputs allows only letters, digits and underscores.
    for (const PictureSpec& output : outputs) {
        std::string shape = ShapeText(output.shape);
        shape = "[" + shape.substr(1, shape.size() - 2) + "]";
        list += (list.empty() ? "" : ", ");
        list += R"({"name": ")" + output.name + R"(", "shape": )" + shape + "}";
    }
    return "{\n  \"device\": \"" + std::string(DeviceName(options.device)) +
           "\",\n  \"device_id\": " + std::to_string(options.device_id) + ",\n  \"precision\": \"" +
           options.precision + "\",\n  \"threads\": " + std::to_string(options.threads) +
           ",\n  \"warmup\": " + std::to_string(options.warmup) +
           ",\n  \"pictures\": " + std::to_string(summary.pictures) +
           ",\n  \"batch_size\": " + std::to_string(batch) + ",\n  \"mean_ms\": " + Number(summary.mean_ms) +
           ",\n  \"median_ms\": " + Number(summary.median_ms) + ",\n  \"p95_ms\": " + Number(summary.p95_ms) +
           ",\n  \"pictures_per_second\": " + Number(summary.pictures_per_second) + ",\n  \"outputs\": [" +
           list + "]" + more + "\n}\n";
}

}  // namespace fastflow
