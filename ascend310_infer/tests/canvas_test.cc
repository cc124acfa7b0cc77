#include "inspect/canvas.h"

#include <cmath>

#include "check.h"

using namespace fastflow;
using namespace fastflow::test;

namespace {

bool Near(float a, double b) { return std::fabs(double{a} - b) < 1e-6; }

}  // namespace

TEST(AMapIsStretchedBetweenPixelsCentres) {
    const AnomalyMap map{1, 2, {0, 1}};
    const auto wide = Stretched(map, 2, 4);
    const double wanted[] = {0, 0.25, 0.75, 1};
    for (std::size_t i = 0; i < 8; ++i) CHECK(Near(wide.values[i], wanted[i % 4]));
    const AnomalyMap square{2, 2, {0, 1, 2, 3}};
    const auto one = Stretched(square, 1, 1);
    CHECK(Near(one.values[0], 1.5));
}

TEST(EqualMapsOfTilesAreBlendedToTheSame) {
    const Tiling tiling{8, 6, 2, true};
    for (const bool hides : {false, true}) {
        Canvas canvas(tiling, 21, 17, hides, nullptr);
        for (const Place& place : tiling.Places(21, 17)) {
            canvas.Add(place, {4, 4, std::vector<float>(16, -0.25F)});
        }
        const auto map = canvas.Finish();
        CHECK(map.height == 21 && map.width == 17);
        for (const float value : map.values) CHECK(Near(value, -0.25));
    }
}

TEST(WhatNoTileHasSeenIsHidden) {
    const Tiling tiling{4, 4, 0, true};
    Mask wanted{4, 8, std::vector<std::uint8_t>(32, 1)};
    wanted.marked[0] = 0;
    Canvas canvas(tiling, 4, 8, true, &wanted);
    AnomalyMap tile{4, 4, std::vector<float>(16, -0.5F)};
    tile.values[5] = kHiddenInMap;
    canvas.Add({0, 0}, tile);  // the other is not added
    const auto map = canvas.Finish();
    for (std::size_t y = 0; y < 4; ++y) {
        for (std::size_t x = 0; x < 8; ++x) {
            const bool seen = x < 4 && !(y == 0 && x == 0) && !(y == 1 && x == 1);
            const float value = map.values[y * 8 + x];
            CHECK(seen ? Near(value, -0.5) : !IsSeen(value));
        }
    }
}

TEST_MAIN()
