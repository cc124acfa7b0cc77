#include "inspect/one_by_one.h"

#include <exception>
#include <utility>

#include "interrupt.h"

namespace fastflow {

RunTimes RunOneByOne(std::size_t pictures, const Reader& reader, const Preparation& preparation,
                     Devices& devices, const Speaker& speaker,
                     const std::function<void(std::vector<Result>)>& take) {
    RunTimes times;
    std::exception_ptr problem;
    devices.Start([&](Model& model) {
        try {
            for (std::size_t next = 0; next < pictures;) {
                EndIfAsked();
                std::vector<Input> inputs;
                std::size_t readable = 0;
                for (; next < pictures && readable < PicturesAtOnce(preparation); ++next) {
                    inputs.push_back(reader.Read(next));
                    times.reading_ms += inputs.back().milliseconds;
                    if (!inputs.back().error) ++readable;
                }
                const Computed computed = Compute(model, preparation, std::move(inputs));
                times.Add(computed);
                const auto start = Clock::now();
                auto results = speaker.Say(computed);
                times.saying_ms += MillisecondsSince(start);
                take(std::move(results));
            }
        } catch (...) {
            problem = std::current_exception();
        }
    });
    devices.Wait();
    if (problem) std::rethrow_exception(problem);
    return times;
}

}  // namespace fastflow
