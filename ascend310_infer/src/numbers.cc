#include "numbers.h"

#include <charconv>
#include <system_error>

#include "error.h"

namespace fastflow {

int ParseNumber(const std::string& name, const std::string& text, int least, int most) {
    int number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, number);
    if (problem != std::errc() || stop != end || number < least || number > most) {
        throw Error(Exit::kUsage, "option " + name + ", '" + text + "' is not a whole number from " +
                                      std::to_string(least) + " to " + std::to_string(most) + ", give one");
    }
    return number;
}

}  // namespace fastflow
