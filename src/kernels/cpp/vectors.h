// Loading and storing vectors of floats at the end of an array, where fewer are left.
#pragma once

#include <cstring>

#include "processor.h"

namespace fastflow {

template <typename Vector>
struct Vectors {
    static constexpr std::int64_t kLanes = sizeof(Vector) / sizeof(float);

    // The next kLanes values; where fewer than that are left, the others are zeros.
    FASTFLOW_INLINE static Vector Load(const float* values, std::int64_t left) {
        Vector result = {};
        Copy(&result, values, left);
        return result;
    }
    FASTFLOW_INLINE static void Store(float* values, const Vector& from, std::int64_t left) {
        Copy(values, &from, left);
    }

  private:
    FASTFLOW_INLINE static void Copy(void* to, const void* from, std::int64_t left) {
        if (left >= kLanes)
            std::memcpy(to, from, sizeof(Vector));  // of a size that is known, these are few instructions
        else
            std::memcpy(to, from, sizeof(float) * static_cast<std::size_t>(left));
    }
};

}  // namespace fastflow
