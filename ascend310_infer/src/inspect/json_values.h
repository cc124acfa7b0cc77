// Values of a JSON, none of which is believed.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

namespace fastflow {

using Json = nlohmann::json;

// Thrown where a value is missing or wrong; only those who read descriptions see it.
struct Wrong {};

// The value of a key. Throws Wrong if there is none, or no object.
const Json& At(const Json& object, const char* key);

// The value of a key; null where there is none. Throws Wrong if it is no object.
const Json& AtOrNull(const Json& object, const char* key);

// A finite number. Throws Wrong.
double NumberOf(const Json& value);

// A finite number, or none for null. Throws Wrong.
std::optional<double> NumberOrNull(const Json& value);

}  // namespace fastflow
