#include "description.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "error.h"
#include "sha256.h"

namespace fastflow {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargest = 1U << 26;  // bytes of a description; one has some thousand

[[noreturn]] void Fail(const std::string& name) {
    throw Error(Exit::kModelFile,
                "description " + name + ", is damaged or not export.py's, export the model again");
}

// A place in a JSON text.
class Cursor {
  public:
    Cursor(const std::string& text, std::string name) : text_(text), name_(std::move(name)) {}

    // The next character that is no white space, or 0 at the end; it stays the next one.
    char Peek() {
        while (at_ < text_.size() && std::string(" \t\r\n").find(text_[at_]) != std::string::npos) ++at_;
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    void Skip() { ++at_; }
    // The text of the string that begins here, its escapes left as they are.
    std::string String() {
        if (Peek() != '"') Fail(name_);
        const std::size_t begin = ++at_;
        while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2U : 1U;
        if (at_ >= text_.size()) Fail(name_);
        return text_.substr(begin, at_++ - begin);
    }
    // Whether this word stands here, which is then skipped.
    bool Word(const std::string& word) {
        Peek();
        const bool found = text_.compare(at_, word.size(), word) == 0;
        if (found) at_ += word.size();
        return found;
    }

  private:
    const std::string& text_;
    std::string name_;
    std::size_t at_ = 0;
};

bool IsDigest(const std::string& text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

std::string DigestOf(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::vector<char> piece(1U << 20);
    Sha256 digest;
    while (stream) {
        stream.read(piece.data(), static_cast<std::streamsize>(piece.size()));
        digest.Add(reinterpret_cast<const unsigned char*>(piece.data()),
                   static_cast<std::size_t>(stream.gcount()));
    }
    if (!stream.eof()) {
        throw Error(Exit::kModelFile,
                    "model " + file.string() + ", cannot be read to its end, check the disk");
    }
    return digest.Finish();
}

std::optional<std::string> FindDigest(const std::string& json, const std::string& name) {
    Cursor cursor(json, name);
    std::string open;  // the brackets that are open here
    std::optional<std::string> found;
    if (cursor.Peek() != '{') Fail(name);
    do {
        const char next = cursor.Peek();
        if (next == '\0') Fail(name);
        if (next == '"') {
            const bool is_wanted = cursor.String() == "file_sha256" && open == "{" && cursor.Peek() == ':';
            if (!is_wanted) continue;
            cursor.Skip();
            if (cursor.Word("null")) continue;
            if (found) Fail(name);  // twice
            found = cursor.String();
            if (!IsDigest(*found)) Fail(name);
            continue;
        }
        cursor.Skip();
        if (next == '{' || next == '[') {
            open += next;
        } else if (next == '}' || next == ']') {
            if (open.back() != (next == '}' ? '{' : '[')) Fail(name);
            open.pop_back();
        }
    } while (!open.empty());
    if (cursor.Peek() != '\0') Fail(name);
    return found;
}

std::string CheckDigest(const fs::path& model) {
    const std::string name = model.string() + ".json";
    const std::string unknown = ", so that nothing tells whether it is whole, export it again\n";
    std::error_code problem;
    const auto size = fs::file_size(name, problem);
    if (problem == std::errc::no_such_file_or_directory) {
        return "warning: model " + model.string() + ", has no " + name + " beside it" + unknown;
    }
    if (problem || size > kLargest) Fail(name);
    std::ifstream stream(name, std::ios::binary);
    const std::string json{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    const auto wanted = FindDigest(json, name);
    if (!wanted) return "warning: model " + model.string() + ", has no digest in " + name + unknown;
    if (*wanted != DigestOf(model)) {
        throw Error(Exit::kModelFile, "model " + model.string() + ", is not the file that " + name +
                                          " describes (its SHA-256 is another), export it again");
    }
    return "";
}

}  // namespace fastflow
