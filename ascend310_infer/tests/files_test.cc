#include "files.h"

#include <algorithm>

#include "check.h"
#include "temporary_folder.h"

using namespace fastflow;
using namespace fastflow::test;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> Names(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

TEST(PicturesAreSorted) {
    const TemporaryFolder folder;
    for (const char* name : {"b.bin", "a.bin", "a.b.bin", "10.bin", "9.bin", "notes.txt", "x.bin.partial"}) {
        Put(folder / name, "");
    }
    fs::create_directory(folder / "folder.bin");
    std::vector<std::string> names;
    for (const auto& file : ListPictures(folder.path())) names.push_back(file.filename().string());
    CHECK((names == std::vector<std::string>{"10.bin", "9.bin", "a.b.bin", "a.bin", "b.bin"}));
}

TEST(AMissingOrEmptyFolderIsNamed) {
    const TemporaryFolder folder;
    const auto empty = ErrorOf([&] { ListPictures(folder.path()); });
    CHECK(empty.first == Exit::kDataset && Contains(empty.second, folder.path().string()));
    const auto missing = ErrorOf([&] { ListPictures(folder / "none"); });
    CHECK(missing.first == Exit::kDataset && Contains(missing.second, "No such file"));
    Put(folder / "file", "");
    CHECK(ErrorOf([&] { ListPictures(folder / "file"); }).first == Exit::kDataset);
}

TEST(APictureIsRead) {
    const TemporaryFolder folder;
    PutFloats(folder / "a.bin", {1.5F, -2.0F});
    std::vector<float> target(2);
    ReadPicture(folder / "a.bin", 2, target.data());
    CHECK((target == std::vector<float>{1.5F, -2.0F}));
}

TEST(APictureOfAnotherSizeIsRefused) {
    const TemporaryFolder folder;
    PutFloats(folder / "a.bin", {1, 2});
    Put(folder / "odd.bin", "1234567");
    std::vector<float> target(3);
    for (const std::size_t count : {1U, 3U}) {
        const auto [status, text] = ErrorOf([&] { ReadPicture(folder / "a.bin", count, target.data()); });
        CHECK(status == Exit::kPictureSize && Contains(text, "has 8 bytes") && Contains(text, "a.bin"));
    }
    CHECK(ErrorOf([&] { ReadPicture(folder / "odd.bin", 2, target.data()); }).first == Exit::kPictureSize);
    CHECK(ErrorOf([&] { ReadPicture(folder / "none.bin", 2, target.data()); }).first == Exit::kDataset);
}

TEST(AModelFileIsChecked) {
    const TemporaryFolder folder;
    const std::string head = std::string("\x0a\x03") + "1.1\x12\x09MindSpore";
    Put(folder / "good.mindir", head);
    CheckModelFile(folder / "good.mindir");
    CHECK(ErrorOf([&] { CheckModelFile(folder / "none.mindir"); }).first == Exit::kModelFile);
    CHECK(ErrorOf([&] { CheckModelFile(folder.path()); }).first == Exit::kModelFile);
    for (const std::string& content : {std::string(), std::string("\x0a"), std::string("PK\x03\x04 zip"),
                                       std::string("\x0a\x03") + "1.1", std::string("\x0a\x00\x12\x09", 4)}) {
        Put(folder / "bad.mindir", content);
        const auto [status, text] = ErrorOf([&] { CheckModelFile(folder / "bad.mindir"); });
        CHECK(status == Exit::kNotMindIr && Contains(text, "bad.mindir"));
    }
}

TEST(CommittedResultsStay) {
    const TemporaryFolder folder;
    {
        OutputFolder output(folder / "new/deep");
        output.Write("a.bin", "abc", 3);
        output.Write("empty.bin", nullptr, 0);
        output.Commit();
    }
    CHECK(Get(folder / "new/deep/a.bin") == "abc");
    CHECK((Names(folder / "new/deep") == std::vector<std::string>{"a.bin", "empty.bin"}));
}

TEST(UncommittedResultsGo) {
    const TemporaryFolder folder;
    fs::create_directory(folder / "old");
    {
        OutputFolder fresh(folder / "new");
        fresh.Write("a.bin", "abc", 3);
        OutputFolder old(folder / "old");
        old.Write("a.bin", "abc", 3);
        CHECK(Get(folder / "old/a.bin") == "abc");
    }
    CHECK(!fs::exists(folder / "new"));
    CHECK(fs::exists(folder / "old") && Names(folder / "old").empty());
}

TEST(AFolderInUseIsRefusedAndKept) {
    const TemporaryFolder folder;
    Put(folder / "stale.bin", "x");
    const auto used = ErrorOf([&] { OutputFolder output(folder.path()); });
    CHECK(used.first == Exit::kOutput && Contains(used.second, "not empty"));
    CHECK((Names(folder.path()) == std::vector<std::string>{"stale.bin"}));
    CHECK(ErrorOf([&] { OutputFolder output(folder / "stale.bin"); }).first == Exit::kOutput);
    CHECK(ErrorOf([&] { OutputFolder output(folder / "stale.bin/below"); }).first == Exit::kOutput);
    CHECK(ErrorOf([&] { OutputFolder output("/proc/none"); }).first == Exit::kOutput);
}

TEST(AFailedWriteIsReported) {
    const TemporaryFolder folder;
    OutputFolder output(folder / "new");
    const std::string too_long(300, 'x');
    const auto [status, text] = ErrorOf([&] { output.Write(too_long, "abc", 3); });
    CHECK(status == Exit::kWrite && Contains(text, too_long));
    CHECK(Names(folder / "new").empty());
}

TEST_MAIN()
