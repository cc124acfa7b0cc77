// In the place of MindSpore's library: it computes no network, but records every call of the runner in the
// file that the environment variable STAND_IN_CALLS names, so that a test can say what the runner asks of a
// device that is not here. Compiled with the headers of MindSpore 1.8 to 1.10 (FASTFLOW_MINDSPORE_1_8) or of
// MindSpore Lite.
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "include/api/context.h"
#include "include/api/model.h"
#include "include/api/status.h"
#include "include/api/types.h"
#ifdef FASTFLOW_MINDSPORE_1_8
#include "include/api/graph.h"
#include "include/api/serialization.h"
#endif

namespace mindspore {
namespace {

using Text = std::vector<char>;
using Sizes = std::vector<std::int64_t>;

constexpr std::int64_t kBatch = 2, kSize = 4;

void Record(const std::string& call) {
    if (const char* file = std::getenv("STAND_IN_CALLS")) std::ofstream(file, std::ios::app) << call << "\n";
}

void Record(const std::string& call, const Text& value) {
    Record(call + " " + std::string(value.begin(), value.end()));
}

Status Answer(const std::string& call) {
    const char* reason = std::getenv("STAND_IN_REFUSES");
    if (reason == nullptr || call != reason) return kSuccess;
    return Status(kCoreFailed, "the stand-in refuses\n" + call);
}

}  // namespace

struct Status::Data {
    enum StatusCode code = kSuccess;
    Text text;
};
Status::Status() : data_(std::make_shared<Data>()) {}
Status::Status(enum StatusCode code, const Text& text) : data_(std::make_shared<Data>(Data{code, text})) {}
bool Status::IsError() const { return data_->code != kSuccess; }
Text Status::ToCString() const { return data_->text; }

struct Context::Data {
    std::vector<std::shared_ptr<DeviceInfoContext>>& all() { return devices_; }

  private:
    std::vector<std::shared_ptr<DeviceInfoContext>> devices_;
};
Context::Context() : data_(std::make_shared<Data>()) {}
std::vector<std::shared_ptr<DeviceInfoContext>>& Context::MutableDeviceInfo() { return data_->all(); }
void Context::SetThreadNum(std::int32_t count) { Record("SetThreadNum " + std::to_string(count)); }
DeviceInfoContext::DeviceInfoContext() = default;
void CPUDeviceInfo::SetEnableFP16(bool on) { Record(on ? "SetEnableFP16 true" : "SetEnableFP16 false"); }
void AscendDeviceInfo::SetDeviceID(std::uint32_t id) { Record("SetDeviceID " + std::to_string(id)); }
void AscendDeviceInfo::SetPrecisionMode(const Text& mode) { Record("SetPrecisionMode", mode); }
void AscendDeviceInfo::SetOpSelectImplMode(const Text& mode) { Record("SetOpSelectImplMode", mode); }
void AscendDeviceInfo::SetBufferOptimizeMode(const Text& mode) { Record("SetBufferOptimizeMode", mode); }
void AscendDeviceInfo::SetInsertOpConfigPath(const Text& path) { Record("SetInsertOpConfigPath", path); }

class MSTensor::Impl {
  public:
    Text name;
    enum DataType type = DataType::kNumberTypeFloat32;
    Sizes shape;
    std::vector<float> values;
};

namespace {

MSTensor MakeTensor(const std::string& name, const Sizes& shape) {
    auto impl = std::make_shared<MSTensor::Impl>();
    impl->name.assign(name.begin(), name.end());
    impl->shape = shape;
    const auto count = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
    impl->values.resize(static_cast<std::size_t>(count));
    return MSTensor(impl);
}

}  // namespace

MSTensor::MSTensor(const std::shared_ptr<Impl>& impl) : impl_(impl) {}
MSTensor::MSTensor(const Text& name, enum DataType type, const Sizes& shape, const void* data,
                   std::size_t size)
    : impl_(std::make_shared<Impl>()) {
    impl_->name = name;
    impl_->type = type;
    impl_->shape = shape;
    impl_->values.resize(size / sizeof(float));
    std::memcpy(impl_->values.data(), data, size);
}
MSTensor::~MSTensor() = default;
Text MSTensor::CharName() const { return impl_->name; }
enum DataType MSTensor::DataType() const { return impl_->type; }
const Sizes& MSTensor::Shape() const { return impl_->shape; }
std::size_t MSTensor::DataSize() const { return impl_->values.size() * sizeof(float); }
void* MSTensor::MutableData() { return impl_->values.data(); }
std::shared_ptr<const void> MSTensor::Data() const { return {impl_, impl_->values.data()}; }

class ModelImpl {};
Model::Model() = default;
Model::~Model() = default;
Status Model::LoadConfig(const Text& path) {
    Record("LoadConfig", path);
    return Answer("LoadConfig");
}
#ifdef FASTFLOW_MINDSPORE_1_8
Graph::Graph() = default;
Graph::~Graph() = default;
GraphCell::GraphCell(const Graph& /*graph*/) {}
Status GraphCell::Run(const std::vector<MSTensor>& /*inputs*/, std::vector<MSTensor>* /*outputs*/) {
    return Answer("Run");
}
Status Serialization::Load(const Text& file, ModelType type, Graph* /*graph*/, const Key& /*key*/,
                           const Text& /*mode*/) {
    Record(type == kMindIR ? "Load MindIR" : "Load", file);
    return Answer("Load");
}
Status Model::Build(GraphCell /*graph*/, const std::shared_ptr<Context>& context,
                    const std::shared_ptr<TrainCfg>& /*training*/) {
    Record("Build for " + std::to_string(context->MutableDeviceInfo().size()) + " device");
    return Answer("Build");
}
#else
Status Model::Build(const Text& file, ModelType type, const std::shared_ptr<Context>& context) {
    Record(type == kMindIR ? "Build MindIR" : "Build", file);
    Record("Build for " + std::to_string(context->MutableDeviceInfo().size()) + " device");
    return Answer("Build");
}
#endif
std::vector<MSTensor> Model::GetInputs() { return {MakeTensor("image", {kBatch, 3, kSize, kSize})}; }
Status Model::Predict(const std::vector<MSTensor>& inputs, std::vector<MSTensor>* outputs,
                      const MSKernelCallBack& /*before*/, const MSKernelCallBack& /*after*/) {
    Record("Predict " + std::to_string(inputs[0].DataSize()) + " bytes");
    outputs->assign({MakeTensor("anomaly_map", {kBatch, 1, kSize, kSize}), MakeTensor("score", {kBatch})});
    return Answer("Predict");
}

}  // namespace mindspore
