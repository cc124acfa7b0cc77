#include "model.h"

#include <cstring>
#include <exception>
#include <string>

#include "device_context.h"
#include "error.h"
#include "files.h"
#include "include/api/model.h"
#include "include/api/status.h"
#include "include/api/types.h"
#include "mindir.h"
#ifdef FASTFLOW_MINDSPORE_1_8
#include "include/api/graph.h"
#include "include/api/serialization.h"
#endif

namespace fastflow {
namespace {

namespace ms = mindspore;

Element ElementOf(ms::DataType type) {
    if (type == ms::DataType::kNumberTypeFloat32) return Element::kFloat32;
    return type == ms::DataType::kNumberTypeUInt8 ? Element::kUInt8 : Element::kOther;
}

TensorSpec SpecOf(const ms::MSTensor& tensor) {
    return {tensor.Name(), tensor.Shape(), ElementOf(tensor.DataType())};
}

std::vector<TensorSpec> SpecsOf(const std::vector<ms::MSTensor>& tensors) {
    std::vector<TensorSpec> specs;
    specs.reserve(tensors.size());
    for (const auto& tensor : tensors) specs.push_back(SpecOf(tensor));
    return specs;
}

class MindSporeModel final : public Model {
  public:
    explicit MindSporeModel(const Options& options) {
        Build(options);
        inputs_ = model_.GetInputs();
        input_ = CheckInputs(SpecsOf(inputs_), batch_);
    }

    std::vector<std::vector<float>> Predict(const std::vector<unsigned char>& pictures) override {
        std::vector<ms::MSTensor> results;
        try {
            SetInput(pictures);
            const ms::Status status = model_.Predict(inputs_, &results);
            if (status.IsError()) Fail(Words(status));
        } catch (const Error&) {
            throw;
        } catch (const std::exception& problem) {
            Fail(problem.what());
        }
        outputs_ = CheckOutputs(SpecsOf(results), batch_);
        std::vector<std::vector<float>> values;
        for (std::size_t i = 0; i < results.size(); ++i) {
            const std::size_t count = batch_ * outputs_[i].count;
            const std::shared_ptr<const void> data = results[i].Data();
            if (!data || results[i].DataSize() != count * sizeof(float)) {
                Fail("output " + outputs_[i].name + " has " + std::to_string(results[i].DataSize()) +
                     " bytes where its shape says " + std::to_string(count * sizeof(float)));
            }
            values.emplace_back(count);
            std::memcpy(values.back().data(), data.get(), count * sizeof(float));
        }
        return values;
    }

  private:
    [[noreturn]] static void Fail(const std::string& reason) {
        throw Error(Exit::kPredict, "prediction, the runtime failed (" + reason +
                                        "), see its log with the environment variable GLOG_v=1");
    }

    void Build(const Options& options) {
        const auto context = MakeContext(options);
        try {
            if (!options.config_file.empty()) {
                const ms::Status read = model_.LoadConfig(options.config_file);
                if (read.IsError()) {
                    throw Error(Exit::kUsage, "option --config_file, the runtime does not take " +
                                                  options.config_file + " (" + Words(read) +
                                                  "), check it; GLOG_v=1 shows the runtime's own messages");
                }
            }
#ifdef FASTFLOW_MINDSPORE_1_8
            ms::Graph graph;
            const ms::Status loaded =
                ms::Serialization::Load(options.mindir_path, ms::ModelType::kMindIR, &graph);
            if (loaded.IsError()) {
                throw Error(Exit::kNotMindIr,
                            "model " + options.mindir_path + ", this runtime cannot load it (" +
                                Words(loaded) +
                                "), export it again with --mindir_version 1; GLOG_v=1 shows the "
                                "runtime's own messages");
            }
            const ms::Status built = model_.Build(ms::GraphCell(graph), context);
#else
            const ms::Status built = model_.Build(options.mindir_path, ms::ModelType::kMindIR, context);
#endif
            if (built.IsError()) throw BuildError(options, Words(built));
        } catch (const Error&) {
            throw;
        } catch (const std::exception& problem) {
            throw BuildError(options, problem.what());
        }
    }

    void SetInput(const std::vector<unsigned char>& pictures) {
        const std::size_t size = pictures.size();
#ifdef FASTFLOW_MINDSPORE_1_8
        ms::MSTensor& tensor = inputs_[0];
        tensor = ms::MSTensor(tensor.Name(), tensor.DataType(), tensor.Shape(), pictures.data(), size);
#else
        void* target = inputs_[0].MutableData();
        if (target == nullptr || inputs_[0].DataSize() != size) {
            Fail("the input takes " + std::to_string(inputs_[0].DataSize()) + " bytes where its shape says " +
                 std::to_string(size));
        }
        std::memcpy(target, pictures.data(), size);
#endif
    }

    ms::Model model_;
    std::vector<ms::MSTensor> inputs_;
};

}  // namespace

std::unique_ptr<Model> LoadModel(const Options& options) { return std::make_unique<MindSporeModel>(options); }

void CheckFormat(const std::filesystem::path& file) { CheckModelFile(file); }
void CheckContent(const std::filesystem::path& file) { CheckMindIr(file); }

}  // namespace fastflow
