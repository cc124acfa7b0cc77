#include "statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fastflow {

double Quantile(const std::vector<double>& sorted, double q) {
    const double position = q * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(std::floor(position));
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    const double share = position - static_cast<double>(below);
    return sorted[below] + share * (sorted[above] - sorted[below]);
}

void Stopwatch::Add(double milliseconds, std::size_t pictures) {
    per_picture_.insert(per_picture_.end(), pictures, milliseconds / static_cast<double>(pictures));
}

Summary Stopwatch::Summarize() const {
    Summary summary;
    if (per_picture_.empty()) return summary;
    std::vector<double> sorted = per_picture_;
    std::sort(sorted.begin(), sorted.end());
    summary.pictures = sorted.size();
    const double total = std::accumulate(sorted.begin(), sorted.end(), 0.0);
    summary.mean_ms = total / static_cast<double>(sorted.size());
    summary.median_ms = Quantile(sorted, 0.5);
    summary.p95_ms = Quantile(sorted, 0.95);
    summary.pictures_per_second = total > 0 ? 1000.0 * static_cast<double>(sorted.size()) / total : 0;
    return summary;
}

}  // namespace fastflow
