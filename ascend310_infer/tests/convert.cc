// Converts a MindIR with the converter of MindSpore Lite's wheel, which has the library but not its program
// or header.
//
//     convert MODEL.mindir TARGET      writes TARGET.mindir
//
// For tests: the same library is behind `converter_lite` of the release.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "include/api/status.h"
#include "include/api/types.h"

namespace mindspore {
namespace converter {
enum FmkType : int { kFmkTypeMs = 3 };
}  // namespace converter

// What is used of the library's class, as its documents and its symbols have it.
class Converter {
  public:
    Converter();
    void SetSaveType(ModelType type);
    Status Convert(converter::FmkType kind, const std::vector<char>& model, const std::vector<char>& target,
                   const std::vector<char>& weights);

  private:
    std::shared_ptr<void> data_;
};
}  // namespace mindspore

namespace {

std::vector<char> Characters(const std::string& text) { return {text.begin(), text.end()}; }

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: convert MODEL.mindir TARGET\n", stderr);
        return 2;
    }
    mindspore::Converter converter;
    converter.SetSaveType(mindspore::kMindIR);
    const mindspore::Status status =
        converter.Convert(mindspore::converter::kFmkTypeMs, Characters(argv[1]), Characters(argv[2]), {});
    return status.IsOk() ? 0 : 1;
}
