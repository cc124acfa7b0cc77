// The stages at work at the same time, with bounded queues between them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "inspect/network_shape.h"
#include "inspect/reader.h"
#include "inspect/speaker.h"
#include "options.h"
#include "statistics.h"

namespace fastflow {

// A model per device. Each is loaded, and later used, by a thread of its own, in which runtimes keep what
// belongs to the device.
class Devices {
  public:
    // Load the models and let each predict `options.warmup` times, at least once. Throws what Model does.
    explicit Devices(const Options& options);
    ~Devices();
    Devices(const Devices&) = delete;
    Devices& operator=(const Devices&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return threads_.size(); }
    [[nodiscard]] const NetworkShape& shape() const noexcept { return shape_; }
    [[nodiscard]] const std::vector<PictureSpec>& outputs() const noexcept { return outputs_; }
    // Give every device this work, once. Returns at once; `Wait` waits for all. The work must not throw.
    void Start(const std::function<void(Model&)>& work);
    void Wait();

  private:
    class Worker;
    std::vector<std::unique_ptr<Worker>> threads_;
    NetworkShape shape_;
    std::vector<PictureSpec> outputs_;
};

// How a run went.
struct RunTimes {
    Stopwatch network;
    double seconds = 0;     // from the first picture read to the last result
    double reading_ms = 0;  // sums over all pictures
    double computing_ms = 0;
    double saying_ms = 0;

    // The network's times of some pictures.
    void Add(const Computed& computed);
};

// Read, compute and say all pictures; `take` gets the results, in order, in this thread. With no readers, one
// after the other. Throws Error; EndIfAsked among them.
RunTimes RunStages(std::size_t pictures, std::size_t readers, const Reader& reader,
                   const Preparation& preparation, Devices& devices, const Speaker& speaker,
                   const std::function<void(std::vector<Result>)>& take);

}  // namespace fastflow
