// The transforms of Winograd's minimal filtering, F(2x2, 3x3) and F(4x4, 3x3), along one side of a tile.
//
// After Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (arXiv 1509.09308): with d the
// input's n = tile + 2 values, g the filter's 3, the output is A^T [(G g) * (B^T d)]. Each struct is one of
// these matrices, given by its product with `kIn` values of which each is `from` apart; the `kOut` results
// are `to` apart. (This file is compiled for every instruction set.)
#pragma once

#include "processor.h"

namespace fastflow {

// The points 0, 1, -1 and infinity.
struct F2 {
    static constexpr int kTile = 2, kSide = 4;

    struct Input {  // B^T
        static constexpr int kIn = 4, kOut = 4;
        template <typename V>
        FASTFLOW_INLINE static void Apply(const V* d, int from, V* v, int to) {
            const V d1 = d[from], d2 = d[2 * from];
            v[0] = d[0] - d2;
            v[to] = d1 + d2;
            v[2 * to] = d2 - d1;
            v[3 * to] = d[3 * from] - d1;
        }
    };

    struct Output {  // A^T
        static constexpr int kIn = 4, kOut = 2;
        template <typename V>
        FASTFLOW_INLINE static void Apply(const V* m, int from, V* y, int to) {
            const V m1 = m[from], m2 = m[2 * from];
            y[0] = m[0] + m1 + m2;
            y[to] = m1 - m2 + m[3 * from];
        }
    };

    struct Gradient {  // A
        static constexpr int kIn = 2, kOut = 4;
        template <typename V>
        FASTFLOW_INLINE static void Apply(const V* y, int from, V* m, int to) {
            m[0] = y[0];
            m[to] = y[0] + y[from];
            m[2 * to] = y[0] - y[from];
            m[3 * to] = y[from];
        }
    };

    struct Weights {  // G
        static constexpr int kIn = 3, kOut = 4;
        template <typename V>
        FASTFLOW_INLINE static void Apply(const V* g, int from, V* u, int to) {
            const V even = (g[0] + g[2 * from]) * 0.5F, odd = g[from] * 0.5F;
            u[0] = g[0];
            u[to] = even + odd;
            u[2 * to] = even - odd;
            u[3 * to] = g[2 * from];
        }
    };

    struct WeightGradient {  // G^T
        static constexpr int kIn = 4, kOut = 3;
        template <typename V>
        FASTFLOW_INLINE static void Apply(const V* u, int from, V* g, int to) {
            const V sum = (u[from] + u[2 * from]) * 0.5F, difference = (u[from] - u[2 * from]) * 0.5F;
            g[0] = u[0] + sum;
            g[to] = difference;
            g[2 * to] = sum + u[3 * from];
        }
    };
};

// The points 0, +-5/8, +-3/2 and infinity: their rounding errors are a third of those of the usual 0, +-1,
// +-2. B^T is halved and G doubled, which balances the sizes of what is multiplied.
struct F4 {
    static constexpr int kTile = 4, kSide = 6;
    static constexpr double p = 5.0 / 8, q = 3.0 / 2, pp = p * p, qq = q * q;

    struct Input {
        static constexpr int kIn = 6, kOut = 6;
        template <typename V>
        FASTFLOW_INLINE static void Apply(const V* d, int from, V* v, int to) {
            constexpr float half = 0.5F, ends = pp * qq / 2, middle = (pp + qq) / 2;
            constexpr float p1 = p * qq / 2, p2 = qq / 2, p3 = p / 2, q1 = q * pp / 2, q2 = pp / 2,
                            q3 = q / 2;
            const V d1 = d[from], d2 = d[2 * from], d3 = d[3 * from], d4 = d[4 * from] * half;
            const V even_p = d4 - d2 * p2, odd_p = d3 * p3 - d1 * p1;
            const V even_q = d4 - d2 * q2, odd_q = d3 * q3 - d1 * q1;
            v[0] = d[0] * ends + (d4 - d2 * middle);
            v[to] = even_p + odd_p;
            v[2 * to] = even_p - odd_p;
            v[3 * to] = even_q + odd_q;
            v[4 * to] = even_q - odd_q;
            v[5 * to] = d1 * ends + (d[5 * from] * half - d3 * middle);
        }
    };

