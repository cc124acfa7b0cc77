#include "inspect/speaker.h"

#include <utility>

#include "inspect/heat_map.h"

namespace fastflow {

std::vector<Result> Speaker::Say(const Computed& computed) const {
    std::vector<Result> results;
    auto view = computed.views.begin();
    for (const Input& input : computed.inputs) {
        Result result;
        result.name = listing_.pictures[input.index].name;
        result.file = input.file;
        result.error = input.error;
        result.warning = input.warning;
        result.milliseconds = input.milliseconds;
        if (!input.error) {
            result.Say(view->score, description_.judge);
            if (description_.judge && description_.judge->pixel) {
                result.regions = FindRegions(view->map, description_.judge->pixel->threshold, input.height,
                                             input.width, min_area_);
            }
            if (heat_maps_) {
                const auto colours = HeatMap(view->map, *description_.judge->pixel);
                const auto png = EncodePng(colours, view->map.height, view->map.width);
                folder_.Write("heat_maps/" + result.name + ".png", png.data(), png.size());
            }
            ++view;
        }
        results.push_back(std::move(result));
    }
    return results;
}

}  // namespace fastflow
