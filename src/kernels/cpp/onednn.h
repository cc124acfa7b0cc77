// oneDNN as MindSpore's wheel brings it: engine, stream, memory formats and buffers.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "oneapi/dnnl/dnnl.hpp"

namespace fastflow {

using Shape = dnnl::memory::dims;
using Format = dnnl::memory::desc;

// What is prepared for one set of shapes, made when it is first asked for, and kept, in a map for each place
// that calls this. A `Call` must be alive.
template <typename Prepared, typename Make>
const Prepared& prepared(const std::vector<Shape>& shapes, const Make& make) {
    static auto* known = new std::map<std::vector<Shape>, Prepared>;
    auto found = known->find(shapes);
    if (found == known->end()) found = known->emplace(shapes, make()).first;
    return found->second;
}

dnnl::engine& engine();
dnnl::stream& stream();

// A format as MindSpore has it: dense, row by row.
Format plain(const Shape& shape);

// The first channels of (B, C, H, W).
Format first_channels(const Shape& shape, int64_t channels);

// Whatever format oneDNN computes fastest with.
Format any_format(const Shape& shape);

// One call of a kernel. While it lives, no other call runs in this process. Its buffers are kept for the next
// one: as many as a call needs, each as large as the largest so far.
class Call {
  public:
    Call() : lock_(mutex_) {}

    dnnl::memory buffer(const Format& format);

    // The same values in another format; the memory itself if it has that.
    dnnl::memory in_format(const dnnl::memory& values, const Format& format);

  private:
    static std::mutex mutex_;
    static std::vector<dnnl::memory>& buffers_;

    std::lock_guard<std::mutex> lock_;
    size_t used_ = 0;
};

// oneDNN's memory knows no const.
dnnl::memory wrap(const Format& format, const void* values);
void copy(dnnl::memory from, dnnl::memory to);
void add(dnnl::memory from, dnnl::memory to);

}  // namespace fastflow
