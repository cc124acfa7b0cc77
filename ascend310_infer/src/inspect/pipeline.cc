#include "inspect/pipeline.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "inspect/one_by_one.h"
#include "inspect/ordered_queue.h"
#include "interrupt.h"

namespace fastflow {
namespace {

// One run: its queues, its threads, and the first thing that went wrong.
class Pipeline {
  public:
    Pipeline(std::size_t pictures, std::size_t readers, const Reader& reader, const Preparation& preparation,
             Devices& devices, const Speaker& speaker)
        : pictures_(pictures),
          reader_(reader),
          preparation_(preparation),
          devices_(devices),
          speaker_(speaker),
          read_(IsLarge() ? 1 : 2 * devices.shape().batch * devices.size() + readers),
          computed_(IsLarge() ? 1 : 2 * devices.size() + 2),
          said_(2 * devices.size() + 2) {
        read_.Finish(pictures);
        const std::size_t speakers = IsLarge() ? 1 : std::max<std::size_t>(1, readers / 2);
        for (std::size_t i = 0; i < readers; ++i)
            threads_.emplace_back([this] { Guard([this] { ReadAll(); }); });
        devices_.Start([this](Model& model) { Guard([this, &model] { ComputeAll(model); }); });
        for (std::size_t i = 0; i < speakers; ++i)
            threads_.emplace_back([this] { Guard([this] { SayAll(); }); });
    }
    ~Pipeline() { End(); }
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    // Hand over all results. Throws what went wrong in any thread.
    void Take(const std::function<void(std::vector<Result>)>& take) {
        while (auto results = said_.Take()) {
            EndIfAsked();
            take(std::move(*results));
        }
        End();
        if (problem_) std::rethrow_exception(problem_);
    }
    [[nodiscard]] const RunTimes& times() const { return times_; }

  private:
    // Whether what waits is as large as its picture.
    [[nodiscard]] bool IsLarge() const { return preparation_.framing().tiling.has_value(); }

    using Numbered = std::pair<std::size_t, Computed>;

    void ReadAll() {
        for (std::size_t i = next_picture_++; i < pictures_; i = next_picture_++) {
            Input input = reader_.Read(i);
            Add(times_.reading_ms, input.milliseconds);
            if (!read_.Put(i, std::move(input))) return;
        }
    }

    // The next batch and its number; nothing at the end. One device asks at a time, so that the batches are
    // the same whichever device is faster.
    std::optional<std::pair<std::size_t, std::vector<Input>>> NextBatch() {
        const std::lock_guard lock(batches_);
        std::vector<Input> inputs;
        std::size_t readable = 0;
        while (readable < PicturesAtOnce(preparation_)) {
            auto input = read_.Take();
            if (!input) break;
            if (!input->error) ++readable;
            inputs.push_back(std::move(*input));
        }
        if (!inputs.empty()) return std::pair{next_batch_++, std::move(inputs)};
        computed_.Finish(next_batch_);
        said_.Finish(next_batch_);
        return std::nullopt;
    }

    void ComputeAll(Model& model) {
        while (auto batch = NextBatch()) {
            Computed computed = Compute(model, preparation_, std::move(batch->second));
            {
                const std::lock_guard lock(sums_);
                times_.Add(computed);
            }
            if (!computed_.Put(batch->first, {batch->first, std::move(computed)})) return;
        }
    }

    void SayAll() {
        while (auto computed = computed_.Take()) {
            const auto start = Clock::now();
            auto results = speaker_.Say(computed->second);
            Add(times_.saying_ms, MillisecondsSince(start));
            if (!said_.Put(computed->first, std::move(results))) return;
        }
    }

    // Do a thread's work; what goes wrong ends the others.
    template <typename Work>
    void Guard(const Work& work) noexcept {
        try {
            work();
        } catch (...) {
            const std::lock_guard lock(sums_);
            if (!problem_) problem_ = std::current_exception();
            EndQueues();
        }
    }

    void Add(double& sum, double value) {
        const std::lock_guard lock(sums_);
        sum += value;
    }

    void EndQueues() {
        read_.End();
        computed_.End();
        said_.End();
    }

    // Let no thread wait any more, and wait for all of them.
    void End() {
        EndQueues();
        for (std::thread& thread : threads_) {
            if (thread.joinable()) thread.join();
        }
        devices_.Wait();
    }

    std::size_t pictures_;
    const Reader& reader_;
    const Preparation& preparation_;
    Devices& devices_;
    const Speaker& speaker_;
    OrderedQueue<Input> read_;
    OrderedQueue<Numbered> computed_;
    OrderedQueue<std::vector<Result>> said_;
    std::atomic<std::size_t> next_picture_{0};
    std::mutex batches_;
    std::size_t next_batch_ = 0;
    std::mutex sums_;
    RunTimes times_;
    std::exception_ptr problem_;
    std::vector<std::thread> threads_;
};

}  // namespace

void RunTimes::Add(const Computed& computed) {
    computing_ms += computed.milliseconds;
    if (!computed.views.empty()) network.Add(computed.milliseconds, computed.views.size());
}

RunTimes RunStages(std::size_t pictures, std::size_t readers, const Reader& reader,
                   const Preparation& preparation, Devices& devices, const Speaker& speaker,
                   const std::function<void(std::vector<Result>)>& take) {
    const auto start = Clock::now();
    RunTimes times;
    if (readers == 0) {
        times = RunOneByOne(pictures, reader, preparation, devices, speaker, take);
    } else {
        Pipeline pipeline(pictures, readers, reader, preparation, devices, speaker);
        pipeline.Take(take);
        times = pipeline.times();
    }
    times.seconds = MillisecondsSince(start) / 1000;
    return times;
}

}  // namespace fastflow
