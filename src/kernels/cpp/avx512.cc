// What runs on a processor with AVX-512: vectors of 16 floats, 32 registers.
#include <immintrin.h>

#include <algorithm>
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
    // The 16 x 16 matrix of these rows becomes its transpose: pairs of rows are interleaved, then fours; what
    // is left is to exchange quarters of vectors.
    FASTFLOW_INLINE static void Transpose(Vector* rows) {
        constexpr __mmask16 all = 0xffff;  // without masks, see above
        constexpr __mmask8 all_pairs = 0xff;
        Vector fours[16];
        for (int i = 0; i < 16; i += 4) {
            __m512d low[2], high[2];  // of the first two rows, and of the other two
            for (int two = 0; two < 2; ++two) {
                const Vector first = rows[i + 2 * two], second = rows[i + 2 * two + 1];
                low[two] = _mm512_castps_pd(_mm512_maskz_unpacklo_ps(all, first, second));
                high[two] = _mm512_castps_pd(_mm512_maskz_unpackhi_ps(all, first, second));
            }
            fours[i] = _mm512_castpd_ps(_mm512_maskz_unpacklo_pd(all_pairs, low[0], low[1]));
            fours[i + 1] = _mm512_castpd_ps(_mm512_maskz_unpackhi_pd(all_pairs, low[0], low[1]));
            fours[i + 2] = _mm512_castpd_ps(_mm512_maskz_unpacklo_pd(all_pairs, high[0], high[1]));
            fours[i + 3] = _mm512_castpd_ps(_mm512_maskz_unpackhi_pd(all_pairs, high[0], high[1]));
        }
        for (int i = 0; i < 4; ++i) {
            Vector even[2], odd[2];  // quarters of rows 0 to 7, and of the others
            for (int half = 0; half < 2; ++half) {
                const Vector first = fours[i + 8 * half], second = fours[i + 8 * half + 4];
                even[half] = _mm512_maskz_shuffle_f32x4(all, first, second, 0x88);
                odd[half] = _mm512_maskz_shuffle_f32x4(all, first, second, 0xdd);
            }
            rows[i] = _mm512_maskz_shuffle_f32x4(all, even[0], even[1], 0x88);
            rows[i + 4] = _mm512_maskz_shuffle_f32x4(all, odd[0], odd[1], 0x88);
            rows[i + 8] = _mm512_maskz_shuffle_f32x4(all, even[0], even[1], 0xdd);
            rows[i + 12] = _mm512_maskz_shuffle_f32x4(all, odd[0], odd[1], 0xdd);
        }
    }
};
FASTFLOW_END_TARGET

Processor Avx512Processor() {
    return {Adam<Avx512>::Update, &CouplingPlanes<Avx512>::kTable, &WinogradProducts<Avx512, F2>::kTable,
            &WinogradProducts<Avx512, F4>::kTable, 16};
}

}  // namespace fastflow
