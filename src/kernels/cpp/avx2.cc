// What runs on a processor with AVX2: vectors of 8 floats, 16 registers.
#include <immintrin.h>

#include <algorithm>
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
    // The 8 x 8 matrix of these rows becomes its transpose: pairs of rows are interleaved, then fours; what
    // is left is to exchange halves of vectors.
    FASTFLOW_INLINE static void Transpose(Vector* rows) {
        Vector fours[8];
        for (int i = 0; i < 8; i += 4) {
            __m256d low[2], high[2];  // of the first two rows, and of the other two
            for (int two = 0; two < 2; ++two) {
                const Vector first = rows[i + 2 * two], second = rows[i + 2 * two + 1];
                low[two] = _mm256_castps_pd(_mm256_unpacklo_ps(first, second));
                high[two] = _mm256_castps_pd(_mm256_unpackhi_ps(first, second));
            }
            fours[i] = _mm256_castpd_ps(_mm256_unpacklo_pd(low[0], low[1]));
            fours[i + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low[0], low[1]));
            fours[i + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high[0], high[1]));
            fours[i + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high[0], high[1]));
        }
        for (int i = 0; i < 4; ++i) {
            rows[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
            rows[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
        }
    }
};
FASTFLOW_END_TARGET

Processor Avx2Processor() {
    return {Adam<Avx2>::Update, &CouplingPlanes<Avx2>::kTable, &WinogradProducts<Avx2, F2>::kTable,
            &WinogradProducts<Avx2, F4>::kTable, 8};
}

}  // namespace fastflow