    struct Output {
        static constexpr int kIn = 6, kOut = 4;
        template <typename V>
        FASTFLOW_INLINE static void Apply(const V* m, int from, V* y, int to) {
            constexpr float p1 = p, p2 = pp, p3 = p * pp, q1 = q, q2 = qq, q3 = q * qq;
            const V even_p = m[from] + m[2 * from], odd_p = m[from] - m[2 * from];
            const V even_q = m[3 * from] + m[4 * from], odd_q = m[3 * from] - m[4 * from];
            y[0] = m[0] + even_p + even_q;
            y[to] = odd_p * p1 + odd_q * q1;
            y[2 * to] = even_p * p2 + even_q * q2;
            y[3 * to] = odd_p * p3 + odd_q * q3 + m[5 * from];
        }
    };

    struct Gradient {
        static constexpr int kIn = 4, kOut = 6;
        template <typename V>
        FASTFLOW_INLINE static void Apply(const V* y, int from, V* m, int to) {
            constexpr float p1 = p, p2 = pp, p3 = p * pp, q1 = q, q2 = qq, q3 = q * qq;
            const V y1 = y[from], y2 = y[2 * from], y3 = y[3 * from];
            const V even_p = y[0] + y2 * p2, odd_p = y1 * p1 + y3 * p3;
            const V even_q = y[0] + y2 * q2, odd_q = y1 * q1 + y3 * q3;
            m[0] = y[0];
            m[to] = even_p + odd_p;
            m[2 * to] = even_p - odd_p;
            m[3 * to] = even_q + odd_q;
            m[4 * to] = even_q - odd_q;
            m[5 * to] = y3;
        }
    };

    static constexpr double at_p = 1 / (pp * (pp - qq)), at_q = 1 / (qq * (qq - pp));  // of Lagrange's basis

    struct Weights {
        static constexpr int kIn = 3, kOut = 6;
        template <typename V>
        FASTFLOW_INLINE static void Apply(const V* g, int from, V* u, int to) {
            constexpr float zero = 2 / (pp * qq), p0 = at_p, p1 = at_p * p, p2 = at_p * pp;
            constexpr float q0 = at_q, q1 = at_q * q, q2 = at_q * qq;
            const V g1 = g[from], g2 = g[2 * from];
            const V even_p = g[0] * p0 + g2 * p2, odd_p = g1 * p1;
            const V even_q = g[0] * q0 + g2 * q2, odd_q = g1 * q1;
            u[0] = g[0] * zero;
            u[to] = even_p + odd_p;
            u[2 * to] = even_p - odd_p;
            u[3 * to] = even_q + odd_q;
            u[4 * to] = even_q - odd_q;
            u[5 * to] = g2 * 2.0F;
        }
    };

    struct WeightGradient {
        static constexpr int kIn = 6, kOut = 3;
        template <typename V>
        FASTFLOW_INLINE static void Apply(const V* u, int from, V* g, int to) {
            constexpr float zero = 2 / (pp * qq), p0 = at_p, p1 = at_p * p, p2 = at_p * pp;
            constexpr float q0 = at_q, q1 = at_q * q, q2 = at_q * qq;
            const V even_p = u[from] + u[2 * from], odd_p = u[from] - u[2 * from];
            const V even_q = u[3 * from] + u[4 * from], odd_q = u[3 * from] - u[4 * from];
            g[0] = u[0] * zero + (even_p * p0 + even_q * q0);
            g[to] = odd_p * p1 + odd_q * q1;
            g[2 * to] = even_p * p2 + even_q * q2 + u[5 * from] * 2.0F;
        }
    };
};

// out (kOut x kOut) = M in (kIn x kIn) M^T, row by row.
template <typename M, typename V>
FASTFLOW_INLINE void BothSides(const V* in, V* out) {
    V half[M::kOut * M::kIn];
#pragma GCC unroll 6
    for (int column = 0; column < M::kIn; ++column) M::Apply(in + column, M::kIn, half + column, M::kIn);
#pragma GCC unroll 6
    for (int row = 0; row < M::kOut; ++row) M::Apply(half + row * M::kIn, 1, out + row * M::kOut, 1);
}

}  // namespace fastflow
