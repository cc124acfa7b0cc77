// The options of the route from plain pictures to verdicts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fastflow {

struct PictureOptions {
    std::string pictures;                   // a folder, or one picture; empty: the .bin route
    std::string description;                // the model's; empty: MODEL.json
    std::string roi;                        // a mask, or a folder of masks; empty: the model's
    std::vector<std::uint32_t> device_ids;  // empty: --device_id
    std::optional<std::size_t>
        readers;                   // threads that decode; 0: nothing overlaps; none: as many as processors
    std::optional<int> bit_depth;  // of 16-bit files; none: the model's, or what they use
    double max_megapixels = 500;
    long min_area = 0;
    bool heat_maps = false;
};

// Whether an option is one of these; if so, it is set. Throws Error(kUsage) on a bad value.
bool SetPictureOption(PictureOptions& options, const std::string& name, const std::string& value);

// Their part of --help.
std::string PictureHelp();

}  // namespace fastflow
