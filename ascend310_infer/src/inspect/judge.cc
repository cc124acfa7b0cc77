#include "inspect/judge.h"

#include <algorithm>

namespace fastflow {

double Scale::Read(double value) const {
    const double x = (value - threshold) / (threshold - *typical);
    return x < 0 ? std::max(0.0, 0.5 + 0.5 * x) : 1 - 0.5 / (1 + x);
}

}  // namespace fastflow
