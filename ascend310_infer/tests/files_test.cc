#include "files.h"

#include "check.h"
#include "temporary_folder.h"

using namespace fastflow;
using namespace fastflow::test;
namespace fs = std::filesystem;

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
    std::vector<unsigned char> target(8);
    ReadPicture(folder / "a.bin", 8, target.data());
    CHECK((FloatsOf(target) == std::vector<float>{1.5F, -2.0F}));
}

TEST(APictureOfAnotherSizeIsRefused) {
    const TemporaryFolder folder;
    PutFloats(folder / "a.bin", {1, 2});
    Put(folder / "odd.bin", "1234567");
    std::vector<unsigned char> target(12);
    for (const std::size_t size : {4U, 12U}) {
        const auto [status, text] = ErrorOf([&] { ReadPicture(folder / "a.bin", size, target.data()); });
        CHECK(status == Exit::kPictureSize && Contains(text, "has 8 bytes") && Contains(text, "a.bin"));
    }
    CHECK(ErrorOf([&] { ReadPicture(folder / "odd.bin", 8, target.data()); }).first == Exit::kPictureSize);
    CHECK(ErrorOf([&] { ReadPicture(folder / "none.bin", 8, target.data()); }).first == Exit::kDataset);
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

TEST_MAIN()
