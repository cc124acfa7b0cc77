#include "inspect/framing_description.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base64.h"
#include "pictures/picture.h"

namespace fastflow {
namespace {

constexpr std::int64_t kLeastTile = 16, kMostTile = 65536;  // as src/network_options.py has it
constexpr std::size_t kDigits = 64;                         // of a SHA-256
// As src/network_options.py has them.
constexpr std::array kScores{"maximum", "deviation", "log_deviation", "weighted_log_deviation"};

std::size_t SideOf(const Json& value) {
    if (!value.is_number_integer()) throw Wrong{};
    const auto side = value.get<std::int64_t>();
    if (side < kLeastTile || side > kMostTile) throw Wrong{};
    return static_cast<std::size_t>(side);
}

// Height and width: a number, or two different ones as "H,W".
std::pair<std::size_t, std::size_t> SidesOf(const Json& value) {
    if (!value.is_string()) return {SideOf(value), SideOf(value)};
    const auto text = value.get<std::string>();
    const std::size_t comma = text.find(',');
    if (comma == std::string::npos) throw Wrong{};
    const auto side = [](const std::string& digits) {
        if (digits.empty() || digits.size() > 9 ||
            digits.find_first_not_of("0123456789") != std::string::npos || digits.front() == '0') {
            throw Wrong{};
        }
        return SideOf(Json(std::stol(digits)));
    };
    const std::pair sides{side(text.substr(0, comma)), side(text.substr(comma + 1))};
    if (sides.first == sides.second) throw Wrong{};
    return sides;
}

bool FlagOf(const Json& value) {
    if (!value.is_null() && !value.is_boolean()) throw Wrong{};
    return !value.is_null() && value.get<bool>();
}

std::optional<Tiling> TilingOf(const Json& architecture) {
    const Json& overlap = AtOrNull(architecture, "overlap");
    if (!overlap.is_null() && !overlap.is_number_integer()) throw Wrong{};
    const std::int64_t least = overlap.is_null() ? 0 : overlap.get<std::int64_t>();
    if (least < 0 || least >= kMostTile) throw Wrong{};
    const Json& score = AtOrNull(architecture, "score");
    if (!score.is_null() && std::find(kScores.begin(), kScores.end(), score) == kScores.end()) {
        throw Wrong{};
    }
    const Json& tile = AtOrNull(architecture, "tile");
    if (tile.is_null()) return std::nullopt;
    const auto [height, width] = SidesOf(tile);
    const Tiling tiling{height, width, static_cast<std::size_t>(least),
                        score.is_null() || score == "maximum"};
    if (tiling.overlap >= std::min(height, width)) throw Wrong{};
    return tiling;
}

// The mask in base64.
Mask MaskIn(const std::string& text) {
    const auto content = FromBase64(text);
    if (!content) throw Wrong{};
    try {
        Mask mask = MarkedIn(Decode(*content, Part::kAll));
        if (!mask.Any()) throw Wrong{};
        return mask;
    } catch (const Unreadable&) {
        throw Wrong{};
    }
}

}  // namespace

FramingRule FramingIn(const Json& description) {
    FramingRule rule;
    const Json& hidden = AtOrNull(At(description, "input"), "hidden");
    if (!hidden.is_null() && (!hidden.is_number() || hidden != kHiddenInput)) throw Wrong{};
    const Json& text = AtOrNull(description, "roi");
    if (!text.is_null() && !text.is_string()) throw Wrong{};
    if (description.contains("architecture")) {
        const Json& architecture = description["architecture"];
        rule.keep_aspect = FlagOf(AtOrNull(architecture, "keep_aspect"));
        rule.tiling = TilingOf(architecture);
        const Json& kind = AtOrNull(architecture, "roi");
        if (kind == "one") {
            rule.roi = RoiKind::kOne;
        } else if (kind == "each") {
            rule.roi = RoiKind::kEach;
        } else if (!kind.is_null()) {
            throw Wrong{};
        }
    }
    if ((rule.roi == RoiKind::kNone) != text.is_null()) throw Wrong{};
    if (rule.roi == RoiKind::kOne) rule.mask = MaskIn(text.get<std::string>());
    if (rule.roi == RoiKind::kEach) {
        const auto digest = text.get<std::string>();
        if (digest.size() != kDigits || digest.find_first_not_of("0123456789abcdef") != std::string::npos)
            throw Wrong{};
    }
    if (hidden.is_null() == (rule.keep_aspect || rule.roi != RoiKind::kNone)) throw Wrong{};
    return rule;
}

}  // namespace fastflow
