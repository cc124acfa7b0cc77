// Runs a FastFlow model on pictures; see HelpText or README.md.
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "error.h"
#include "file_run.h"
#include "interrupt.h"
#include "options.h"
#include "text.h"
#ifdef FASTFLOW_PICTURES
#include "inspect/picture_run.h"
#endif

namespace fastflow {
namespace {

#ifndef FASTFLOW_PICTURES
Exit RunOnPictures(const Options& /*options*/) {
    throw Error(Exit::kUsage,
                "option --pictures, this program was built without libjpeg, libpng, libtiff and "
                "nlohmann-json, install "
                "their development packages and build it again");
}
#endif

Exit Main(const std::vector<std::string>& arguments) {
    HandleSignals();
    try {
        const Options options = ParseOptions(arguments);
        if (options.help) {
            std::cout << HelpText() << std::flush;
            return Exit::kSuccess;
        }
        if (!options.pictures.pictures.empty()) return RunOnPictures(options);
        RunOnFiles(options);
        return Exit::kSuccess;
    } catch (const Error& error) {
        std::cerr << "error: " << Shown(error.what()) << "\n";
        return error.status();
    } catch (const std::exception& error) {
        std::cerr << "error: unexpected, " << OneLine(error.what()) << ", please report it\n";
        return Exit::kInternal;
    }
}

}  // namespace
}  // namespace fastflow

int main(int argc, char** argv) { return static_cast<int>(fastflow::Main({argv + 1, argv + argc})); }
