// What runs on a processor without AVX2, and which processor this is.
#include "coupling_planes.h"
#include "onednn.h"
#include "processor.h"

namespace fastflow {

struct Sse {
    using Vector = float __attribute__((vector_size(16)));
    using Integers = std::int32_t __attribute__((vector_size(16)));
    static constexpr int kLanes = 4;
};

const Processor& OtherProcessor() {
    static constexpr Processor processor = {CouplingPlanes<Sse>::kTable, nullptr, nullptr};
    return processor;
}

const Processor& ThisProcessor() {
    static const Processor& found = []() -> const Processor& {
        const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
        const auto supports = [&](dnnl::cpu_isa wanted) {  // a set has the bits of those that it contains
            return (static_cast<unsigned>(isa) & static_cast<unsigned>(wanted)) ==
                   static_cast<unsigned>(wanted);
        };
        if (supports(dnnl::cpu_isa::avx512_core)) return Avx512Processor();
        return supports(dnnl::cpu_isa::avx2) ? Avx2Processor() : OtherProcessor();
    }();
    return found;
}

}  // namespace fastflow
