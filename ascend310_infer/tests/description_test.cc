#include "description.h"

#include "check.h"
#include "temporary_folder.h"

using namespace fastflow;
using namespace fastflow::test;

namespace {

const std::string kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // of "abc"

std::string Quoted(const std::string& text) { return '"' + text + '"'; }

}  // namespace

TEST(TheDigestIsFound) {
    const std::string tail = R"(, "shape": [1, {"file_sha256": "x"}], "name": "a\"}\\"})";
    CHECK(FindDigest("{\"file_sha256\": " + Quoted(kAbc) + tail, "x.json") == kAbc);
    CHECK(FindDigest(R"({"a": "file_sha256", "file_sha256" : null)" + tail, "x.json") == std::nullopt);
    CHECK(FindDigest("{}\n", "x.json") == std::nullopt);
}

TEST(WhatIsNoDescriptionIsNamed) {
    const std::string digest = "\"file_sha256\": " + Quoted(kAbc);
    for (const std::string& json :
         {std::string(), std::string("[]"), std::string("{"), std::string("{]"), std::string("{} x"),
          "{" + digest, "{" + digest + ", " + digest + "}", std::string(R"({"file_sha256": 3})"),
          std::string(R"({"a)"), std::string(R"({"a\)"), std::string(R"({"file_sha256": "abc"})"),
          std::string(R"({"file_sha256": )")}) {
        const auto [status, text] = ErrorOf([&json = json] { FindDigest(json, "x.json"); });
        CHECK(status == Exit::kModelFile && Contains(text, "x.json, is damaged"));
    }
}

TEST(AModelHasTheDigestOfItsDescription) {
    const TemporaryFolder folder;
    Put(folder / "model", "abc");
    Put(folder / "model.json", "{\"file_sha256\": " + Quoted(kAbc) + "}");
    CHECK(CheckDigest(folder / "model").empty());
    Put(folder / "model", "abd");
    const auto [status, text] = ErrorOf([&] { CheckDigest(folder / "model"); });
    CHECK(status == Exit::kModelFile && Contains(text, "is not the file that") &&
          Contains(text, "model.json"));
}

TEST(WithoutADigestThereIsAWarning) {
    const TemporaryFolder folder;
    Put(folder / "model", "abc");
    CHECK(
        Contains(CheckDigest(folder / "model"), "has no " + (folder / "model.json").string() + " beside it"));
    Put(folder / "model.json", "{}");
    CHECK(Contains(CheckDigest(folder / "model"), "has no digest in"));
    std::filesystem::remove(folder / "model.json");
    std::filesystem::create_directory(folder / "model.json");
    CHECK(ErrorOf([&] { CheckDigest(folder / "model"); }).first == Exit::kModelFile);
}

TEST_MAIN()
