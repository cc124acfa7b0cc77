// The threads of the kernels: one pool per process, which oneDNN uses too.
#pragma once

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>

#include "oneapi/dnnl/dnnl_threadpool_iface.hpp"

#ifdef _LIBCPP_VERSION
#error "std::function goes to MindSpore's oneDNN, which has that of libstdc++: compile with -stdlib=libstdc++"
#endif

namespace fastflow {

// As many threads as the process may use cores, the calling thread among them. They run one loop at a time,
// so callers hold the lock of `Call`. The loops' bodies must not throw.
class Threads final : public dnnl::threadpool_interop::threadpool_iface {
  public:
    static Threads& All() {
        static Threads* threads = new Threads();  // never destroyed: workers run until the process ends
        return *threads;
    }

    int get_num_threads() const override { return threads_; }
    bool get_in_parallel() const override { return Working(); }
    std::uint64_t get_flags() const override { return 0; }  // none: parallel_for returns when all is done
    void wait() override {}

    void parallel_for(int count, const std::function<void(int, int)>& body) override {
        if (count <= 1 || Working()) {
            for (int i = 0; i < count; ++i) body(i, count);
            return;
        }
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            body_ = &body;
            items_ = count;
            next_ = 0;
            ++loop_;
        }
        started_.notify_all();
        Work();
        Spin([this] { return busy_ == 0; });
        std::unique_lock<std::mutex> lock(mutex_);
        finished_.wait(lock, [this] { return busy_ == 0; });
        body_ = nullptr;  // not earlier: a worker may have taken an index and not have called the body yet
    }

    // Calls body(i) for every i from 0 to count - 1; each thread takes contiguous parts.
    void Each(std::int64_t count, const std::function<void(std::int64_t)>& body) {
        const int parts = static_cast<int>(std::min<std::int64_t>(count, threads_ * 4));
        parallel_for(parts, [&](int part, int of) {
            for (std::int64_t i = count * part / of; i < count * (part + 1) / of; ++i) body(i);
        });
    }

    // Calls body(i, part) for every i from 0 to count - 1, where a thread is free. Parts are numbered from 0,
    // there are at most as many as threads, and of one part there is one call at a time: it can have memory
    // of its own.
    void Share(std::int64_t count, const std::function<void(std::int64_t, int)>& body) {
        std::atomic<std::int64_t> next{0};
        parallel_for(static_cast<int>(std::min<std::int64_t>(count, threads_)), [&](int part, int) {
            for (std::int64_t i = next++; i < count; i = next++) body(i, part);
        });
    }

  private:
    Threads() : threads_(Cores()) {
        try {
            for (int i = 1; i < threads_; ++i) std::thread([this] { Serve(); }).detach();
        } catch (const std::system_error&) {
            // The system allows no more threads: those that were started do the work.
        }
    }

    // How many cores a container's share of their time makes, where it has such a share (cgroup v2).
    static int CoresOfQuota(int otherwise) {
        std::ifstream file("/sys/fs/cgroup/cpu.max");  // microseconds, or "max", and of how many
        double time = 0, period = 0;
        if (!(file >> time >> period) || time <= 0 || period <= 0) return otherwise;
        return static_cast<int>(std::min<double>(std::ceil(time / period), otherwise));
    }

    static int Cores() {
        cpu_set_t allowed;
        CPU_ZERO(&allowed);
        const bool known = sched_getaffinity(0, sizeof(allowed), &allowed) == 0;
        const int cores = known ? CPU_COUNT(&allowed) : static_cast<int>(std::thread::hardware_concurrency());
        return CoresOfQuota(std::max(1, cores));
    }

    static bool& Working() {
        static thread_local bool flag = false;
        return flag;
    }

    void Work() {
        Working() = true;
        for (int i = next_++; i < items_; i = next_++) (*body_)(i, items_);
        Working() = false;
    }

    // Looks for a while whether something has happened. To be woken takes as long as a small loop, and one
    // follows the other.
    template <typename Condition>
    static void Spin(const Condition& happened) {
        constexpr int kLooks = 2000;  // tens of microseconds
        for (int i = 0; i < kLooks && !happened(); ++i) __builtin_ia32_pause();
    }

    void Serve() {
        std::uint64_t seen = 0;
        for (;;) {
            Spin([&] { return loop_ != seen; });
            std::unique_lock<std::mutex> lock(mutex_);
            started_.wait(lock, [&] { return loop_ != seen; });
            seen = loop_;
            if (body_ == nullptr) continue;
            ++busy_;
            lock.unlock();
            Work();
            lock.lock();
            --busy_;
            finished_.notify_one();
        }
    }

    const int threads_;
    std::mutex mutex_;
    std::condition_variable started_, finished_;
    const std::function<void(int, int)>* body_ = nullptr;
    std::atomic<int> next_{0};
    int items_ = 0;
    std::atomic<std::uint64_t> loop_{0};  // changes under the lock, as the next does
    std::atomic<int> busy_{0};
};

}  // namespace fastflow
