// Texts from outside, as they are printed and written.
#pragma once

#include <string>

namespace fastflow {

// In one line: line breaks and other control characters become spaces, and spaces at the end are dropped.
// Without anything left, "no reason given".
std::string OneLine(const std::string& text);

// As a terminal, a log or a table may have it, as Python's `shown` in src/utils.py: what cannot be printed,
// and bytes that are no UTF-8, are escaped (\n, \x1b, \u200b, \udcff).
std::string Shown(const std::string& text);

// A JSON string in ASCII with its quotes, as Python's json writes it: bytes that are no UTF-8 become the lone
// surrogates by which Python knows them.
std::string JsonString(const std::string& text);

// A finite number in as few digits as give it back, as Python's repr: 0.1, 1e-07, 3.0.
std::string Number(double value);

}  // namespace fastflow
