#include "pictures/codecs.h"

namespace fastflow {

void InksToColours(const unsigned char* inks, std::size_t pixels, std::uint8_t* colours) {
    for (std::size_t i = 0; i < pixels; ++i) {
        const int light = 255 - inks[4 * i + 3];
        for (std::size_t channel = 0; channel < 3; ++channel) {
            const int product = inks[4 * i + channel] * light + 128;
            const int value =
                light - (((product >> 8) + product) >> 8);  // the product, divided by 255 and rounded
            colours[3 * i + channel] = static_cast<std::uint8_t>(value < 0 ? 0 : value);
        }
    }
}

}  // namespace fastflow
