// What runs on a processor with AVX2: vectors of 8 floats, 16 registers.
#include <cstring>

#include "processor.h"

FASTFLOW_BEGIN_TARGET("avx2")
#include "coupling_planes.h"
FASTFLOW_END_TARGET
FASTFLOW_BEGIN_TARGET("avx2,fma")
#include "winograd_products.h"
FASTFLOW_END_TARGET

namespace fastflow {

struct Avx2 {
    using Vector = float __attribute__((vector_size(32)));
    using Unaligned = float __attribute__((vector_size(32), aligned(4), may_alias));
};

Processor Avx2Processor() {
    return {&CouplingPlanes<Avx2>::kTable, &WinogradProducts<Avx2, F2>::kTable,
            &WinogradProducts<Avx2, F4>::kTable};
}

}  // namespace fastflow
