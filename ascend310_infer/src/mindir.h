// What a MindIR declares of itself, compared before a runtime believes it.
#pragma once

#include <filesystem>

namespace fastflow {

// Check that a MindIR is a whole protobuf message with a graph, and that every tensor in it has as many bytes
// as its shape and type say: runtimes copy them unchecked. The weights themselves are not read. Throws
// Error(kModelFile) if the file cannot be read, Error(kNotMindIr) if something does not fit.
void CheckMindIr(const std::filesystem::path& file);

}  // namespace fastflow
