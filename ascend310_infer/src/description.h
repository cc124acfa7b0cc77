// The JSON that export.py writes beside a model: whether the model is the one that it describes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace fastflow {

// The value of the key "file_sha256" of a JSON object: 64 hexadecimal digits; nothing if the key is missing
// or null. Keys of objects within are not looked at. Throws Error(kModelFile) if the text is no object, or
// the value something else; `name` is the file for the message.
std::optional<std::string> FindDigest(const std::string& json, const std::string& name);

// The SHA-256 of a file, as 64 hexadecimal digits. Throws Error(kModelFile).
std::string DigestOf(const std::filesystem::path& file);

// Check that a model has the digest that MODEL.json beside it tells. Returns an empty text, or a warning
// where there is no such file or an older version wrote it, so that nothing is known. Throws
// Error(kModelFile).
std::string CheckDigest(const std::filesystem::path& model);

}  // namespace fastflow
