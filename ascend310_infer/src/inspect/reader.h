// The first stage of a run: files become inputs.
#pragma once

#include "inspect/input.h"
#include "inspect/listing.h"
#include "inspect/preparation.h"
#include "pictures/picture.h"

namespace fastflow {

class Reader {
  public:
    Reader(const Listing& listing, const Reading& reading, const Preparation& preparation)
        : listing_(listing), reading_(reading), preparation_(preparation) {}

    // Read a picture of the listing. Several threads may do so at the same time.
    [[nodiscard]] Input Read(std::size_t index) const;

  private:
    void Prepare(const std::filesystem::path& file, Input& input) const;

    const Listing& listing_;
    Reading reading_;
    const Preparation& preparation_;
};

}  // namespace fastflow
