#include "inspect/framing.h"

#include "check.h"
#include "inspect/unjudged.h"

using namespace fastflow;
using namespace fastflow::test;

namespace {

Framing Filled(std::size_t height, std::size_t width) { return {height, width, true, {}, {}}; }

Pixels Grey(std::size_t height, std::size_t width, std::uint8_t value) {
    return {width, height, 1, std::vector<std::uint8_t>(height * width, value)};
}

Mask LeftHalf(std::size_t height, std::size_t width) {
    Mask mask{height, width, std::vector<std::uint8_t>(height * width)};
    for (std::size_t i = 0; i < mask.marked.size(); ++i) mask.marked[i] = i % width < width / 2 ? 1 : 0;
    return mask;
}

}  // namespace

TEST(APictureIsInTheMiddle) {
    const Box wide = Filled(32, 64).BoxOf(100, 400);
    CHECK(wide.top == 8 && wide.left == 0 && wide.height == 16 && wide.width == 64);
    const Box narrow = Filled(32, 64).BoxOf(1000, 1);
    CHECK(narrow.top == 0 && narrow.left == 31 && narrow.height == 32 && narrow.width == 1);
    CHECK(Filled(32, 64).BoxOf(64, 5).width == 2);  // 2.5: halves become even
    const Box stretched = Framing{32, 64, false, {}, {}}.BoxOf(100, 400);
    CHECK(stretched.height == 32 && stretched.width == 64);
}

TEST(TheRestIsTransparent) {
    const auto image = Filled(4, 4).Image(Grey(2, 4, 200), nullptr);
    for (std::size_t i = 0; i < 16; ++i) {
        const bool inside = i / 4 == 1 || i / 4 == 2;
        CHECK(image[4 * i + 3] == (inside ? 255 : 0));
        CHECK(!inside || image[4 * i] == 200);
    }
}

TEST(NothingOutsideIsMixedIn) {
    Pixels picture = Grey(8, 8, 100);
    const Mask wanted = LeftHalf(8, 8);
    const Framing framing{4, 4, false, {}, Roi(wanted)};
    const auto before = framing.Image(picture, &wanted);
    for (std::size_t i = 0; i < 64; ++i) {
        if (wanted.marked[i] == 0) picture.values[i] = i % 3 == 0 ? 255 : 0;
    }
    CHECK(framing.Image(picture, &wanted) == before);
    CHECK(framing.Shows(before) && before[3] == 255 && before[15] == 0);
}

TEST(TilesWithNothingToLookAtAreLeftOut) {
    const Mask wanted = LeftHalf(8, 16);
    const Framing framing{4, 4, false, Tiling{4, 4, 0, true}, Roi(wanted)};
    CHECK(framing.Places(Grey(8, 16, 0), &wanted).size() == 4);
    CHECK(framing.Places(Grey(8, 16, 0), nullptr).size() == 8);
    bool refused = false;
    try {
        framing.CheckTiles(Grey(3, 16, 0), "a.png");
    } catch (const Unjudged& problem) {
        refused = Contains(problem.what(), "a.png has 16x3 pixels, less than a tile of 4x4");
    }
    CHECK(refused);
}

TEST(AMaskIsStretchedToItsNearestPixels) {
    const Mask mask{1, 3, {1, 0, 1}};
    CHECK((Stretched(mask, 1, 6).marked == std::vector<std::uint8_t>{1, 1, 0, 0, 1, 1}));
    CHECK((Stretched(mask, 2, 2).marked == std::vector<std::uint8_t>{1, 1, 1, 1}));
}

TEST_MAIN()
