// The instruction sets that Winograd's filtering is compiled for: which one runs is chosen when the program
// runs.
#pragma once

#include "winograd_kernels.h"

#define FASTFLOW_INLINE __attribute__((always_inline)) inline

// Between these two, functions are compiled for an instruction set.
#define FASTFLOW_PRAGMA(text) _Pragma(#text)
#ifdef __clang__
#define FASTFLOW_BEGIN_TARGET(set) \
    FASTFLOW_PRAGMA(clang attribute push(__attribute__((target(set))), apply_to = function))
#define FASTFLOW_END_TARGET FASTFLOW_PRAGMA(clang attribute pop)
#else
#define FASTFLOW_BEGIN_TARGET(set) FASTFLOW_PRAGMA(GCC push_options) FASTFLOW_PRAGMA(GCC target(set))
#define FASTFLOW_END_TARGET FASTFLOW_PRAGMA(GCC pop_options)
#endif

namespace fastflow {

// The filtering for an instruction set, F(2x2, 3x3) and F(4x4, 3x3); null where there is none.
struct Processor {
    const WinogradKernels *small_tiles = nullptr, *large_tiles = nullptr;
};

// Each is in a file of its own.
Processor Avx512Processor();
Processor Avx2Processor();

// The one that this machine has. oneDNN's own limit, ONEDNN_MAX_CPU_ISA, holds here too.
const Processor& ThisProcessor();

}  // namespace fastflow
