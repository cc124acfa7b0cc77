#include "text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace fastflow {
namespace {

constexpr std::uint32_t kLoneSurrogates = 0xdc00;  // Python's surrogateescape: 0xdc00 + the byte
constexpr std::uint32_t kAstral = 0x10000;         // from here on, UTF-16 has two units

// The code point that begins at `at`, which is moved behind it; of a byte that begins none, its surrogate.
std::uint32_t Next(const std::string& text, std::size_t& at) {
    const auto byte = [&text](std::size_t place) -> std::uint32_t {
        return place < text.size() ? static_cast<unsigned char>(text[place]) : 0U;
    };
    const std::uint32_t first = byte(at++);
    if (first < 0x80) return first;
    const std::size_t more = first >= 0xf0 && first < 0xf8 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0;
    if (more == 0 || first >= 0xf8) return kLoneSurrogates + first;
    constexpr std::array<std::uint32_t, 4> kLeast = {0, 0x80, 0x800, kAstral};  // of so many further bytes
    std::uint32_t point = first & (0x3fU >> more);
    for (std::size_t i = 0; i < more; ++i) {
        if ((byte(at + i) & 0xc0U) != 0x80U) return kLoneSurrogates + first;
        point = point << 6 | (byte(at + i) & 0x3fU);
    }
    const bool is_surrogate = point >= 0xd800 && point < 0xe000;
    if (point < kLeast.at(more) || point > 0x10ffff || is_surrogate) return kLoneSurrogates + first;
    at += more;
    return point;
}

// Whether Python would not print it: controls, formats, spaces other than the plain one, surrogates, private
// use. Letters that no Unicode version has yet are printed.
bool IsHidden(std::uint32_t point) {
    constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 15> kHidden = {{{0, 0x1f},
                                                                                  {0x7f, 0xa0},
                                                                                  {0xad, 0xad},
                                                                                  {0x600, 0x605},
                                                                                  {0x61c, 0x61c},
                                                                                  {0x1680, 0x1680},
                                                                                  {0x180e, 0x180e},
                                                                                  {0x2000, 0x200f},
                                                                                  {0x2028, 0x202f},
                                                                                  {0x205f, 0x206f},
                                                                                  {0x3000, 0x3000},
                                                                                  {0xd800, 0xf8ff},
                                                                                  {0xfeff, 0xfeff},
                                                                                  {0xfff0, 0xfffb},
                                                                                  {0xe0000, 0x10ffff}}};
    return std::any_of(kHidden.begin(), kHidden.end(),
                       [point](const auto& range) { return point >= range.first && point <= range.second; });
}

// A backslash, a letter, and so many hexadecimal digits.
std::string Escaped(char letter, int digits, std::uint32_t value) {
    std::string text = {'\\', letter};
    for (int digit = digits - 1; digit >= 0; --digit) text += "0123456789abcdef"[value >> 4 * digit & 0xfU];
    return text;
}

std::string InAscii(std::uint32_t point) {
    if (point == '\n') return "\\n";
    if (point == '\r') return "\\r";
    if (point == '\t') return "\\t";
    if (point < 0x100) return Escaped('x', 2, point);
    return point < kAstral ? Escaped('u', 4, point) : Escaped('U', 8, point);
}

}  // namespace

std::string OneLine(const std::string& text) {
    std::string line = text;
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    std::replace_if(line.begin(), line.end(), is_control, ' ');
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line.empty() ? "no reason given" : line;
}

std::string Shown(const std::string& text) {
    std::string shown;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t begin = at;
        const std::uint32_t point = Next(text, at);
        shown += IsHidden(point) ? InAscii(point) : text.substr(begin, at - begin);
    }
    return shown;
}

std::string JsonString(const std::string& text) {
    std::string json = "\"";
    for (std::size_t at = 0; at < text.size();) {
        const std::uint32_t point = Next(text, at);
        if (point == '"' || point == '\\') {
            json += {'\\', static_cast<char>(point)};
        } else if (point == '\n' || point == '\r' || point == '\t') {
            json += InAscii(point);
        } else if (point >= 0x20 && point < 0x7f) {
            json += static_cast<char>(point);
        } else if (point < kAstral) {
            json += Escaped('u', 4, point);
        } else {
            json += Escaped('u', 4, 0xd800 + ((point - kAstral) >> 10));
            json += Escaped('u', 4, 0xdc00 + ((point - kAstral) & 0x3ffU));
        }
    }
    return json + "\"";
}

std::string Number(double value) {
    std::array<char, 40> text{};
    int length = 0;
    for (int digits = 15; digits <= 17; ++digits) {
        length = std::snprintf(text.data(), text.size(), "%.*g", digits, value);
        if (std::strtod(text.data(), nullptr) == value) break;
    }
    std::string number(text.data(), static_cast<std::size_t>(length));
    if (number.find_first_not_of("-0123456789") == std::string::npos) number += ".0";
    return number;
}

}  // namespace fastflow
