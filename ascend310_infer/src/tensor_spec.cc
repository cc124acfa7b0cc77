#include "tensor_spec.h"

#include <algorithm>
#include <limits>
#include <set>

#include "error.h"

namespace fastflow {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 31;  // of an input; runtimes count them in 32 bits

PictureSpec WithoutBatch(const TensorSpec& tensor, const std::string& what) {
    const std::string text = what + " '" + tensor.name + "' of shape " + ShapeText(tensor.shape);
    if (tensor.element == Element::kOther || (tensor.element == Element::kUInt8 && what != "input")) {
        throw Error(Exit::kModelShape, text + ", is not float32, export the model in float32");
    }
    if (tensor.shape.empty()) {
        throw Error(Exit::kModelShape, text + ", has no batch dimension, export the model again");
    }
    PictureSpec picture{tensor.name, {tensor.shape.begin() + 1, tensor.shape.end()}, 1, tensor.element};
    for (const std::int64_t size : tensor.shape) {
        if (size <= 0 || size > std::numeric_limits<std::int32_t>::max()) {
            throw Error(Exit::kModelShape,
                        text + ", has no fixed shape, export the model with a fixed batch and picture size");
        }
    }
    for (const std::int64_t size : picture.shape) {
        const auto factor = static_cast<std::size_t>(size);
        if (picture.count > std::numeric_limits<std::size_t>::max() / sizeof(float) / factor) {
            throw Error(Exit::kModelShape, text + ", is too large, export the model with smaller pictures");
        }
        picture.count *= factor;
    }
    return picture;
}

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Whether only digits follow the last underscore: compilers number their nodes so (CNode_12, output_0).
bool IsNumbered(const std::string& name) {
    const std::size_t underscore = name.rfind('_');
    return underscore != std::string::npos && underscore + 1 < name.size() &&
           std::all_of(name.begin() + static_cast<std::ptrdiff_t>(underscore) + 1, name.end(), IsDigit);
}

bool IsUsable(const std::string& name) {
    const auto plain = [](char c) { return IsLetter(c) || IsDigit(c) || c == '_'; };
    return !name.empty() && IsLetter(name[0]) && std::all_of(name.begin(), name.end(), plain) &&
           !IsNumbered(name);
}

bool AllUsable(const std::vector<TensorSpec>& outputs) {
    std::set<std::string> seen;
    return std::all_of(outputs.begin(), outputs.end(), [&seen](const TensorSpec& output) {
        return IsUsable(output.name) && seen.insert(output.name).second;
    });
}

std::string NameByShape(const std::vector<std::int64_t>& shape, std::size_t position) {
    if (shape.size() == 4 && shape[1] == 1) return "anomaly_map";
    if (shape.size() == 1) return "score";
    return "output_" + std::to_string(position);
}

}  // namespace

std::string ShapeText(const std::vector<std::int64_t>& shape) {
    std::string text;
    for (const std::int64_t size : shape) text += (text.empty() ? "" : ",") + std::to_string(size);
    return "(" + text + ")";
}

PictureSpec CheckInputs(const std::vector<TensorSpec>& inputs, std::size_t& batch) {
    if (inputs.size() != 1) {
        throw Error(Exit::kModelShape, "model's inputs, there are " + std::to_string(inputs.size()) +
                                           " where this program gives one, export the model with one input");
    }
    PictureSpec picture = WithoutBatch(inputs[0], "input");
    batch = static_cast<std::size_t>(inputs[0].shape[0]);
    if (picture.count > kMostBytes / sizeof(float) / batch) {
        throw Error(Exit::kModelShape, "input '" + inputs[0].name + "' of shape " +
                                           ShapeText(inputs[0].shape) +
                                           ", is too large, export the model with a smaller batch");
    }
    return picture;
}

std::vector<PictureSpec> CheckOutputs(const std::vector<TensorSpec>& outputs, std::size_t batch) {
    if (outputs.empty()) {
        throw Error(Exit::kModelShape, "model's outputs, there are none, export the model again");
    }
    const bool own_names = AllUsable(outputs);
    std::vector<PictureSpec> pictures;
    std::set<std::string> taken;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        PictureSpec picture = WithoutBatch(outputs[i], "output");
        if (static_cast<std::size_t>(outputs[i].shape[0]) != batch) {
            throw Error(Exit::kModelShape, "output '" + outputs[i].name + "' of shape " +
                                               ShapeText(outputs[i].shape) +
                                               ", does not begin with the batch of " + std::to_string(batch) +
                                               ", export a model whose outputs are per picture");
        }
        if (!own_names) picture.name = NameByShape(outputs[i].shape, i);
        if (!taken.insert(picture.name).second) {
            picture.name = "output_" + std::to_string(i);
            taken.insert(picture.name);
        }
        pictures.push_back(std::move(picture));
    }
    return pictures;
}

}  // namespace fastflow
