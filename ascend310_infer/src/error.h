// How a run fails: one line of text and an exit status.
#pragma once

#include <stdexcept>
#include <string>

namespace fastflow {

// The exit statuses of the program; README.md and --help list them for users.
enum class Exit : int {
    kSuccess = 0,
    kInternal = 1,     // none of the below, such as memory that ran out
    kUsage = 2,        // an option is unknown, missing or has a bad value
    kModelFile = 3,    // the model's file is missing or cannot be read
    kNotMindIr = 4,    // the file is no MindIR, or one that this runtime cannot load
    kModelShape = 5,   // the model's inputs or outputs are not what this program handles
    kDevice = 6,       // the device is absent or refuses the model
    kDataset = 7,      // the folder of pictures is missing or empty, or a picture cannot be read
    kPictureSize = 8,  // a picture has not the size that the model wants
    kOutput = 9,       // the output folder is in use or cannot be made
    kWrite = 10,       // writing a result failed, for example because the disk is full
    kPredict = 11,     // the runtime failed while computing
};

// A failure to report as `error: what, where, what to do`; the text holds these three parts.
class Error : public std::runtime_error {
  public:
    Error(Exit status, const std::string& text) : std::runtime_error(text), status_(status) {}
    [[nodiscard]] Exit status() const noexcept { return status_; }

  private:
    Exit status_;
};

}  // namespace fastflow
