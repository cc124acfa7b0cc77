#include "batches.h"

#include "check.h"
#include "temporary_folder.h"

using namespace fastflow;
using namespace fastflow::test;

TEST(BatchesCoverEveryPictureOnce) {
    const auto batches = MakeBatches(7, 3);
    CHECK(batches.size() == 3);
    CHECK(batches[0].first == 0 && batches[0].count == 3);
    CHECK(batches[1].first == 3 && batches[1].count == 3);
    CHECK(batches[2].first == 6 && batches[2].count == 1);
    CHECK(MakeBatches(6, 3).size() == 2);
    CHECK(MakeBatches(0, 3).empty());
    CHECK(MakeBatches(2, 8).size() == 1 && MakeBatches(2, 8)[0].count == 2);
}

TEST(TheLastPictureFillsTheBatch) {
    const TemporaryFolder folder;
    PutFloats(folder / "a.bin", {1, 2});
    PutFloats(folder / "b.bin", {3, 4});
    PutFloats(folder / "c.bin", {5, 6});
    const std::vector<std::filesystem::path> files = {folder / "a.bin", folder / "b.bin", folder / "c.bin"};
    std::vector<unsigned char> target;
    ReadBatch(files, {0, 3}, 3, 8, target);
    CHECK((FloatsOf(target) == std::vector<float>{1, 2, 3, 4, 5, 6}));
    ReadBatch(files, {1, 2}, 4, 8, target);
    CHECK((FloatsOf(target) == std::vector<float>{3, 4, 5, 6, 5, 6, 5, 6}));
}

TEST(AWrongPictureIsNamed) {
    const TemporaryFolder folder;
    PutFloats(folder / "a.bin", {1, 2, 3});
    std::vector<unsigned char> target;
    const auto [status, text] = ErrorOf([&] { ReadBatch({folder / "a.bin"}, {0, 1}, 1, 8, target); });
    CHECK(status == Exit::kPictureSize && Contains(text, "a.bin"));
    CHECK(ErrorOf([&] { ReadBatch({folder / "a.bin"}, {0, 1}, 1, std::size_t{1} << 60, target); }).first ==
          Exit::kPictureSize);  // no memory is taken for it
}

TEST_MAIN()
