#include "inspect/unjudged.h"

#include "text.h"

namespace fastflow {

std::string CannotRead(const std::filesystem::path& file, const std::string& reason) {
    return "cannot read the picture " + file.string() + ": " + OneLine(reason) + "; replace or remove it";
}

}  // namespace fastflow
