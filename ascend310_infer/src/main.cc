// Runs a FastFlow MindIR on a folder of pictures; see HelpText or README.md.
#include <chrono>
#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "batches.h"
#include "description.h"
#include "error.h"
#include "files.h"
#include "mindir.h"
#include "model.h"
#include "options.h"
#include "output_folder.h"
#include "report.h"
#include "statistics.h"

namespace fastflow {
namespace {

volatile std::sig_atomic_t interrupted = 0;  // the only thing that a signal's handler may set

void AskToEnd(int /*signal*/) { interrupted = 1; }

void HandleSignals() {
    if (std::signal(SIGHUP, AskToEnd) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);  // under nohup
    std::signal(SIGINT, AskToEnd);
    std::signal(SIGTERM, AskToEnd);
    std::signal(SIGPIPE, SIG_IGN);  // where nobody reads the times, the results are still written
}

void EndIfAsked() {
    if (interrupted != 0) throw Error(Exit::kInterrupted, "run, interrupted, start it again for its results");
}

void WriteBatch(OutputFolder& folder, const std::vector<std::filesystem::path>& files, const Batch& batch,
                const std::vector<PictureSpec>& outputs, const std::vector<std::vector<float>>& values) {
    for (std::size_t picture = 0; picture < batch.count; ++picture) {
        const std::string stem = files[batch.first + picture].stem().string();
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            const std::size_t count = outputs[i].count;
            folder.Write(stem + "_" + outputs[i].name + ".bin", values[i].data() + picture * count,
                         count * sizeof(float));
        }
    }
}

void Infer(const Options& options) {
    CheckModelFile(options.mindir_path);
    const std::string warning = CheckDigest(options.mindir_path);
    CheckMindIr(options.mindir_path);
    const auto files = ListPictures(options.dataset_path);
    OutputFolder folder(options.output_path);
    Model model(options);
    EndIfAsked();
    const auto batches = MakeBatches(files.size(), model.batch());
    std::vector<float> pictures;
    ReadBatch(files, batches[0], model.batch(), model.input().count, pictures);
    for (int i = 0; i < options.warmup; ++i) {
        model.Predict(pictures);
        EndIfAsked();
    }

    Stopwatch stopwatch;
    for (const Batch& batch : batches) {
        ReadBatch(files, batch, model.batch(), model.input().count, pictures);
        const auto start = std::chrono::steady_clock::now();
        const auto values = model.Predict(pictures);
        const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
        stopwatch.Add(taken.count(), batch.count);
        WriteBatch(folder, files, batch, model.outputs(), values);
        EndIfAsked();
    }
    const Summary summary = stopwatch.Summarize();
    const std::string json = ReportJson(options, summary, model.batch(), model.outputs());
    folder.Write("timing.json", json.data(), json.size());
    folder.Commit();
    std::cout << warning << ReportText(summary, model.batch()) << std::flush;
}

Exit Main(const std::vector<std::string>& arguments) {
    HandleSignals();
    try {
        const Options options = ParseOptions(arguments);
        if (options.help) {
            std::cout << HelpText() << std::flush;
        } else {
            Infer(options);
        }
        return Exit::kSuccess;
    } catch (const Error& error) {
        std::cerr << "error: " << error.what() << "\n";
        return error.status();
    } catch (const std::exception& error) {
        std::cerr << "error: unexpected, " << error.what() << ", please report it\n";
        return Exit::kInternal;
    }
}

}  // namespace
}  // namespace fastflow

int main(int argc, char** argv) { return static_cast<int>(fastflow::Main({argv + 1, argv + argc})); }
