#include <algorithm>

#include "threads.h"
#include "winograd.h"

namespace fastflow {
namespace {

constexpr std::int64_t kBlocksAtOnce = 8;  // input blocks whose sums stay in a core's cache

// One call of `WinogradConvolution::WeightGradient`. The tiles are taken in chunks, so that a chunk's
// transforms stay in the caches. Of each chunk all is transformed first; then the products are summed, by
// pairs of output blocks and ranges of input blocks, whose sums are added up chunk by chunk.
class WeightGradientPass {
  public:
    WeightGradientPass(const WinogradConvolution& convolution, const float* x, const float* dy)
        : convolution_(convolution),
          kernels_(*convolution.kernels),
          blocks_(convolution.Blocks(convolution.inputs)),
          pairs_(convolution.Pairs(convolution.outputs)),
          x_(x),
          dy_(dy) {
        const std::int64_t all = (convolution.grid.Count() + kernels_.rows - 1) / kernels_.rows;
        panels_ = std::min<std::int64_t>(all, (kernels_.tile == 4 ? 132 : 264) / kernels_.rows);
        chunks_ = (all + panels_ - 1) / panels_;
        inputs_stride_ = WinogradConvolution::Stride(panels_ * kernels_.rows, blocks_ * kernels_.lanes);
        gradients_stride_ = WinogradConvolution::Stride(panels_ * kernels_.rows, 2 * kernels_.lanes);
        const std::int64_t threads = Threads::All().get_num_threads(), wanted = 4 * threads;  // tasks
        const std::int64_t ranges =
            std::max((wanted + pairs_ - 1) / pairs_, (blocks_ + kBlocksAtOnce - 1) / kBlocksAtOnce);
        range_ = (blocks_ + std::min(ranges, blocks_) - 1) / std::min(ranges, blocks_);
        ranges_ = (blocks_ + range_ - 1) / range_;
        sums_stride_ = WinogradConvolution::Stride(range_ * kernels_.lanes, 2 * kernels_.lanes);
    }

    void Run(Call& call, float* dweights, float* dbias) {
        Threads& threads = Threads::All();
        const bool keep = chunks_ > 1;  // each task's sums, from chunk to chunk
        inputs_ = call.Floats(kernels_.points * inputs_stride_);
        gradients_ = call.Floats(pairs_ * kernels_.points * gradients_stride_);
        bias_sums_ = call.Floats(panels_ * BiasSize());
        sums_ = call.Floats((keep ? pairs_ * ranges_ : threads.get_num_threads()) * kernels_.points *
                            sums_stride_);
        const Filters<float> filters = {dweights, convolution_.outputs, convolution_.inputs, false};
        for (std::int64_t chunk = 0; chunk < chunks_; ++chunk) {
            const std::int64_t count = Tiles(chunk, 0, panels_).count;
            const std::int64_t panels = (count + kernels_.rows - 1) / kernels_.rows;
            threads.Share(2 * panels, [&](std::int64_t i, int) {
                i % 2 == 0 ? TransformInput(chunk, i / 2) : TransformGradient(chunk, i / 2);
            });
            threads.Share(pairs_ * ranges_, [&](std::int64_t task, int part) {
                float* sums = sums_ + (keep ? task : part) * kernels_.points * sums_stride_;
                const std::int64_t pair = task / ranges_, first = task % ranges_ * range_;
                const std::int64_t blocks = std::min(range_, blocks_ - first);
                Multiply(pair, first, blocks, panels, sums, chunk > 0);
                if (chunk + 1 == chunks_)
                    kernels_.transform_weight_gradient({sums, sums_stride_}, pair, first, blocks, filters);
            });
        }
        for (std::int64_t c = 0; c < convolution_.outputs; ++c) {
            double sum = 0;
            for (std::int64_t panel = 0; panel < panels_; ++panel) sum += bias_sums_[panel * BiasSize() + c];
            dbias[c] = static_cast<float>(sum);
        }
    }

  private:
    [[nodiscard]] std::int64_t BiasSize() const { return pairs_ * 2 * kernels_.lanes; }

    // The tiles of some panels of a chunk.
    [[nodiscard]] TileRange Tiles(std::int64_t chunk, std::int64_t panel, std::int64_t panels) const {
        const std::int64_t first = (chunk * panels_ + panel) * kernels_.rows;
        return {first, std::min(panels * kernels_.rows, convolution_.grid.Count() - first)};
    }

    void TransformInput(std::int64_t chunk, std::int64_t panel) const {
        float* to = inputs_ + panel * blocks_ * kernels_.rows * kernels_.lanes;
        kernels_.transform_input(convolution_.grid, {x_, blocks_, 0, blocks_}, Tiles(chunk, panel, 1),
                                 {to, inputs_stride_});
    }

    void TransformGradient(std::int64_t chunk, std::int64_t panel) const {
        const std::int64_t blocks = convolution_.Blocks(convolution_.outputs);
        for (std::int64_t pair = 0; pair < pairs_; ++pair) {
            float* to = Gradients(pair) + panel * kernels_.rows * 2 * kernels_.lanes;
            const std::int64_t width = convolution_.BlocksInPair(convolution_.outputs, pair);
            kernels_.transform_gradient(convolution_.grid, {dy_, blocks, pair * 2, width},
                                        Tiles(chunk, panel, 1), {to, gradients_stride_},
                                        bias_sums_ + panel * BiasSize() + pair * 2 * kernels_.lanes,
                                        chunk > 0);
        }
    }

    void Multiply(std::int64_t pair, std::int64_t first, std::int64_t blocks, std::int64_t panels,
                  float* sums, bool add) const {
        const std::int64_t panel_stride = blocks_ * kernels_.rows * kernels_.lanes;
        const std::int64_t width = convolution_.BlocksInPair(convolution_.outputs, pair);
        for (std::int64_t point = 0; point < kernels_.points; ++point) {
            const float* gradients = Gradients(pair) + point * gradients_stride_;
            for (std::int64_t block = 0; block < blocks; ++block) {
                const float* inputs =
                    inputs_ + point * inputs_stride_ + (first + block) * kernels_.rows * kernels_.lanes;
                float* to = sums + point * sums_stride_ + block * kernels_.lanes * 2 * kernels_.lanes;
                kernels_.multiply_transposed(inputs, panels, panel_stride, gradients, width, to, add);
            }
        }
    }

    [[nodiscard]] float* Gradients(std::int64_t pair) const {
        return gradients_ + pair * kernels_.points * gradients_stride_;
    }

    const WinogradConvolution& convolution_;
    const WinogradKernels& kernels_;
    const std::int64_t blocks_, pairs_;  // channel blocks of the input, pairs of those of the output
    const float *x_, *dy_;
    std::int64_t panels_, chunks_;  // panels of tiles in a chunk, and how many chunks there are
    std::int64_t range_, ranges_;   // input blocks in a range, and how many ranges there are
    std::int64_t inputs_stride_, gradients_stride_, sums_stride_;
    float *inputs_ = nullptr, *gradients_ = nullptr, *bias_sums_ = nullptr, *sums_ = nullptr;
};

}  // namespace

void WinogradConvolution::WeightGradient(Call& call, const float* x, const float* dy, float* dweights,
                                         float* dbias) const {
    WeightGradientPass(*this, x, dy).Run(call, dweights, dbias);
}

}  // namespace fastflow
