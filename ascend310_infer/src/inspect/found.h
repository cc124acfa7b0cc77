// What the program has found before it begins, as src/data/found.py tells it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inspect/listing.h"
#include "pictures/picture.h"

namespace fastflow {

struct Found {
    std::size_t pictures = 0;
    std::size_t unreadable = 0;                              // headers
    std::vector<std::pair<std::string, std::size_t>> types;  // by ending, the most first
    std::map<std::pair<std::size_t, std::string>, std::size_t>
        sizes;                             // by area and "WxH", as they are stored
    std::size_t deep = 0;                  // of 16 bits
    std::optional<int> bit_depth;          // that values of 16-bit files are taken to use
    std::optional<std::uint16_t> highest;  // of them
    std::map<std::string, std::size_t> passed_over;
    std::vector<std::string> named_as_masks;

    // The lines for the terminal.
    [[nodiscard]] std::string Lines() const;
    // As the value of a key of a JSON's outermost object.
    [[nodiscard]] std::string Json() const;
};

// Look at the headers of all pictures with so many threads (at least 1). Those of 16 bits are decoded, for
// their highest value.
Found LookAt(const Listing& listing, std::optional<int> bit_depth, double max_megapixels,
             std::size_t threads);

}  // namespace fastflow
