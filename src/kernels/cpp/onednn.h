// oneDNN as MindSpore's wheel brings it: engine, stream, memory formats and buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "oneapi/dnnl/dnnl.hpp"

namespace fastflow {

using Shape = dnnl::memory::dims;
using Format = dnnl::memory::desc;

// What `make` returns for one set of shapes. It is made when it is first asked for, and then kept, in a map
// of its own for every place in the code that calls this. A `Call` must be alive.
template <typename Value, typename Make>
const Value& Cached(const std::vector<Shape>& shapes, const Make& make) {
    static auto* known = new std::map<std::vector<Shape>, Value>;
    auto found = known->find(shapes);
    if (found == known->end()) found = known->emplace(shapes, make()).first;
    return found->second;
}

dnnl::engine& Engine();
dnnl::stream& Stream();

// The format of MindSpore's tensors: dense, row by row.
Format PlainFormat(const Shape& shape);

// The first channels of a plain tensor (B, C, H, W), where they lie.
Format FirstChannelsFormat(const Shape& shape, std::int64_t channels);

// Leaves the choice to oneDNN, which takes the format it computes fastest with.
Format AnyFormat(const Shape& shape);

// Values of this format that lie at `values`; const is cast away, since oneDNN's memory does not know it.
dnnl::memory WrapMemory(const Format& format, const void* values);

// One call of a kernel. While it lives, no other call runs in this process. Its buffers are kept for the next
// call: as many as a call needs, each as large as the largest so far.
class Call {
  public:
    Call() : lock_(mutex_) {}

    // Uninitialised memory of this format.
    dnnl::memory Buffer(const Format& format) { return WrapMemory(format, Bytes(format.get_size())); }

    // Uninitialised memory for so many numbers.
    float* Floats(std::int64_t count) {
        return static_cast<float*>(Bytes(static_cast<std::size_t>(count) * sizeof(float)));
    }

    // The same values in another format; the given memory itself if it has that format already.
    dnnl::memory InFormat(const dnnl::memory& values, const Format& format);

  private:
    struct Memory {
        void* data = nullptr;
        std::size_t size = 0;
    };

    void* Bytes(std::size_t size);

    static std::mutex mutex_;
    static std::vector<Memory>& buffers_;

    std::lock_guard<std::mutex> lock_;
    std::size_t used_ = 0;
};

// Copies values into the format of `to`.
void CopyMemory(dnnl::memory from, dnnl::memory to);

// Adds values to those of `to`, in its format.
void AddMemory(dnnl::memory from, dnnl::memory to);

}  // namespace fastflow
