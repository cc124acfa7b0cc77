#include "base64.h"

#include <cstddef>
#include <cstdint>

namespace fastflow {
namespace {

constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::optional<std::string> FromBase64(const std::string& text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t digits = text.size();
    while (digits > 0 && text.size() - digits < 2 && text[digits - 1] == '=') --digits;
    const std::string known = kDigits;
    std::string bytes;
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        const std::size_t digit = known.find(text[i]);
        if (digit == std::string::npos) return std::nullopt;
        bits = bits << 6U | static_cast<std::uint32_t>(digit);
        const std::size_t ready = (i + 1) * 6 / 8;
        if (ready > bytes.size()) bytes += static_cast<char>(bits >> ((i + 1) * 6 % 8) & 0xffU);
    }
    return bytes;
}

}  // namespace fastflow
