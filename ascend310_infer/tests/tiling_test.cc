#include "inspect/tiling.h"

#include <cmath>
#include <utility>

#include "check.h"

using namespace fastflow;
using namespace fastflow::test;

namespace {

std::vector<std::pair<std::size_t, std::size_t>> PlacesOf(const Tiling& tiling, std::size_t height,
                                                          std::size_t width) {
    std::vector<std::pair<std::size_t, std::size_t>> places;
    for (const Place& place : tiling.Places(height, width)) places.emplace_back(place.row, place.column);
    return places;
}

using Places = std::vector<std::pair<std::size_t, std::size_t>>;

}  // namespace

TEST(TilesLieEvenlyOverAPicture) {
    CHECK((PlacesOf({40, 30, 10, true}, 40, 30) == Places{{0, 0}}));
    CHECK(
        (PlacesOf({40, 30, 10, true}, 41, 70) == Places{{0, 0}, {0, 20}, {0, 40}, {1, 0}, {1, 20}, {1, 40}}));
    CHECK((PlacesOf({40, 30, 0, true}, 100, 10) == Places{{0, 0}, {30, 0}, {60, 0}}));
    for (const std::size_t length : {64U, 65U, 100U, 1000U}) {
        const auto places = Tiling{64, 64, 16, true}.Places(length, 64);
        CHECK(places.front().row == 0 && places.back().row + 64 == length);
        for (std::size_t i = 1; i < places.size(); ++i) {
            CHECK(places[i - 1].row + 64 >= places[i].row + 16);
        }
    }
}

TEST(SharesOfAllTilesAreOneInEveryPixel) {
    for (const std::size_t overlap : {0U, 1U, 7U, 31U}) {
        for (const std::size_t length : {10U, 32U, 33U, 77U, 200U}) {
            std::vector<double> sums(length);
            for (const Place& place : Tiling{32, 32, overlap, true}.Places(length, 32)) {
                const auto window = WindowOf(length, 32, overlap, place.row);
                CHECK(window.size() == (length < 32 ? length : 32));
                for (std::size_t i = 0; i < window.size(); ++i) sums[place.row + i] += double{window[i]};
            }
            for (const double sum : sums) CHECK(std::fabs(sum - 1) < 1e-6);
        }
    }
}

TEST(AShareFallsTowardsTheTilesEdge) {
    const auto window = WindowOf(40, 24, 8, 0);  // the other tile begins at 16
    CHECK(window[0] == 1 && window[15] == 1);
    for (std::size_t i = 16; i < 24; ++i) CHECK(window[i] < window[i - 1]);
    CHECK(std::fabs(double{window[16]} - 7.5 / 8) < 1e-6 && std::fabs(double{window[23]} - 0.5 / 8) < 1e-6);
}

TEST_MAIN()
