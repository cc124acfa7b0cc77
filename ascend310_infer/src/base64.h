// Bytes in a text of letters, digits, + and / (RFC 4648, section 4).
#pragma once

#include <optional>
#include <string>

namespace fastflow {

// The bytes; nothing if the text is not base64, or not all of it is.
std::optional<std::string> FromBase64(const std::string& text);

}  // namespace fastflow
