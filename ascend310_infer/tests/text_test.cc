#include "text.h"

#include "check.h"

using namespace fastflow;
using namespace fastflow::test;

TEST(AReasonIsOneLine) {
    CHECK(OneLine("no\nsuch\tthing \n") == "no such thing");
    CHECK(OneLine("\n") == "no reason given");
}

TEST(WhatCannotBePrintedIsEscaped) {
    CHECK(Shown("a b \xe5\x86\x99") == "a b \xe5\x86\x99");
    CHECK(Shown("a\nb\r\t\x1b") == "a\\nb\\r\\t\\x1b");
    CHECK(Shown("\xff\xfe.png") == "\\udcff\\udcfe.png");
    CHECK(Shown("\xe2\x80\x8b") == "\\u200b");
    CHECK(Shown("\xc0\xaf\xed\xa0\x80") ==
          "\\udcc0\\udcaf\\udced\\udca0\\udc80");  // too long, and a surrogate
    CHECK(Shown("\xf0\x9f\x98\x80") == "\xf0\x9f\x98\x80");
    CHECK(Shown("\xf0\x9f") == "\\udcf0\\udc9f");  // cut off
}

TEST(JsonIsAscii) {
    CHECK(JsonString("say \"x\" \\ \n") == R"("say \"x\" \\ \n")");
    CHECK(JsonString("\xc3\xa4\xf0\x9f\x98\x80\xff") == R"("\u00e4\ud83d\ude00\udcff")");
}

TEST(NumbersAreShortAndExact) {
    CHECK(Number(0.1) == "0.1");
    CHECK(Number(3) == "3.0");
    CHECK(Number(-1e-7) == "-1e-07");
    CHECK(Number(static_cast<double>(0.1F)) == "0.10000000149011612");
}

TEST_MAIN()
