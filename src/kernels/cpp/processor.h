// The instruction sets that some code is compiled for, and what each runs: chosen when the program runs.
#pragma once

#include "adam.h"
#include "coupling.h"
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

struct Processor {
    AdamUpdate adam;
    const Coupling* coupling;
    const WinogradKernels *small_tiles,
        *large_tiles;    // F(2x2, 3x3) and F(4x4, 3x3); null where there is none
    std::int64_t lanes;  // channels in a block of the format in which oneDNN and Winograd's filtering compute
};

// Each is in a file of its own.
Processor Avx512Processor();
Processor Avx2Processor();

// The one that this machine has. oneDNN's own limit, ONEDNN_MAX_CPU_ISA, holds here too.
const Processor& ThisProcessor();

}  // namespace fastflow
