// What runs on a processor with AVX2: vectors of 8 floats, 16 registers.
#include <immintrin.h>

#include <cmath>
#include <cstring>

#include "processor.h"

FASTFLOW_BEGIN_TARGET("avx2")
#include "coupling_planes.h"
FASTFLOW_END_TARGET
FASTFLOW_BEGIN_TARGET("avx2,fma")
#include "adam_update.h"
#include "winograd_products.h"
FASTFLOW_END_TARGET

namespace fastflow {

FASTFLOW_BEGIN_TARGET("avx2,fma")
struct Avx2 {
    using Vector = float __attribute__((vector_size(32)));
    using Unaligned = float __attribute__((vector_size(32), aligned(4), may_alias));

    // a * b + c, rounded once.
    FASTFLOW_INLINE static Vector MultiplyAdd(Vector a, Vector b, Vector c) {
        return _mm256_fmadd_ps(a, b, c);
    }
    FASTFLOW_INLINE static Vector SquareRoot(Vector x) { return _mm256_sqrt_ps(x); }
    // A product that no compiler may fuse with an addition.
    FASTFLOW_INLINE static Vector Rounded(Vector product) {
        asm("" : "+v"(product));
        return product;
    }
};
FASTFLOW_END_TARGET

Processor Avx2Processor() {
    return {Adam<Avx2>::Update, &CouplingPlanes<Avx2>::kTable, &WinogradProducts<Avx2, F2>::kTable,
            &WinogradProducts<Avx2, F4>::kTable};
}

}  // namespace fastflow
