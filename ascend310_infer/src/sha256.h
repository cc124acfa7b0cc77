// SHA-256 (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace fastflow {

class Sha256 {
  public:
    void Add(const unsigned char* bytes, std::size_t size);
    // The digest of all that was added, as 64 hexadecimal digits. Nothing can be added after it.
    std::string Finish();

  private:
    static constexpr std::size_t kBlock = 64;

    void AddBlock(const unsigned char* block);

    std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                           0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<unsigned char, kBlock> rest_{};  // what does not fill a block yet
    std::size_t held_ = 0;                      // bytes in it
    std::uint64_t total_ = 0;                   // bytes added
};

}  // namespace fastflow
