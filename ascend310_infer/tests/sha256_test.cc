#include "sha256.h"

#include "check.h"

using namespace fastflow;

namespace {

std::string DigestOf(const std::string& text, std::size_t piece) {
    Sha256 digest;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        const std::string part = text.substr(at, piece);
        digest.Add(reinterpret_cast<const unsigned char*>(part.data()), part.size());
    }
    return digest.Finish();
}

}  // namespace

// The examples of FIPS 180-2, appendix B.
TEST(TheStandardsExamples) {
    CHECK(DigestOf("", 1) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(DigestOf("abc", 3) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const std::string two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    for (const std::size_t piece : {1U, 7U, 64U}) {
        CHECK(DigestOf(two_blocks, piece) ==
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    }
    CHECK(DigestOf(std::string(1000000, 'a'), 100003) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_MAIN()
