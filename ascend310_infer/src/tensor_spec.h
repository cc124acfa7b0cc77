// What the program knows of a model's inputs and outputs, whatever the runtime.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fastflow {

enum class Element { kFloat32, kUInt8, kOther };

struct TensorSpec {
    std::string name;
    std::vector<std::int64_t> shape;  // the first dimension is the batch
    Element element = Element::kOther;
};

// One input or output without its batch dimension.
struct PictureSpec {
    std::string name;
    std::vector<std::int64_t> shape;
    std::size_t count = 0;  // values per picture: the product of `shape`
    Element element = Element::kFloat32;

    [[nodiscard]] std::size_t bytes() const {
        return count * (element == Element::kUInt8 ? sizeof(std::uint8_t) : sizeof(float));
    }
};

// The shape as text, such as (2,3,256,256).
std::string ShapeText(const std::vector<std::int64_t>& shape);

// Check the inputs: exactly one, float32 or uint8, of fixed shape (N, ...). Sets `batch` to N.
// Throws Error(kModelShape).
PictureSpec CheckInputs(const std::vector<TensorSpec>& inputs, std::size_t& batch);

// Check the outputs: at least one, all float32 of fixed shape (batch, ...); and name them.
//
// The model's own names are taken if they are distinct, plain words (a letter, then letters, digits and
// underscores), and none is a compiler's numbering (CNode_12, output_1). Runtimes seldom keep the names that
// a model had. Without them the shape decides: (N,1,H,W) is anomaly_map, (N) is score, and every other
// output, or second one of these, is output_<position>. Throws Error(kModelShape).
std::vector<PictureSpec> CheckOutputs(const std::vector<TensorSpec>& outputs, std::size_t batch);

}  // namespace fastflow
