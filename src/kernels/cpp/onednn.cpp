#include "onednn.h"

#include "oneapi/dnnl/dnnl_threadpool.h"
#include "threads.h"

namespace fastflow {

// What lasts as long as the process is never destroyed: at its end nobody knows in which order libraries go.

std::mutex Call::mutex_;
std::vector<dnnl::memory>& Call::buffers_ = *new std::vector<dnnl::memory>;

dnnl::engine& engine() {
    static auto* cpu = new dnnl::engine(dnnl::engine::kind::cpu, 0);
    return *cpu;
}

dnnl::stream& stream() {
    static auto* on_threads = [] {
        dnnl_stream_t handle = nullptr;
        dnnl::error::wrap_c_api(
            dnnl_threadpool_interop_stream_create(&handle, engine().get(), &Threads::all()),
            "no stream on the kernels' threads");
        return new dnnl::stream(handle);
    }();
    return *on_threads;
}

Format plain(const Shape& shape) {
    Shape strides(shape.size(), 1);
    for (size_t i = shape.size() - 1; i > 0; i--) strides[i - 1] = strides[i] * shape[i];
    return {shape, dnnl::memory::data_type::f32, strides};
}

Format first_channels(const Shape& shape, int64_t channels) {
    return {
        {shape[0], channels, shape[2], shape[3]}, dnnl::memory::data_type::f32, plain(shape).get_strides()};
}

Format any_format(const Shape& shape) {
    return {shape, dnnl::memory::data_type::f32, dnnl::memory::format_tag::any};
}

dnnl::memory Call::buffer(const Format& format) {
    if (used_ == buffers_.size()) buffers_.emplace_back();
    dnnl::memory& kept = buffers_[used_++];
    if (!kept || kept.get_desc().get_size() < format.get_size()) {
        const auto bytes = static_cast<dnnl::memory::dim>(format.get_size());
        kept = dnnl::memory();  // frees the smaller one first
        kept = dnnl::memory({{bytes}, dnnl::memory::data_type::u8, Shape{1}}, engine());
    }
    return wrap(format, kept.get_data_handle());
}

dnnl::memory Call::in_format(const dnnl::memory& values, const Format& format) {
    if (values.get_desc() == format) return values;
    dnnl::memory result = buffer(format);
    copy(values, result);
    return result;
}

dnnl::memory wrap(const Format& format, const void* values) {
    return {format, engine(), const_cast<void*>(values)};
}

void copy(dnnl::memory from, dnnl::memory to) { dnnl::reorder(from, to).execute(stream(), from, to); }

void add(dnnl::memory from, dnnl::memory to) {
    dnnl::post_ops sum;
    sum.append_sum(1.0F);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(sum);
    dnnl::reorder(dnnl::reorder::primitive_desc(from, to, attributes)).execute(stream(), from, to);
}

}  // namespace fastflow
