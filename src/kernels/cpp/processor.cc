// Which processor this is, and what runs on one without AVX2.
#include "processor.h"

#include <cmath>

#include "adam_update.h"
#include "coupling_planes.h"
#include "onednn.h"

namespace fastflow {

struct Other {
    using Vector = float __attribute__((vector_size(16)));

    static Vector MultiplyAdd(Vector a, Vector b, Vector c) { return a * b + c; }
    static Vector SquareRoot(Vector x) {
        for (int i = 0; i < 4; ++i) x[i] = std::sqrt(x[i]);
        return x;
    }
    static Vector Rounded(Vector product) { return product; }  // there is nothing to fuse it by
};

const Processor& ThisProcessor() {
    static const Processor found = [] {
        const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
        const auto supports = [&](dnnl::cpu_isa wanted) {  // a set has the bits of those that it contains
            return (static_cast<unsigned>(isa) & static_cast<unsigned>(wanted)) ==
                   static_cast<unsigned>(wanted);
        };
        if (supports(dnnl::cpu_isa::avx512_core)) return Avx512Processor();
        return supports(dnnl::cpu_isa::avx2)
                   ? Avx2Processor()
                   : Processor{Adam<Other>::Update, &CouplingPlanes<Other>::kTable, nullptr, nullptr, 8};
    }();
    return found;
}

}  // namespace fastflow
