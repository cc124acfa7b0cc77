#include "statistics.h"

#include <cmath>

#include "check.h"

using namespace fastflow;

namespace {
bool Near(double a, double b) { return std::abs(a - b) < 1e-9; }
}  // namespace

TEST(NothingIsZero) {
    const Summary summary = Stopwatch().Summarize();
    CHECK(summary.pictures == 0 && Near(summary.mean_ms, 0) && Near(summary.pictures_per_second, 0));
}

TEST(OnePicture) {
    Stopwatch stopwatch;
    stopwatch.Add(20, 1);
    const Summary summary = stopwatch.Summarize();
    CHECK(summary.pictures == 1 && Near(summary.mean_ms, 20) && Near(summary.median_ms, 20));
    CHECK(Near(summary.p95_ms, 20) && Near(summary.pictures_per_second, 50));
}

TEST(PicturesShareTheirBatch) {
    Stopwatch stopwatch;
    stopwatch.Add(40, 4);  // 10 each
    stopwatch.Add(40, 1);  // a padded batch: 40
    const Summary summary = stopwatch.Summarize();
    CHECK(summary.pictures == 5 && Near(summary.mean_ms, 16) && Near(summary.median_ms, 10));
    CHECK(Near(summary.p95_ms, 34) && Near(summary.pictures_per_second, 62.5));
}

TEST(QuantilesAreLinearBetweenRanks) {
    const std::vector<double> values = {1, 2, 3, 4};
    CHECK(Near(Quantile(values, 0), 1) && Near(Quantile(values, 1), 4));
    CHECK(Near(Quantile(values, 0.5), 2.5) && Near(Quantile(values, 0.95), 3.85));
}

TEST_MAIN()
