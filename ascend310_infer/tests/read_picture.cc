// For the tests of the Python side: reads picture files as the runner does, and writes what it sees.
//
//     read_picture BIT_DEPTH HEIGHT WIDTH FILE...
//
// Per file, on standard output: a line "<width> <height> <deep>", then HEIGHT x WIDTH x 3 bytes; or a line
// "error: ...".
#include <iostream>
#include <string>

#include "pictures/picture.h"
#include "pictures/resize.h"

int main(int argc, char** argv) {
    using namespace fastflow;
    if (argc < 5) return 2;
    const Reading reading{std::stoi(argv[1]), 500};
    for (int i = 4; i < argc; ++i) {
        try {
            const Header header = ReadHeader(argv[i], reading);
            std::string warning;
            const Pixels pixels = ReadPixels(argv[i], reading, warning);
            std::cout << pixels.width << " " << pixels.height << " " << header.deep << "\n";
            const auto values = Resized(pixels, std::stoul(argv[2]), std::stoul(argv[3]));
            for (const auto value : values) std::cout.put(static_cast<char>(value));
        } catch (const Unreadable& problem) {
            std::cout << "error: " << problem.what() << "\n";
        }
    }
    return std::cout.flush() ? 0 : 1;
}
