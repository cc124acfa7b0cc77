// How the program fails: with one line of text and an exit status.
#pragma once

#include <stdexcept>
#include <string>

namespace fastflow {

// The exit statuses of the program. README.md and --help list them for users.
enum class Exit : int {
    kSuccess = 0,
    kInternal = 1,       // anything unexpected, for example that memory ran out
    kUsage = 2,          // an option is unknown, missing or has a bad value
    kIncomplete = 3,     // pictures have no score, as predict.py ends then; no Error is thrown
    kModelFile = 3,      // the model's file is missing, cannot be read or is not what its description tells
    kNotMindIr = 4,      // the file is not a MindIR, or this runtime cannot load it
    kModelShape = 5,     // the model's inputs or outputs are not what this program handles
    kDevice = 6,         // the device is absent or refuses the model
    kDataset = 7,        // the folder of pictures is missing or empty, or a picture cannot be read
    kPictureSize = 8,    // a picture's size is not the one that the model wants
    kOutput = 9,         // the output folder is not empty, or cannot be made or written
    kWrite = 10,         // writing a result failed, for example because the disk is full
    kPredict = 11,       // the runtime failed while computing
    kInterrupted = 130,  // a signal asked to end
};

// A failure. Its text has the three parts of the line that reports it: `error: what, where, what to do`.
class Error : public std::runtime_error {
  public:
    Error(Exit status, const std::string& text) : std::runtime_error(text), status_(status) {}
    [[nodiscard]] Exit status() const noexcept { return status_; }

  private:
    Exit status_;
};

}  // namespace fastflow
