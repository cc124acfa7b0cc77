// Which processor this is, and what runs on one without AVX2.
#include "processor.h"

#include "coupling_planes.h"
#include "onednn.h"

namespace fastflow {

struct Other {};

const Processor& ThisProcessor() {
    static const Processor found = [] {
        const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
        const auto supports = [&](dnnl::cpu_isa wanted) {  // a set has the bits of those that it contains
            return (static_cast<unsigned>(isa) & static_cast<unsigned>(wanted)) ==
                   static_cast<unsigned>(wanted);
        };
        if (supports(dnnl::cpu_isa::avx512_core)) return Avx512Processor();
        return supports(dnnl::cpu_isa::avx2) ? Avx2Processor()
                                             : Processor{&CouplingPlanes<Other>::kTable, nullptr, nullptr};
    }();
    return found;
}

}  // namespace fastflow
