// What runs on a processor with AVX-512: vectors of 16 floats, 32 registers.
#include <immintrin.h>

#include <cmath>
#include <cstring>

#include "processor.h"

FASTFLOW_BEGIN_TARGET("avx512f")
#include "coupling_planes.h"
FASTFLOW_END_TARGET
FASTFLOW_BEGIN_TARGET("avx512f,avx2,fma")
#include "adam_update.h"
#include "winograd_products.h"
FASTFLOW_END_TARGET

namespace fastflow {

FASTFLOW_BEGIN_TARGET("avx512f,avx2,fma")
struct Avx512 {
    using Vector = float __attribute__((vector_size(64)));
    using Unaligned = float __attribute__((vector_size(64), aligned(4), may_alias));

    // a * b + c, rounded once.
    FASTFLOW_INLINE static Vector MultiplyAdd(Vector a, Vector b, Vector c) {
        return _mm512_fmadd_ps(a, b, c);
    }
    // Of all 16 values; without a mask, GCC 12 warns of what it leaves undefined.
    FASTFLOW_INLINE static Vector SquareRoot(Vector x) {
        return _mm512_maskz_sqrt_ps(static_cast<__mmask16>(0xffff), x);
    }
    // A product that no compiler may fuse with an addition.
    FASTFLOW_INLINE static Vector Rounded(Vector product) {
        asm("" : "+v"(product));
        return product;
    }
};
FASTFLOW_END_TARGET

Processor Avx512Processor() {
    return {Adam<Avx512>::Update, &CouplingPlanes<Avx512>::kTable, &WinogradProducts<Avx512, F2>::kTable,
            &WinogradProducts<Avx512, F4>::kTable};
}

}  // namespace fastflow
