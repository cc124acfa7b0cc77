// What MindSpore calls: functions of the kind that `ops.Custom(func_type="aot")` expects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#include "onednn.h"

namespace fastflow {

// The tensors of one call of a kernel. `Name` is the kernel's enum class of their names: inputs, then
// outputs, in the order in which src/kernels/cells.py passes and returns them, and kCount last.
template <typename Name>
class Tensors {
  public:
    // Throws std::invalid_argument if MindSpore hands over another number of tensors.
    Tensors(int count, void* const* values, const int* axes, const std::int64_t* const* shapes)
        : values_(values), axes_(axes), shapes_(shapes) {
        const int expected = static_cast<int>(Name::kCount);
        if (count != expected) {
            throw std::invalid_argument("got " + std::to_string(count) + " tensors instead of " +
                                        std::to_string(expected));
        }
    }

    [[nodiscard]] Shape shape(Name name) const {
        const std::int64_t* sizes = shapes_[static_cast<std::size_t>(name)];
        return {sizes, sizes + axes_[static_cast<std::size_t>(name)]};
    }
    [[nodiscard]] void* data(Name name) const { return values_[static_cast<std::size_t>(name)]; }
    [[nodiscard]] float* floats(Name name) const { return static_cast<float*>(data(name)); }
    [[nodiscard]] const std::int32_t* ints(Name name) const {
        return static_cast<const std::int32_t*>(data(name));
    }
    [[nodiscard]] dnnl::memory memory(Name name) const {
        return WrapMemory(PlainFormat(shape(name)), data(name));
    }

  private:
    void* const* values_;
    const int* axes_;
    const std::int64_t* const* shapes_;
};

// Runs the body. An exception becomes one line of text and a status that is not 0, on which MindSpore raises.
template <typename Body>
int Guarded(const char* kernel, const Body& body) {
    try {
        body();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: CPU kernel %s, %s, use --cpu_kernels off\n", kernel, error.what());
        return 1;
    }
}

}  // namespace fastflow

// Exports `body`, a function of `const Tensors<Name>&`, as the kernel `kernel`.
#define FASTFLOW_KERNEL(kernel, Name, body)                                                                \
    extern "C" int kernel(int count, void** values, int* axes, std::int64_t** shapes, const char**, void*, \
                          void*) {                                                                         \
        return ::fastflow::Guarded(#kernel,                                                                \
                                   [&] { body(::fastflow::Tensors<Name>(count, values, axes, shapes)); }); \
    }
