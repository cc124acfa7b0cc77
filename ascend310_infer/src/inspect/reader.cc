#include "inspect/reader.h"

#include <new>
#include <utility>

#include "inspect/unjudged.h"
#include "statistics.h"

namespace fastflow {

void Reader::Prepare(const std::filesystem::path& file, Input& input) const {
    const Framing& framing = preparation_.framing();
    Pixels picture = ReadPixels(file, reading_, input.warning);
    input.height = picture.height;
    input.width = picture.width;
    if (framing.tiling) framing.CheckTiles(picture, file);
    input.wanted = framing.Wanted(picture, file);
    if (framing.tiling) {
        input.picture = std::move(picture);
        return;
    }
    const auto image = framing.Image(picture, input.wanted ? &*input.wanted : nullptr);
    input.wanted.reset();
    if (!framing.Shows(image)) throw Unjudged(framing.NothingSeen(file));
    input.values.resize(preparation_.shape().bytes);
    preparation_.Put(image, input.values.data());
}

Input Reader::Read(std::size_t index) const {
    const auto start = Clock::now();
    const std::filesystem::path& file = listing_.pictures[index].file;
    Input input;
    input.index = index;
    input.file = file.string();
    try {
        Prepare(file, input);
    } catch (const Unreadable& problem) {
        input.error = CannotRead(file, problem.what());
    } catch (const Unjudged& problem) {
        input.error = problem.what();
    } catch (const std::bad_alloc&) {
        input.error = "cannot read the picture " + file.string() +
                      ": there is no memory for it; reduce it, or give a lower --max_megapixels";
    }
    input.milliseconds = MillisecondsSince(start);
    return input;
}

}  // namespace fastflow
