#include "inspect/json_values.h"

#include <cmath>

namespace fastflow {

const Json& At(const Json& object, const char* key) {
    if (!object.is_object() || !object.contains(key)) throw Wrong{};
    return object[key];
}

const Json& AtOrNull(const Json& object, const char* key) {
    static const Json null;
    if (!object.is_object()) throw Wrong{};
    return object.contains(key) ? object[key] : null;
}

double NumberOf(const Json& value) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) throw Wrong{};
    return value.get<double>();
}

std::optional<double> NumberOrNull(const Json& value) {
    return value.is_null() ? std::nullopt : std::optional<double>(NumberOf(value));
}

}  // namespace fastflow
