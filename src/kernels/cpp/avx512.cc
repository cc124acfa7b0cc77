// What runs on a processor with AVX-512: vectors of 16 floats, 32 registers.
#include <cstring>

#include "processor.h"

FASTFLOW_BEGIN_TARGET("avx512f,avx2,fma")
#include "coupling_planes.h"
#include "winograd_products.h"

namespace fastflow {

struct Avx512 {
    using Vector = float __attribute__((vector_size(64)));
    using Unaligned = float __attribute__((vector_size(64), aligned(4), may_alias));
    using Integers = std::int32_t __attribute__((vector_size(64)));
    static constexpr int kLanes = 16, kRows = 12;  // tiles in a panel: as many as the registers hold
};

const Processor& Avx512Processor() {
    static constexpr Processor processor = {CouplingPlanes<Avx512>::kTable,
                                            &WinogradProducts<Avx512, F2>::kTable,
                                            &WinogradProducts<Avx512, F4>::kTable};
    return processor;
}

}  // namespace fastflow
FASTFLOW_END_TARGET
