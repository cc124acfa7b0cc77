// What MindSpore calls: a function of the kind `ops.Custom(func_type="aot")` expects.
#pragma once

#include <cstdio>
#include <exception>

#include "onednn.h"

// `count` tensors, inputs before outputs: their values, numbers of axes, and shapes.
#define FASTFLOW_KERNEL(name) \
    extern "C" int name(int count, void** params, int* axes, int64_t** shapes, const char**, void*, void*)

namespace fastflow {

inline Shape shape(const int* axes, int64_t* const* shapes, int index) {
    return {shapes[index], shapes[index] + axes[index]};
}

// Runs the body; an exception becomes one line and a status that is not 0, on which MindSpore raises.
template <typename Body>
int guarded(const char* name, const Body& body) {
    try {
        body();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: CPU kernel %s: %s; --cpu_kernels off does without\n", name,
                     error.what());
        return 1;
    }
}

}  // namespace fastflow
