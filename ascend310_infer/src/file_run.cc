#include "file_run.h"

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "batches.h"
#include "description.h"
#include "error.h"
#include "files.h"
#include "interrupt.h"
#include "model.h"
#include "output_folder.h"
#include "report.h"
#include "statistics.h"

namespace fastflow {
namespace {

void WriteBatch(OutputFolder& folder, const std::vector<std::filesystem::path>& files, const Batch& batch,
                const std::vector<PictureSpec>& outputs, const std::vector<std::vector<float>>& values) {
    for (std::size_t picture = 0; picture < batch.count; ++picture) {
        const std::filesystem::path& file = files[batch.first + picture];
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            const std::size_t count = outputs[i].count;
            const float* first = values[i].data() + picture * count;
            CheckFinite(first, count, file.string(), outputs[i].name);
            folder.Write(file.stem().string() + "_" + outputs[i].name + ".bin", first, count * sizeof(float));
        }
    }
}

}  // namespace

void RunOnFiles(const Options& options) {
    CheckFormat(options.mindir_path);
    const std::string warning = CheckDigest(options.mindir_path);
    CheckContent(options.mindir_path);
    const auto files = ListPictures(options.dataset_path);
    OutputFolder folder(options.output_path);
    const std::unique_ptr<Model> model = LoadModel(options);
    EndIfAsked();
    const auto batches = MakeBatches(files.size(), model->batch());
    std::vector<unsigned char> pictures;
    ReadBatch(files, batches[0], model->batch(), model->input().bytes(), pictures);
    for (int i = 0; i < options.warmup; ++i) {
        model->Predict(pictures);
        EndIfAsked();
    }

    Stopwatch stopwatch;
    for (const Batch& batch : batches) {
        ReadBatch(files, batch, model->batch(), model->input().bytes(), pictures);
        const auto start = Clock::now();
        const auto values = model->Predict(pictures);
        stopwatch.Add(MillisecondsSince(start), batch.count);
        WriteBatch(folder, files, batch, model->outputs(), values);
        EndIfAsked();
    }
    const Summary summary = stopwatch.Summarize();
    const std::string json = ReportJson(options, summary, model->batch(), model->outputs());
    folder.Write("timing.json", json.data(), json.size());
    folder.Commit();
    std::cout << warning << ReportText(summary, model->batch()) << std::flush;
}

}  // namespace fastflow
