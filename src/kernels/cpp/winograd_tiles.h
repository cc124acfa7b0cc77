// A Winograd convolution's tiles between maps and their transforms, for one instruction set (`Cpu`).
#pragma once

#include <cstring>

#include "winograd_kernels.h"
#include "winograd_transforms.h"

namespace fastflow {

template <typename Cpu, typename F>
struct WinogradTiles {
    using Vector = typename Cpu::Vector;
    static constexpr int kTile = F::kTile, kSide = F::kSide, kPoints = kSide * kSide;
    static constexpr std::int64_t kLanes = sizeof(Vector) / sizeof(float);
    // Tiles in a panel. Their sums, two vectors each, take three quarters of the registers, of which both
    // instruction sets have twice as many as lanes.
    static constexpr std::int64_t kRows = kLanes * 3 / 4;

    FASTFLOW_INLINE static Vector Load(const float* from) {
        Vector value;
        std::memcpy(&value, from, sizeof(value));  // of a size that is known, this is an instruction
        return value;
    }
    FASTFLOW_INLINE static void Store(float* to, const Vector& value) {
        std::memcpy(to, &value, sizeof(value));
    }
    FASTFLOW_INLINE static void StorePoints(const Vector* values, float* to, std::int64_t stride) {
        for (int i = 0; i < kPoints; ++i) Store(to + i * stride, values[i]);
    }

    // A tile's place: the offset of its first output pixel in a channel block, and which pixels are in the
    // map.
    struct Place {
        std::int64_t picture, row, column;

        FASTFLOW_INLINE Place(const TileGrid& grid, std::int64_t tile) {
            picture = tile / grid.PerPicture();
            const std::int64_t rest = tile % grid.PerPicture();
            row = rest / grid.Across() * kTile;
            column = rest % grid.Across() * kTile;
        }
        // Whether the pixels from `before` above and left of the tile on, `size` each way, are all in the
        // map.
        [[nodiscard]] FASTFLOW_INLINE bool Inside(const TileGrid& grid, int before, int size) const {
            return row >= before && column >= before && row - before + size <= grid.height &&
                   column - before + size <= grid.width;
        }
    };

    template <typename Value>
    FASTFLOW_INLINE static Value* Plane(const TileGrid& grid, const ChannelBlocks<Value>& blocks,
                                        std::int64_t picture, std::int64_t block) {
        return blocks.map + (picture * blocks.all + blocks.first + block) * grid.height * grid.width * kLanes;
    }

    // kSize x kSize pixels of a channel block, from `before` above and left of a tile on; zeros outside the
    // map.
    template <int kSize, int kBefore>
    FASTFLOW_INLINE static void LoadPixels(const TileGrid& grid, const float* plane, const Place& place,
                                           Vector* pixels) {
        const std::int64_t row = place.row - kBefore, column = place.column - kBefore;
        if (place.Inside(grid, kBefore, kSize)) {
            const float* from = plane + (row * grid.width + column) * kLanes;
#pragma GCC unroll 6
            for (int r = 0; r < kSize; ++r, from += grid.width * kLanes)
#pragma GCC unroll 6
                for (int c = 0; c < kSize; ++c) pixels[r * kSize + c] = Load(from + c * kLanes);
            return;
        }
        for (std::int64_t r = 0; r < kSize; ++r) {
            for (std::int64_t c = 0; c < kSize; ++c) {
                const std::int64_t y = row + r, x = column + c;
                const bool inside = y >= 0 && y < grid.height && x >= 0 && x < grid.width;
                pixels[r * kSize + c] = inside ? Load(plane + (y * grid.width + x) * kLanes) : Vector{};
            }
        }
    }

    static void TransformInput(const TileGrid& grid, const ChannelBlocks<const float>& from, TileRange tiles,
                               const Points<float>& to) {
        for (std::int64_t block = 0; block < from.count; ++block) {
            for (std::int64_t i = 0; i < (tiles.count + kRows - 1) / kRows * kRows; ++i) {
                float* at = to.first + ((i / kRows * from.count + block) * kRows + i % kRows) * kLanes;
                Vector points[kPoints] = {};
                if (i < tiles.count) {
                    Vector pixels[kPoints];
                    const Place place(grid, tiles.first + i);
                    LoadPixels<kSide, 1>(grid, Plane(grid, from, place.picture, block), place, pixels);
                    BothSides<typename F::Input>(pixels, points);
                }
                StorePoints(points, at, to.stride);
            }
        }
    }

