#include "base64.h"

#include "check.h"

using namespace fastflow;
using namespace fastflow::test;

TEST(TextsOfTheStandardBecomeBytes) {  // RFC 4648, section 10
    CHECK(FromBase64("") == "");
    CHECK(FromBase64("Zg==") == "f");
    CHECK(FromBase64("Zm8=") == "fo");
    CHECK(FromBase64("Zm9v") == "foo");
    CHECK(FromBase64("Zm9vYmFy") == "foobar");
    CHECK(FromBase64("+/8A") == std::string("\xfb\xff\0", 3));
}

TEST(WhatIsNoBase64IsRefused) {
    for (const char* text : {"Z", "Zg", "Zg=", "Zg=a", "====", "Z===", "Zm 9", "Zm9\n", "Zm-_"}) {
        CHECK(!FromBase64(text));
    }
}

TEST_MAIN()
