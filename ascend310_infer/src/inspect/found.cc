#include "inspect/found.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "interrupt.h"
#include "text.h"

namespace fastflow {
namespace {

struct Look {
    std::optional<Header> header;  // none: it cannot be read
    std::optional<std::uint16_t> highest;
};

Look LookAtOne(const std::filesystem::path& file, const Reading& reading) {
    Look look;
    try {
        const Header header = ReadHeader(file, reading);
        if (header.deep) look.highest = HighestValue(file, reading);
        look.header = header;
    } catch (const Unreadable&) {  // the reason comes when it is decoded
    }
    return look;
}

std::string Counted(const std::vector<std::pair<std::string, std::size_t>>& counts) {
    std::string text;
    for (const auto& [name, count] : counts)
        text += (text.empty() ? "" : ", ") + Shown(name) + " " + std::to_string(count);
    return text;
}

std::string Amount(std::size_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// The lines of an object's entries, two levels deep.
template <typename Counts>
std::string Entries(const Counts& counts) {
    std::string text;
    for (const auto& [name, count] : counts) {
        text += (text.empty() ? "\n      " : ",\n      ") + JsonString(name) + ": " + std::to_string(count);
    }
    return text.empty() ? "{}" : "{" + text + "\n    }";
}

}  // namespace

Found LookAt(const Listing& listing, std::optional<int> bit_depth, double max_megapixels,
             std::size_t threads) {
    std::vector<Look> looks(listing.pictures.size());
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t i = next++; i < looks.size() && !IsAskedToEnd(); i = next++) {
            looks[i] = LookAtOne(listing.pictures[i].file, {16, max_megapixels});
        }
    };
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
    for (std::thread& other : others) other.join();
    EndIfAsked();

    Found found;
    found.pictures = looks.size();
    found.passed_over = listing.passed_over;
    for (std::size_t i = 0; i < looks.size(); ++i) {
        const PictureFile& picture = listing.pictures[i];
        const std::string suffix = SuffixOf(picture.file).empty() ? "without ending" : SuffixOf(picture.file);
        const auto same = [&suffix](const auto& type) { return type.first == suffix; };
        auto type = std::find_if(found.types.begin(), found.types.end(), same);
        if (type == found.types.end()) type = found.types.insert(type, {suffix, 0});
        ++type->second;
        if (IsNamedAsMask(picture.file)) found.named_as_masks.push_back(picture.name);
        if (!looks[i].header) {
            ++found.unreadable;
            continue;
        }
        const Header& header = *looks[i].header;
        ++found.sizes[{header.width * header.height,
                       std::to_string(header.width) + "x" + std::to_string(header.height)}];
        if (!looks[i].highest) continue;
        ++found.deep;
        found.highest = std::max(found.highest.value_or(0), *looks[i].highest);
    }
    std::stable_sort(found.types.begin(), found.types.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    if (found.highest) found.bit_depth = bit_depth.value_or(DepthOf(*found.highest));
    return found;
}

std::string Found::Lines() const {
    std::string text = "found " + Amount(pictures, "picture") + ": " + Counted(types);
    if (sizes.size() == 1) text += "; " + sizes.begin()->first.second;
    if (sizes.size() > 1) {
        text += "; " + sizes.begin()->first.second + " to " + sizes.rbegin()->first.second + " (" +
                std::to_string(sizes.size()) + " sizes)";
    }
    const std::size_t shallow = pictures - unreadable - deep;
    if (shallow > 0 && deep > 0) {
        text += "; " + std::to_string(shallow) + " of 8 bits, " + std::to_string(deep) + " of 16 bits";
    } else if (shallow + deep > 0) {
        text += deep > 0 ? "; 16 bits" : "; 8 bits";
    }
    if (unreadable > 0) text += "; " + std::to_string(unreadable) + " unreadable";
    std::size_t others = 0;
    for (const auto& kind : passed_over) others += kind.second;
    if (others > 0) {
        text += "; " + Amount(others, "file") +
                " passed over: " + Counted({passed_over.begin(), passed_over.end()});
    }
    text += "\n";
    if (bit_depth) {
        const unsigned most = (1U << static_cast<unsigned>(*bit_depth)) - 1U;
        text += "values of 16-bit files are read as " + std::to_string(*bit_depth) + " bits, 0 to " +
                std::to_string(most) + ": the highest is " + std::to_string(*highest) +
                (*highest > most ? ", and what is above becomes white\n" : "\n");
    }
    if (!named_as_masks.empty()) {
        text +=
            "warning: " + Amount(named_as_masks.size(), "picture") +
            " named as a mask, with no picture of the rest of the name beside it, and read as a picture; the "
            "first: " +
            Shown(named_as_masks.front()) + "\n";
    }
    return text;
}

std::string Found::Json() const {
    std::vector<std::pair<std::string, std::size_t>> by_size;
    for (const auto& [size, count] : sizes) by_size.emplace_back(size.second, count);
    std::vector<std::pair<std::string, std::size_t>> bits;
    if (pictures > unreadable + deep) bits.emplace_back("8", pictures - unreadable - deep);
    if (deep > 0) bits.emplace_back("16", deep);
    std::string masks;
    for (const std::string& name : named_as_masks) {
        masks += (masks.empty() ? "\n      " : ",\n      ") + JsonString(name);
    }
    const std::string end = ",\n    ";
    return "{\n    \"pictures\": " + std::to_string(pictures) + end + "\"masks\": 0" + end +
           "\"unreadable\": " + std::to_string(unreadable) + end + "\"types\": " + Entries(types) + end +
           "\"sizes\": " + Entries(by_size) + end + "\"bits\": " + Entries(bits) + end +
           "\"bit_depth\": " + (bit_depth ? std::to_string(*bit_depth) : "null") + end +
           "\"highest\": " + (highest ? std::to_string(*highest) : "null") + end +
           "\"passed_over\": " + Entries(passed_over) + end +
           "\"named_as_masks\": " + (masks.empty() ? "[]" : "[" + masks + "\n    ]") + "\n  }";
}

}  // namespace fastflow
