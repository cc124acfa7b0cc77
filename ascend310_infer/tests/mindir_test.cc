#include "mindir.h"

#include "check.h"
#include "temporary_folder.h"

using namespace fastflow;
using namespace fastflow::test;

namespace {

std::string Varint(std::uint64_t value) {
    std::string text;
    for (; value >= 0x80; value >>= 7) text += static_cast<char>((value & 0x7f) | 0x80);
    return text + static_cast<char>(value);
}

std::string Field(std::uint64_t number, const std::string& bytes) {
    return Varint(number << 3 | 2) + Varint(bytes.size()) + bytes;
}

std::string Number(std::uint64_t number, std::uint64_t value) { return Varint(number << 3) + Varint(value); }

// A tensor of float32 (type 1) of shape (rows, 2) with `bytes` bytes.
std::string Tensor(std::uint64_t rows, std::size_t bytes) {
    return Number(1, rows) + Number(1, 2) + Number(2, 1) + Field(9, std::string(bytes, 'x'));
}

std::string Model(const std::string& graph) { return Field(1, "0.1.1") + Field(7, graph); }

std::string Problem(const std::string& content) {
    const TemporaryFolder folder;
    Put(folder / "m.mindir", content);
    const auto [status, text] = ErrorOf([&] { CheckMindIr(folder / "m.mindir"); });
    CHECK(status == Exit::kNotMindIr && Contains(text, "m.mindir"));
    return text;
}

}  // namespace

TEST(WhatFitsIsAccepted) {
    const TemporaryFolder folder;
    const std::string shape_only = Field(5, Field(12, Number(1, 7) + Number(2, 1)));
    const std::string packed =
        Field(1, Varint(3) + Varint(2)) + Number(2, 1) + Field(9, std::string(24, 'x'));
    Put(folder / "m",
        Model(Field(3, Tensor(3, 24)) + Field(3, packed) + Field(1, shape_only)) + Number(13, 1));
    CheckMindIr(folder / "m");
    const auto missing = ErrorOf([&] { CheckMindIr(folder / "none"); });
    CHECK(missing.first == Exit::kModelFile);
}

TEST(LengthsThatDoNotFitAreRefused) {
    const std::string length = "length is not that of its shape";
    CHECK(Contains(Problem(Model(Field(3, Tensor(3, 23)))), length));
    CHECK(Contains(Problem(Model(Field(3, Tensor(4, 24)))), length));
    CHECK(Contains(Problem(Model(Field(3, Tensor(~0ULL, 24)))), length));             // -1
    CHECK(Contains(Problem(Model(Field(3, Tensor((1ULL << 62) + 3, 24)))), length));  // times 8 bytes: 24
    CHECK(Contains(Problem(Model(Field(1, Field(5, Field(6, Tensor(3, 8)))))), length));
    CHECK(Contains(Problem(Model(Field(1, Field(5, Field(17, Field(12, Tensor(3, 8))))))), length));
    CHECK(Contains(Problem(Model(Field(3, Number(1, 2) + Number(2, 1)))), "without values"));
}

TEST(WhatIsNotWholeIsRefused) {
    const std::string whole = Model(Field(3, Tensor(3, 24)));
    for (std::size_t size = 8; size < whole.size(); ++size) Problem(whole.substr(0, size));
    CHECK(Contains(Problem(Field(1, "0.1.1")), "no graph"));
    CHECK(Contains(Problem(whole + "\x07"), "damaged"));
    CHECK(Contains(Problem(Number(7, 1)), "another kind"));
    std::string nested;
    for (int i = 0; i < 1000; ++i) nested = Field(17, nested);
    CHECK(Contains(Problem(Model(Field(1, Field(5, nested)))), "too deeply"));
}

TEST_MAIN()
