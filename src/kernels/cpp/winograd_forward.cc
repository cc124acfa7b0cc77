#include <algorithm>

#include "threads.h"
#include "winograd.h"

namespace fastflow {
namespace {

constexpr std::int64_t kCachedWeights = 2560 * 1024;  // floats of transformed weights that caches still hold

// One call of `WinogradConvolution::Forward`. Tiles are taken in groups, output channels in pairs of blocks.
class ForwardPass {
  public:
    ForwardPass(const WinogradConvolution& convolution, const float* x, const Filters<const float>& weights,
                const float* bias, const float* added, Bounds bounds, float* y)
        : convolution_(convolution),
          kernels_(*convolution.kernels),
          blocks_(convolution.Blocks(convolution.inputs)),
          pairs_(convolution.Pairs(convolution.outputs)),
          x_(x),
          weights_(weights),
          bias_(bias),
          added_(added),
          bounds_(bounds),
          y_(y) {
        weights_stride_ = WinogradConvolution::Stride(blocks_ * kernels_.lanes, 2 * kernels_.lanes);
        weights_are_small_ = pairs_ * WeightsSize() <= kCachedWeights;
        group_ = kernels_.rows * (weights_are_small_ && kernels_.tile == 2 ? 2 : 1);
        groups_ = (convolution.grid.Count() + group_ - 1) / group_;
        inputs_stride_ = WinogradConvolution::Stride(group_, blocks_ * kernels_.lanes);
        products_stride_ = WinogradConvolution::Stride(group_, 2 * kernels_.lanes);
    }

    void Run(Call& call) {
        Threads& threads = Threads::All();
        const std::int64_t parts = threads.get_num_threads();
        float* products = call.Floats(parts * kernels_.points * products_stride_);
        const auto products_of = [&](int part) {
            return products + part * kernels_.points * products_stride_;
        };
        if (weights_are_small_ && groups_ >= 2 * parts) {
            float* weights = call.Floats(pairs_ * WeightsSize());
            threads.Share(pairs_, [&](std::int64_t pair, int) {
                TransformWeights(pair, weights + pair * WeightsSize());
            });
            float* inputs = call.Floats(parts * InputsSize());
            threads.Share(groups_, [&](std::int64_t group, int part) {
                float* transformed = inputs + part * InputsSize();
                TransformInput(group, transformed);
                for (std::int64_t pair = 0; pair < pairs_; ++pair)
                    Multiply(group, transformed, pair, weights + pair * WeightsSize(), products_of(part));
            });
            return;
        }
        float* inputs = call.Floats(groups_ * InputsSize());
        threads.Share(groups_,
                      [&](std::int64_t group, int) { TransformInput(group, inputs + group * InputsSize()); });
        // Where there are fewer pairs than threads, several threads work at one pair, each at some groups.
        const std::int64_t shares = std::min((parts + pairs_ - 1) / pairs_, groups_);
        float* weights = call.Floats(parts * WeightsSize());
        threads.Share(pairs_ * shares, [&](std::int64_t i, int part) {
            const std::int64_t pair = i / shares, share = i % shares;
            float* transformed = weights + part * WeightsSize();
            TransformWeights(pair, transformed);
            for (std::int64_t group = groups_ * share / shares; group < groups_ * (share + 1) / shares;
                 ++group)
                Multiply(group, inputs + group * InputsSize(), pair, transformed, products_of(part));
        });
    }

  private:
    [[nodiscard]] std::int64_t WeightsSize() const { return kernels_.points * weights_stride_; }  // of a pair
    [[nodiscard]] std::int64_t InputsSize() const { return kernels_.points * inputs_stride_; }  // of a group
    [[nodiscard]] TileRange Tiles(std::int64_t group) const {
        return {group * group_, std::min(group_, convolution_.grid.Count() - group * group_)};
    }

    void TransformWeights(std::int64_t pair, float* to) const {
        kernels_.transform_weights(weights_, pair, {to, weights_stride_});
    }

    void TransformInput(std::int64_t group, float* to) const {
        kernels_.transform_input(convolution_.grid, {x_, blocks_, 0, blocks_}, Tiles(group),
                                 {to, inputs_stride_});
    }

    void Multiply(std::int64_t group, const float* inputs, std::int64_t pair, const float* weights,
                  float* products) const {
        const std::int64_t width = convolution_.BlocksInPair(convolution_.outputs, pair);
        const TileRange tiles = Tiles(group);
        for (std::int64_t point = 0; point < kernels_.points; ++point) {
            kernels_.multiply(inputs + point * inputs_stride_, blocks_, weights + point * weights_stride_,
                              width, tiles.count, products + point * products_stride_);
        }
        const float* bias = bias_ == nullptr ? nullptr : bias_ + pair * 2 * kernels_.lanes;
        const std::int64_t all = convolution_.Blocks(convolution_.outputs);
        kernels_.transform_output(convolution_.grid, {products, products_stride_}, tiles, bias,
                                  {added_, all, pair * 2, width}, bounds_, {y_, all, pair * 2, width});
    }

    const WinogradConvolution& convolution_;
    const WinogradKernels& kernels_;
    const std::int64_t blocks_, pairs_;  // channel blocks of the input, pairs of those of the output
    const float* x_;
    const Filters<const float>& weights_;
    const float *bias_, *added_;
    const Bounds bounds_;
    float* y_;
    bool weights_are_small_;
    std::int64_t group_, groups_;  // tiles in a group, and how many groups there are
    std::int64_t weights_stride_, inputs_stride_, products_stride_;
};

}  // namespace

WinogradConvolution::WinogradConvolution(const WinogradKernels& used, const Shape& input,
                                         std::int64_t outputs)
    : kernels(&used), grid{input[0], input[2], input[3], used.tile}, inputs(input[1]), outputs(outputs) {}

void WinogradConvolution::Forward(Call& call, const float* x, const Filters<const float>& weights,
                                  const float* bias, const float* added, Bounds bounds, float* y) const {
    if (bias != nullptr) {  // with zeros up to whole blocks
        const std::int64_t size = Blocks(outputs) * kernels->lanes;
        float* filled = call.Floats(size);
        std::fill(std::copy(bias, bias + outputs, filled), filled + size, 0.0F);
        bias = filled;
    }
    ForwardPass(*this, x, weights, bias, added, bounds, y).Run(call);
}

Format ChannelBlockedFormat(const Shape& shape, std::int64_t lanes) {
    const auto tag = lanes == 16 ? dnnl::memory::format_tag::nChw16c : dnnl::memory::format_tag::nChw8c;
    return {shape, dnnl::memory::data_type::f32, tag};
}

}  // namespace fastflow
