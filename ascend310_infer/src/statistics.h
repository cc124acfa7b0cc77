// How long predictions take.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace fastflow {

using Clock = std::chrono::steady_clock;

inline double MillisecondsSince(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Summary {
    std::size_t pictures = 0;
    double mean_ms = 0;    // milliseconds per picture
    double median_ms = 0;  // milliseconds per picture
    double p95_ms = 0;     // milliseconds per picture, linear between ranks
    double pictures_per_second = 0;
};

// Collects the times of predictions. The time of one is shared equally by its pictures.
class Stopwatch {
  public:
    // One prediction of `pictures` pictures (padding not counted) that took `milliseconds`.
    void Add(double milliseconds, std::size_t pictures);
    // The summary of all predictions; zeros if there were none.
    [[nodiscard]] Summary Summarize() const;

  private:
    std::vector<double> per_picture_;
};

// The q-quantile (0 to 1) of sorted, non-empty values, linear between the neighbouring ranks.
double Quantile(const std::vector<double>& sorted, double q);

}  // namespace fastflow
