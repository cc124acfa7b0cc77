// What runs on a processor with AVX-512: vectors of 16 floats, 32 registers.
#include <cstring>

#include "processor.h"

FASTFLOW_BEGIN_TARGET("avx512f")
#include "coupling_planes.h"
FASTFLOW_END_TARGET
FASTFLOW_BEGIN_TARGET("avx512f,avx2,fma")
#include "winograd_products.h"
FASTFLOW_END_TARGET

namespace fastflow {

struct Avx512 {
    using Vector = float __attribute__((vector_size(64)));
    using Unaligned = float __attribute__((vector_size(64), aligned(4), may_alias));
};

Processor Avx512Processor() {
    return {&CouplingPlanes<Avx512>::kTable, &WinogradProducts<Avx512, F2>::kTable,
            &WinogradProducts<Avx512, F4>::kTable};
}

}  // namespace fastflow
