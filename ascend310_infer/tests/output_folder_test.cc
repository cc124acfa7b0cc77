#include "output_folder.h"

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
        CHECK(Names(folder.path()).size() == 3);  // old, and the two temporary folders
    }
    CHECK((Names(folder.path()) == std::vector<std::string>{"old"}));
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
    CHECK(!fs::exists(folder / "new"));
}

TEST(AnEmptyFolderIsFilled) {
    const TemporaryFolder folder;
    fs::create_directory(folder / "old");
    {
        OutputFolder output(folder / "old/");
        output.Write("a.bin", "abc", 3);
        output.Commit();
    }
    CHECK((Names(folder.path()) == std::vector<std::string>{"old"}));
    CHECK(Get(folder / "old/a.bin") == "abc");
}

TEST(WhatAKilledRunHasLeftIsRemoved) {
    const TemporaryFolder folder;
    fs::create_directory(folder / ".new.abcd_123.partial");
    Put(folder / ".new.abcd_123.partial/a.bin", "abc");
    fs::create_directory(folder / ".new.partial");  // not ours
    const OutputFolder living(folder / "living");
    OutputFolder output(folder / "new");
    output.Commit();
    const auto names = Names(folder.path());
    CHECK(names.size() == 3 && names[0].substr(0, 8) == ".living." && names[1] == ".new.partial");
}

TEST_MAIN()
