// What runs on a processor with AVX2: vectors of 8 floats, 16 registers.
#include "processor.h"

FASTFLOW_BEGIN_TARGET("avx2,fma")
#include "winograd_products.h"

namespace fastflow {

struct Avx2 {
    using Vector = float __attribute__((vector_size(32)));
    using Unaligned = float __attribute__((vector_size(32), aligned(4), may_alias));
    static constexpr int kLanes = 8, kRows = 6;  // tiles in a panel: as many as the registers hold
};

Processor Avx2Processor() {
    return {&WinogradProducts<Avx2, F2>::kTable, &WinogradProducts<Avx2, F4>::kTable};
}

}  // namespace fastflow
FASTFLOW_END_TARGET
