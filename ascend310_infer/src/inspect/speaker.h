// The last stage of a run: what the network makes of pictures becomes words, numbers and heat maps.
#pragma once

#include <vector>

#include "inspect/compute.h"
#include "inspect/listing.h"
#include "inspect/model_description.h"
#include "inspect/results.h"
#include "output_folder.h"

namespace fastflow {

class Speaker {
  public:
    Speaker(const Listing& listing, const ModelDescription& description, long min_area, bool heat_maps,
            OutputFolder& folder)
        : listing_(listing),
          description_(description),
          min_area_(min_area),
          heat_maps_(heat_maps),
          folder_(folder) {}

    // What is said of pictures. Throws Error(kWrite).
    [[nodiscard]] std::vector<Result> Say(const Computed& computed) const;

  private:
    const Listing& listing_;
    const ModelDescription& description_;
    long min_area_;
    bool heat_maps_;
    OutputFolder& folder_;
};

}  // namespace fastflow
