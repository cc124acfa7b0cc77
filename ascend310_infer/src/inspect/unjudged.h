// Why nothing can be said of a picture.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace fastflow {

// Its text is the whole line that the results have of the picture. The run goes on.
class Unjudged : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// The line of a file that cannot be read.
std::string CannotRead(const std::filesystem::path& file, const std::string& reason);

}  // namespace fastflow
