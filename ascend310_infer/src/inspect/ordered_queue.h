// A bounded queue between the stages of a run, which keeps the order.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace fastflow {

// Items by position: whoever is ready first puts its own, and they are taken in the order of their positions.
// An item that is `capacity` or more before the next to be taken has to wait, so that memory holds no more.
// Whoever puts items must have begun them in their order, or all may wait for one that nobody makes.
template <typename Item>
class OrderedQueue {
  public:
    explicit OrderedQueue(std::size_t capacity) : capacity_(capacity) {}

    // Put an item, when there is room. Returns false if the queue was ended.
    bool Put(std::size_t position, Item item) {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [&] { return ended_ || position < next_ + capacity_; });
        if (ended_) return false;
        items_.emplace(position, std::move(item));
        filled_.notify_all();
        return true;
    }

    // Take the next item. Nothing is left if all of the `Finish`ed were taken, or the queue was ended.
    std::optional<Item> Take() {
        std::unique_lock lock(mutex_);
        filled_.wait(lock, [&] {
            return ended_ || (count_ && next_ >= *count_) ||
                   (!items_.empty() && items_.begin()->first == next_);
        });
        if (ended_ || (count_ && next_ >= *count_)) return std::nullopt;
        std::optional<Item> item(std::move(items_.begin()->second));
        items_.erase(items_.begin());
        ++next_;
        room_.notify_all();
        filled_.notify_all();
        return item;
    }

    // Say how many items there are in all.
    void Finish(std::size_t count) {
        const std::lock_guard lock(mutex_);
        count_ = count;
        filled_.notify_all();
    }

    // Let nobody wait any more.
    void End() {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        filled_.notify_all();
        room_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable room_;
    std::condition_variable filled_;
    std::map<std::size_t, Item> items_;
    std::size_t capacity_;
    std::size_t next_ = 0;
    std::optional<std::size_t> count_;
    bool ended_ = false;
};

}  // namespace fastflow
