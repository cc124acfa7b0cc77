#include "report.h"

#include "check.h"

using namespace fastflow;
using namespace fastflow::test;

namespace {
const Summary kSummary = {3, 12.5, 12, 14, 80};
}  // namespace

TEST(TheTextHasEveryFigure) {
    const std::string text = ReportText(kSummary, 2);
    for (const char* part : {"pictures: 3\n", "batch size: 2\n", "mean: 12.500000 ms", "median: 12.000000 ms",
                             "p95: 14.000000 ms", "pictures per second: 80.000000\n"}) {
        CHECK(Contains(text, part));
    }
}

TEST(TheJsonIsExact) {
    Options options;
    options.precision = "enforce_fp32";
    const std::vector<PictureSpec> outputs = {{"anomaly_map", {1, 8, 8}, 64}, {"score", {}, 1}};
    CHECK(ReportJson(options, kSummary, 2, outputs) ==
          "{\n  \"device\": \"CPU\",\n  \"device_id\": 0,\n  \"precision\": \"enforce_fp32\",\n"
          "  \"threads\": 0,\n  \"warmup\": 1,\n  \"pictures\": 3,\n  \"batch_size\": 2,\n"
          "  \"mean_ms\": 12.500000,\n  \"median_ms\": 12.000000,\n  \"p95_ms\": 14.000000,\n"
          "  \"pictures_per_second\": 80.000000,\n"
          "  \"outputs\": [{\"name\": \"anomaly_map\", \"shape\": [1,8,8]}, {\"name\": \"score\", \"shape\": "
          "[]}]\n"
          "}\n");
}

TEST_MAIN()
