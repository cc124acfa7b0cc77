// A Winograd convolution's weights and their transforms, for one instruction set (`Cpu`).
#pragma once

#include <algorithm>

#include "winograd_tiles.h"

namespace fastflow {

template <typename Cpu, typename F>
struct WinogradWeights : WinogradTiles<Cpu, F> {
    using Tiles = WinogradTiles<Cpu, F>;
    using Tiles::kLanes, Tiles::kPoints, Tiles::Load, Tiles::Store;
    using typename Tiles::Vector;
    static constexpr int kTaps = 9;

    // Where the 9 taps of a filter begin, and for a tap its place there.
    template <typename Value>
    FASTFLOW_INLINE static Value* Filter(const Filters<Value>& filters, std::int64_t out, std::int64_t in) {
        return filters.values +
               kTaps * (filters.rotated ? in * filters.outputs + out : out * filters.inputs + in);
    }

    // A square of floats, its rows `from_stride` apart; its columns are written `to_stride` apart.
    FASTFLOW_INLINE static void Transpose(const float* from, std::int64_t from_stride, float* to,
                                          std::int64_t to_stride) {
        Vector rows[kLanes];
        LoadTransposed(from, from_stride, rows);
        for (std::int64_t i = 0; i < kLanes; ++i) Store(to + i * to_stride, rows[i]);
    }

    FASTFLOW_INLINE static void LoadTransposed(const float* from, std::int64_t stride, Vector* columns) {
        for (std::int64_t i = 0; i < kLanes; ++i) columns[i] = Load(from + i * stride);
        Cpu::Transpose(columns);
    }

    // The filters from and to a block of channels each; zeros beyond the channels. An output channel's
    // filters lie one after the other: they are a row of kLanes * kTaps floats. Rotated, an input channel's
    // do.
    FASTFLOW_INLINE static void LoadTaps(const Filters<const float>& filters, std::int64_t out,
                                         std::int64_t in, float (*taps)[kTaps][kLanes]) {
        const std::int64_t outs = Least(kLanes, filters.outputs - out);
        const std::int64_t ins = Least(kLanes, filters.inputs - in);
        if (outs == kLanes && ins == kLanes && !filters.rotated) {
            const float* from = Filter(filters, out, in);
            for (int square = 0; square < kTaps; ++square)
                Transpose(from + square * kLanes, kTaps * filters.inputs,
                          taps[0][0] + square * kLanes * kLanes, kLanes);
            return;
        }
        if (outs < kLanes || ins < kLanes) std::fill_n(taps[0][0], kLanes * kTaps * kLanes, 0.0F);
        const float* end = filters.values + kTaps * filters.inputs * filters.outputs;
        for (std::int64_t i = 0; i < ins; ++i) {
            std::int64_t loaded = 0;  // taps that vectors have brought
            const float* first = Filter(filters, out, in + i);
            if (filters.rotated && outs == kLanes && first + kTaps * (kLanes - 1) + kLanes <= end) {
                Vector columns[kLanes];
                LoadTransposed(first, kTaps, columns);
                loaded = Least(kTaps, kLanes);
                for (std::int64_t tap = 0; tap < loaded; ++tap) Store(taps[i][kTaps - 1 - tap], columns[tap]);
            }
            for (std::int64_t o = 0; o < outs; ++o) {
                const float* from = Filter(filters, out + o, in + i);
                for (std::int64_t tap = loaded; tap < kTaps; ++tap)
                    taps[i][filters.rotated ? kTaps - 1 - tap : tap][o] = from[tap];
            }
        }
    }

    static void TransformWeights(const Filters<const float>& filters, std::int64_t pair,
                                 const Points<float>& to) {
        for (std::int64_t in = 0; in < (filters.inputs + kLanes - 1) / kLanes * kLanes; in += kLanes) {
            for (int half = 0; half < 2 && (pair * 2 + half) * kLanes < filters.outputs; ++half) {
                alignas(64) float taps[kLanes][kTaps][kLanes];
                LoadTaps(filters, (pair * 2 + half) * kLanes, in, taps);
                for (std::int64_t i = 0; i < kLanes; ++i) {
                    Vector values[kTaps], points[kPoints];
                    for (int tap = 0; tap < kTaps; ++tap) values[tap] = Load(taps[i][tap]);
                    BothSides<typename F::Weights>(values, points);
                    Tiles::StorePoints(points, to.first + ((in + i) * 2 + half) * kLanes, to.stride);
                }
            }
        }
    }

    // The reverse of `LoadTaps`, of filters that are not rotated.
    FASTFLOW_INLINE static void StoreTaps(const float (*taps)[kTaps][kLanes], std::int64_t out,
                                          std::int64_t in, const Filters<float>& filters) {
        const std::int64_t outs = Least(kLanes, filters.outputs - out);
        const std::int64_t ins = Least(kLanes, filters.inputs - in);
        if (outs == kLanes && ins == kLanes) {
            float* to = Filter(filters, out, in);
            for (int square = 0; square < kTaps; ++square)
                Transpose(taps[0][0] + square * kLanes * kLanes, kLanes, to + square * kLanes,
                          kTaps * filters.inputs);
            return;
        }
        for (std::int64_t o = 0; o < outs; ++o) {
            for (std::int64_t i = 0; i < ins; ++i) {
                float* to = Filter(filters, out + o, in + i);
                for (int tap = 0; tap < kTaps; ++tap) to[tap] = taps[i][tap][o];
            }
        }
    }

    static void TransformWeightGradient(const Points<const float>& from, std::int64_t pair,
                                        std::int64_t first_block, std::int64_t blocks,
                                        const Filters<float>& filters) {
        for (std::int64_t block = 0; block < blocks; ++block) {
            const std::int64_t in = (first_block + block) * kLanes;
            for (int half = 0; half < 2 && (pair * 2 + half) * kLanes < filters.outputs; ++half) {
                alignas(64) float taps[kLanes][kTaps][kLanes];
                for (std::int64_t i = 0; i < kLanes; ++i) {
                    Vector points[kPoints], values[kTaps];
                    const float* at = from.first + ((block * kLanes + i) * 2 + half) * kLanes;
                    for (int point = 0; point < kPoints; ++point)
                        points[point] = Load(at + point * from.stride);
                    BothSides<typename F::WeightGradient>(points, values);
                    for (int tap = 0; tap < kTaps; ++tap) Store(taps[i][tap], values[tap]);
                }
                StoreTaps(taps, (pair * 2 + half) * kLanes, in, filters);
            }
        }
    }

    FASTFLOW_INLINE static std::int64_t Least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
};

}  // namespace fastflow