    static void TransformGradient(const TileGrid& grid, const ChannelBlocks<const float>& from,
                                  TileRange tiles, const Points<float>& to, float* sums, bool add) {
        for (std::int64_t block = 0; block < from.count; ++block) {
            Vector total = add ? Load(sums + block * kLanes) : Vector{};
            for (std::int64_t i = 0; i < (tiles.count + kRows - 1) / kRows * kRows; ++i) {
                Vector points[kPoints] = {};
                if (i < tiles.count) {
                    Vector pixels[kTile * kTile], of_tile = {};
                    const Place place(grid, tiles.first + i);
                    LoadPixels<kTile, 0>(grid, Plane(grid, from, place.picture, block), place, pixels);
#pragma GCC unroll 16
                    for (int pixel = 0; pixel < kTile * kTile; ++pixel) of_tile = of_tile + pixels[pixel];
                    total = total + of_tile;
                    BothSides<typename F::Gradient>(pixels, points);
                }
                StorePoints(points, to.first + (i * 2 + block) * kLanes, to.stride);
            }
            Store(sums + block * kLanes, total);
        }
    }

    static void TransformOutput(const TileGrid& grid, const Points<const float>& from, TileRange tiles,
                                const float* bias, const ChannelBlocks<const float>& added, Bounds bounds,
                                const ChannelBlocks<float>& to) {
        const Vector least = Vector{} + bounds.least, most = Vector{} + bounds.most;
        for (std::int64_t block = 0; block < to.count; ++block) {
            const Vector shift = bias == nullptr ? Vector{} : Load(bias + block * kLanes);
            for (std::int64_t i = 0; i < tiles.count; ++i) {
                Vector points[kPoints], pixels[kTile * kTile];
                const float* at = from.first + (i * 2 + block) * kLanes;
#pragma GCC unroll 36
                for (int point = 0; point < kPoints; ++point) points[point] = Load(at + point * from.stride);
                BothSides<typename F::Output>(points, pixels);
                const Place place(grid, tiles.first + i);
                if (added.map != nullptr) {
                    Vector others[kTile * kTile];
                    LoadPixels<kTile, 0>(grid, Plane(grid, added, place.picture, block), place, others);
#pragma GCC unroll 16
                    for (int pixel = 0; pixel < kTile * kTile; ++pixel)
                        pixels[pixel] = pixels[pixel] + others[pixel];
                }
#pragma GCC unroll 16
                for (int pixel = 0; pixel < kTile * kTile; ++pixel) {
                    const Vector value = pixels[pixel] + shift;
                    const Vector raised = value < least ? least : value;
                    pixels[pixel] = most < raised ? most : raised;
                }
                StorePixels(grid, Plane(grid, to, place.picture, block), place, pixels);
            }
        }
    }

    // The pixels of a tile that are in the map.
    FASTFLOW_INLINE static void StorePixels(const TileGrid& grid, float* plane, const Place& place,
                                            const Vector* pixels) {
        float* to = plane + (place.row * grid.width + place.column) * kLanes;
        if (place.Inside(grid, 0, kTile)) {
#pragma GCC unroll 4
            for (int r = 0; r < kTile; ++r, to += grid.width * kLanes)
#pragma GCC unroll 4
                for (int c = 0; c < kTile; ++c) Store(to + c * kLanes, pixels[r * kTile + c]);
            return;
        }
        for (std::int64_t r = 0; r < kTile && place.row + r < grid.height; ++r) {
            for (std::int64_t c = 0; c < kTile && place.column + c < grid.width; ++c)
                Store(to + (r * grid.width + c) * kLanes, pixels[r * kTile + c]);
        }
    }
};

}  // namespace fastflow
