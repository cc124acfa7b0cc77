#include "tensor_spec.h"

#include "check.h"

using namespace fastflow;
using namespace fastflow::test;

namespace {

TensorSpec Float(const std::string& name, const std::vector<std::int64_t>& shape) {
    return {name, shape, Element::kFloat32};
}

std::vector<std::string> NamesOf(const std::vector<TensorSpec>& outputs) {
    std::vector<std::string> names;
    for (const auto& output : CheckOutputs(outputs, 2)) names.push_back(output.name);
    return names;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST(TheInputGivesBatchAndSize) {
    std::size_t batch = 0;
    const PictureSpec input = CheckInputs({Float("image", {4, 3, 8, 8})}, batch);
    CHECK(batch == 4 && input.count == 192 && input.shape == (std::vector<std::int64_t>{3, 8, 8}));
    CHECK(input.bytes() == 768);
    CHECK(CheckInputs({{"image", {4, 8, 6, 3}, Element::kUInt8}}, batch).bytes() == 144);
}

TEST(UnfitInputsAreRefused) {
    std::size_t batch = 0;
    const auto refused = [&batch](const std::vector<TensorSpec>& inputs, const std::string& part) {
        const auto [status, text] = ErrorOf([&] { CheckInputs(inputs, batch); });
        return status == Exit::kModelShape && Contains(text, part);
    };
    CHECK(refused({}, "there are 0"));
    CHECK(refused({Float("a", {1, 2}), Float("b", {1, 2})}, "there are 2"));
    CHECK(refused({{"image", {1, 3, 8, 8}, Element::kOther}}, "float32"));
    CHECK(refused({Float("image", {})}, "batch dimension"));
    CHECK(refused({Float("image", {-1, 3, 8, 8})}, "fixed"));
    CHECK(refused({Float("image", {1 << 20, 3, 32, 32})}, "too large"));
    CHECK(refused({Float("image", {1, 3, 0, 8})}, "fixed"));
    CHECK(refused({Float("image", {1, 2000000000, 2000000000, 2000000000})}, "too large"));
}

TEST(GoodNamesAreKept) {
    CHECK((NamesOf({Float("heat", {2, 1, 8, 8}), Float("level2", {2})}) == Strings{"heat", "level2"}));
}

TEST(OtherwiseTheShapeNames) {
    CHECK((NamesOf({Float("CNode_80", {2, 1, 8, 8}), Float("CNode_81", {2})}) ==
           Strings{"anomaly_map", "score"}));
    CHECK((NamesOf({Float("Default/ReduceMax-op0", {2}), Float("heat", {2, 1, 8, 8})}) ==
           Strings{"score", "anomaly_map"}));
    CHECK((NamesOf({Float("same", {2, 5, 8, 8}), Float("same", {2, 5, 4, 4})}) ==
           Strings{"output_0", "output_1"}));
    CHECK((NamesOf({Float("", {2}), Float("", {2}), Float("", {2, 3})}) ==
           Strings{"score", "output_1", "output_2"}));
}

TEST(UnfitOutputsAreRefused) {
    const auto refused = [](const std::vector<TensorSpec>& outputs, const std::string& part) {
        const auto [status, text] = ErrorOf([&] { CheckOutputs(outputs, 2); });
        return status == Exit::kModelShape && Contains(text, part);
    };
    CHECK(refused({}, "there are none"));
    CHECK(refused({Float("score", {1})}, "batch of 2"));
    CHECK(refused({{"score", {2}, Element::kOther}}, "float32"));
    CHECK(refused({{"score", {2}, Element::kUInt8}}, "float32"));
    CHECK(refused({Float("score", {})}, "batch dimension"));
}

TEST_MAIN()
