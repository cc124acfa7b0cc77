#include "options.h"

#include "check.h"

using namespace fastflow;
using namespace fastflow::test;

namespace {

const std::vector<std::string> kPaths = {"--mindir_path", "m", "--dataset_path", "d", "--output_path=o"};

std::vector<std::string> With(const std::vector<std::string>& more) {
    std::vector<std::string> all = kPaths;
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

bool Refused(const std::vector<std::string>& arguments, const std::string& part) {
    const auto [status, text] = ErrorOf([&] { ParseOptions(arguments); });
    return status == Exit::kUsage && Contains(text, part);
}

}  // namespace

TEST(Defaults) {
    const Options options = ParseOptions(kPaths);
    CHECK(options.mindir_path == "m" && options.dataset_path == "d" && options.output_path == "o");
    CHECK(options.device == Device::kCpu && options.device_id == 0 && options.precision == "enforce_fp32");
    CHECK(options.threads == 0 && options.warmup == 1 && !options.help);
}

TEST(EveryOption) {
    const Options options = ParseOptions(With({"--device=Ascend", "--device_id", "3", "--precision",
                                               "preferred_optimal", "--threads=4", "--warmup", "0"}));
    CHECK(options.device == Device::kAscend && options.device_id == 3);
    CHECK(options.precision == "preferred_optimal" && options.threads == 4 && options.warmup == 0);
}

TEST(ValuesMayHoldEqualsSigns) {
    CHECK(ParseOptions({"--mindir_path=a=b", "--dataset_path", "d", "--output_path", "o"}).mindir_path ==
          "a=b");
}

TEST(HelpNeedsNothingElse) {
    CHECK(ParseOptions({"--help"}).help && ParseOptions({"-h"}).help);
    CHECK(Contains(HelpText(), "--warmup"));
}

TEST(MissingOptionsAreNamed) {
    CHECK(Refused({}, "--mindir_path"));
    CHECK(Refused({"--mindir_path", "m"}, "--dataset_path"));
    CHECK(Refused({"--mindir_path", "m", "--dataset_path", "d"}, "--output_path"));
    CHECK(Refused({"--mindir_path="}, "--mindir_path"));
}

TEST(BadArgumentsAreRefused) {
    CHECK(Refused(With({"--speed", "9"}), "--speed"));
    CHECK(Refused(With({"stray"}), "stray"));
    CHECK(Refused(With({"--threads"}), "no value"));
    CHECK(Refused(With({"--mindir_path", "n"}), "twice"));
    CHECK(Refused(With({"--device", "GPU"}), "CPU or Ascend"));
}

TEST(BadNumbersAreRefused) {
    for (const char* value : {"", "x", "1x", "-1", "0", "1.5", "99999999999999999999", " 1"}) {
        CHECK(Refused(With({"--threads", value}), "--threads"));
    }
    CHECK(Refused(With({"--device_id", "-1"}), "--device_id"));
    CHECK(Refused(With({"--warmup", "-1"}), "--warmup"));
}

TEST(PrecisionDependsOnTheDevice) {
    CHECK(ParseOptions(With({"--precision", "preferred_fp16"})).precision == "preferred_fp16");
    CHECK(Refused(With({"--precision", "preferred_fp16", "--device", "Ascend"}), "preferred_fp32"));
    CHECK(Refused(With({"--precision", "enforce_fp16"}), "on CPU"));
    CHECK(Refused(With({"--precision", "fast"}), "'fast'"));
}

TEST(SettingsOfAnAscendDevice) {
    const Options plain = ParseOptions(With({"--device", "Ascend"}));
    CHECK(plain.precision == "enforce_fp32" && plain.op_select_implmode == "high_precision");
    CHECK(plain.buffer_optimize.empty() && plain.aipp_config.empty() && plain.config_file.empty());
    const Options chosen = ParseOptions(
        With({"--device", "Ascend", "--op_select_implmode=high_performance", "--buffer_optimize",
              "l2_optimize", "--aipp_config", "/proc/version", "--config_file", "/proc/version"}));
    CHECK(chosen.op_select_implmode == "high_performance" && chosen.buffer_optimize == "l2_optimize");
    CHECK(chosen.aipp_config == "/proc/version" && chosen.config_file == "/proc/version");
    CHECK(Refused(With({"--device", "Ascend", "--op_select_implmode", "fast"}), "high_performance"));
    CHECK(Refused(With({"--device", "Ascend", "--buffer_optimize", "fast"}), "off_optimize"));
    CHECK(Refused(With({"--device", "Ascend", "--buffer_optimize="}), "has no value"));
    CHECK(Refused(With({"--device", "Ascend", "--aipp_config", "/nowhere"}), "/nowhere is no file"));
    CHECK(Refused(With({"--config_file", "/"}), "/ is no file"));
}

TEST(ACpuHasNoSettingsOfAnAscendDevice) {
    CHECK(Refused(With({"--op_select_implmode", "high_precision"}), "CPUs have no such setting"));
    CHECK(Refused(With({"--buffer_optimize", "off_optimize"}), "CPUs have no such setting"));
    CHECK(Refused(With({"--aipp_config", "/proc/version"}), "CPUs have no such setting"));
}

TEST_MAIN()
