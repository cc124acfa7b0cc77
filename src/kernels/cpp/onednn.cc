#include "onednn.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

#include "oneapi/dnnl/dnnl_threadpool.h"
#include "threads.h"

namespace fastflow {

constexpr std::size_t kLargePage = 2 << 20;

// What lasts as long as the process is never destroyed: the order in which libraries are unloaded at its end
// is not known.

std::mutex Call::mutex_;
std::vector<Call::Memory>& Call::buffers_ = *new std::vector<Call::Memory>;

dnnl::engine& Engine() {
    static auto* cpu = new dnnl::engine(dnnl::engine::kind::cpu, 0);
    return *cpu;
}

dnnl::stream& Stream() {
    static auto* on_threads = [] {
        dnnl_stream_t handle = nullptr;
        dnnl::error::wrap_c_api(
            dnnl_threadpool_interop_stream_create(&handle, Engine().get(), &Threads::All()),
            "no stream on the kernels' threads");
        return new dnnl::stream(handle);
    }();
    return *on_threads;
}

Format PlainFormat(const Shape& shape) {
    Shape strides(shape.size(), 1);
    for (std::size_t i = shape.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * shape[i];
    return {shape, dnnl::memory::data_type::f32, strides};
}

Format FirstChannelsFormat(const Shape& shape, std::int64_t channels) {
    const Shape first{shape[0], channels, shape[2], shape[3]};
    return {first, dnnl::memory::data_type::f32, PlainFormat(shape).get_strides()};
}

Format AnyFormat(const Shape& shape) {
    return {shape, dnnl::memory::data_type::f32, dnnl::memory::format_tag::any};
}

void* Call::Bytes(std::size_t size) {
    if (used_ == buffers_.size()) buffers_.emplace_back();
    Memory& kept = buffers_[used_++];
    if (kept.size < size) {
        // Large buffers are whole pages of 2 MiB, where the system has such: matrices are read at many places
        // at once, more than there are entries for pages of 4 KiB.
        const std::size_t page = size < kLargePage ? 4096 : kLargePage;
        std::free(kept.data);  // the smaller one first
        kept = {};
        size = (size + page - 1) / page * page;
        kept.data = std::aligned_alloc(page, size);
        if (kept.data == nullptr) throw std::bad_alloc();
        kept.size = size;
        madvise(kept.data, size, MADV_HUGEPAGE);
    }
    return kept.data;
}

dnnl::memory Call::InFormat(const dnnl::memory& values, const Format& format) {
    if (values.get_desc() == format) return values;
    dnnl::memory result = Buffer(format);
    CopyMemory(values, result);
    return result;
}

dnnl::memory WrapMemory(const Format& format, const void* values) {
    return {format, Engine(), const_cast<void*>(values)};
}

void CopyMemory(dnnl::memory from, dnnl::memory to) { dnnl::reorder(from, to).execute(Stream(), from, to); }

void AddMemory(dnnl::memory from, dnnl::memory to) {
    dnnl::post_ops sum;
    sum.append_sum(1.0F);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(sum);
    dnnl::reorder(dnnl::reorder::primitive_desc(from, to, attributes)).execute(Stream(), from, to);
}

}  // namespace fastflow
