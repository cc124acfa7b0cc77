#include "mindir.h"

#include <array>
#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <system_error>

#include "error.h"

namespace fastflow {
namespace {

// Numbers of fields in MindSpore's mind_ir.proto.
enum : std::uint64_t {
    kModelGraph = 7,
    kModelFunctions = 8,
    kGraphNode = 1,
    kGraphParameter = 3,
    kNodeAttribute = 5,
    kAttributeTensor = 6,
    kAttributeTensors = 12,
    kAttributeValues = 17,
    kTensorDims = 1,
    kTensorType = 2,
    kTensorRawData = 9,
    kTensorExternalData = 12,
};
enum : std::uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };  // kinds of fields
constexpr int kDeepest = 16;                                                   // attributes within attributes

// The bytes of an element by TensorProto.DataType; 0: this program knows no such model, and does not compare.
constexpr std::array<std::uint64_t, 18> kElementSize = {0, 4, 1, 1, 2, 2, 4,  8, 0,
                                                        1, 2, 8, 4, 8, 8, 16, 2, 8};

struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

class Checker {
  public:
    explicit Checker(const std::filesystem::path& file)
        : name_(file.string()), stream_(file, std::ios::binary) {
        std::error_code problem;
        size_ = std::filesystem::file_size(file, problem);
        if (problem || !stream_) {
            throw Error(Exit::kModelFile, "model " + name_ + ", cannot be read, check the file");
        }
    }

    void Check() {
        bool has_graph = false;
        Walk({0, size_}, [&](std::uint64_t field, std::uint64_t, const std::optional<Range>& range) {
            if (field != kModelGraph && field != kModelFunctions) return;
            has_graph = has_graph || field == kModelGraph;
            CheckGraph(Needed(range));
        });
        if (!has_graph) Fail("has no graph");
    }

  private:
    [[noreturn]] void Fail(const std::string& reason) const {
        throw Error(Exit::kNotMindIr, "model " + name_ + ", " + reason + ", export it again");
    }

    const Range& Needed(const std::optional<Range>& range) const {
        if (!range) Fail("has a field of another kind");
        return *range;
    }

    std::uint64_t Varint(Range& at) {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const int byte = at.begin < at.end ? stream_.get() : std::char_traits<char>::eof();
            if (byte == std::char_traits<char>::eof()) break;
            ++at.begin;
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if ((byte & 0x80) == 0) return value;
        }
        Fail("is damaged");
    }

    // Call `visit(field, number, range)` for every field of the message in `range`: with its number if it is
    // one, else with the place of its bytes.
    template <typename Visit>
    void Walk(Range range, const Visit& visit) {
        while (range.begin < range.end) {
            stream_.seekg(static_cast<std::streamoff>(range.begin));
            const std::uint64_t tag = Varint(range);
            const std::uint64_t kind = tag & 7U;
            if (kind == kVarint) {
                visit(tag >> 3, Varint(range), std::nullopt);
                continue;
            }
            if (kind != kBytes && kind != kFixed64 && kind != kFixed32) Fail("is damaged");
            const std::uint64_t length = kind == kBytes ? Varint(range) : kind == kFixed64 ? 8 : 4;
            if (length > range.end - range.begin) Fail("is not whole");
            const Range inner{range.begin, range.begin + length};
            range.begin = inner.end;
            visit(tag >> 3, 0, kind == kBytes ? std::optional<Range>(inner) : std::nullopt);
        }
    }

    void CheckGraph(const Range& graph) {
        Walk(graph, [&](std::uint64_t field, std::uint64_t, const std::optional<Range>& range) {
            if (field == kGraphParameter) CheckTensor(Needed(range), true);
            if (field == kGraphNode) {
                Walk(Needed(range),
                     [&](std::uint64_t part, std::uint64_t, const std::optional<Range>& inner) {
                         if (part == kNodeAttribute) CheckAttribute(Needed(inner), 0);
                     });
            }
        });
    }

    void CheckAttribute(const Range& attribute, int depth) {
        if (depth > kDeepest) Fail("nests its constants too deeply");
        Walk(attribute, [&](std::uint64_t field, std::uint64_t, const std::optional<Range>& range) {
            if (field == kAttributeTensor || field == kAttributeTensors) CheckTensor(Needed(range), false);
            if (field == kAttributeValues) CheckAttribute(Needed(range), depth + 1);
        });
    }

    void CheckTensor(const Range& tensor, bool needs_data) {
        std::uint64_t count = 1;
        std::uint64_t type = 0;
        std::optional<std::uint64_t> bytes;
        bool is_external = false;
        Walk(tensor, [&](std::uint64_t field, std::uint64_t number, const std::optional<Range>& range) {
            if (field == kTensorType) type = number;
            if (field == kTensorRawData) bytes = Needed(range).end - Needed(range).begin;
            if (field == kTensorExternalData) is_external = true;
            if (field != kTensorDims) return;
            if (!range) Multiply(count, number);
            for (Range packed = range.value_or(Range{}); packed.begin < packed.end;) {
                stream_.seekg(static_cast<std::streamoff>(packed.begin));
                Multiply(count, Varint(packed));
            }
        });
        if (!bytes && needs_data && !is_external) Fail("has a weight without values");
        const std::uint64_t size = type < kElementSize.size() ? kElementSize.at(type) : 0;
        if (bytes && size > 0 && (count > size_ || count * size != *bytes)) {
            Fail("has a tensor whose length is not that of its shape and type");
        }
    }

    // Sets `count` to its product with a dimension; to more than any file has, where it would be too large.
    static void Multiply(std::uint64_t& count, std::uint64_t dimension) {
        constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max() / 16;
        count = dimension != 0 && count > kMost / dimension ? kMost : count * dimension;
    }

    std::string name_;
    std::ifstream stream_;
    std::uint64_t size_ = 0;
};

}  // namespace

void CheckMindIr(const std::filesystem::path& file) { Checker(file).Check(); }

}  // namespace fastflow
