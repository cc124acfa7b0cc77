#include <algorithm>
#include <condition_variable>
#include <exception>
#include <future>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>

#include "inspect/pipeline.h"

namespace fastflow {

// A thread with a model, which waits for work.
class Devices::Worker {
  public:
    Worker(const Options& options, std::uint32_t device_id) : options_(options) {
        options_.device_id = device_id;
        thread_ = std::thread([this] { Work(); });
    }
    ~Worker() {
        Put({}, true);
        thread_.join();
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Waits until the model is loaded, and throws what went wrong.
    void WaitForModel(NetworkShape& shape, std::vector<PictureSpec>& outputs) {
        std::tie(shape, outputs) = loaded_.get_future().get();
    }
    void Put(std::function<void(Model&)> work, bool last) {
        const std::lock_guard lock(mutex_);
        work_ = std::move(work);
        last_ = last;
        changed_.notify_all();
    }
    void Wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !work_; });
    }

  private:
    void Work() {
        std::unique_ptr<Model> model;
        try {
            model = LoadModel(options_);
            const std::vector<unsigned char> zeros(model->batch() * model->input().bytes());
            for (int i = 0; i < std::max(options_.warmup, 1); ++i) model->Predict(zeros);
            loaded_.set_value({ShapeOf(*model), model->outputs()});
        } catch (...) {
            loaded_.set_exception(std::current_exception());
            return;
        }
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return work_ || last_; });
            if (!work_) return;
            lock.unlock();
            work_(*model);
            lock.lock();
            work_ = nullptr;
            changed_.notify_all();
        }
    }

    Options options_;
    std::promise<std::pair<NetworkShape, std::vector<PictureSpec>>> loaded_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void(Model&)> work_;
    bool last_ = false;
    std::thread thread_;  // the last: it uses the others
};

Devices::Devices(const Options& options) {
    const auto& ids = options.pictures.device_ids;
    if (ids.empty()) threads_.push_back(std::make_unique<Worker>(options, options.device_id));
    for (const std::uint32_t id : ids) threads_.push_back(std::make_unique<Worker>(options, id));
    for (const auto& worker : threads_) worker->WaitForModel(shape_, outputs_);
}

Devices::~Devices() = default;

void Devices::Start(const std::function<void(Model&)>& work) {
    for (const auto& worker : threads_) worker->Put(work, false);
}

void Devices::Wait() {
    for (const auto& worker : threads_) worker->Wait();
}

}  // namespace fastflow
