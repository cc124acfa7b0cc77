// What runs on a processor with AVX-512: vectors of 16 floats, 32 registers.
#include "processor.h"

FASTFLOW_BEGIN_TARGET("avx512f,avx2,fma")
#include "winograd_products.h"

namespace fastflow {

struct Avx512 {
    using Vector = float __attribute__((vector_size(64)));
    using Unaligned = float __attribute__((vector_size(64), aligned(4), may_alias));
    static constexpr int kLanes = 16, kRows = 12;  // tiles in a panel: as many as the registers hold
};

Processor Avx512Processor() {
    return {&WinogradProducts<Avx512, F2>::kTable, &WinogradProducts<Avx512, F4>::kTable};
}

}  // namespace fastflow
FASTFLOW_END_TARGET
