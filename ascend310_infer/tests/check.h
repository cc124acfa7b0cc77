// What the unit tests need: cases with names, checks after which a case goes on, and an exit status.
#pragma once

#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "error.h"

namespace fastflow::test {

struct Case {
    const char* name;
    std::function<void()> body;
};

inline std::vector<Case>& Cases() {
    static std::vector<Case> cases;
    return cases;
}

inline int& Failures() {
    static int failures = 0;
    return failures;
}

struct Register {
    Register(const char* name, std::function<void()> body) { Cases().push_back({name, std::move(body)}); }
};

inline void Check(bool passed, const char* text, const char* file, int line) {
    if (passed) return;
    ++Failures();
    std::cerr << file << ":" << line << ": failed: " << text << "\n";
}

// The status and text of the Error that `action` throws. If it throws none, the test fails.
inline std::pair<Exit, std::string> ErrorOf(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return {error.status(), error.what()};
    }
    ++Failures();
    std::cerr << "failed: no Error was thrown\n";
    return {Exit::kSuccess, ""};
}

inline bool Contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

inline int RunAll() {
    for (const Case& test : Cases()) {
        const int before = Failures();
        try {
            test.body();
        } catch (const std::exception& error) {
            ++Failures();
            std::cerr << "failed: unexpected exception: " << error.what() << "\n";
        }
        if (Failures() != before) std::cerr << "in case: " << test.name << "\n";
    }
    std::cout << Cases().size() << " cases, " << Failures() << " failures\n";
    return Failures() == 0 && !Cases().empty() ? 0 : 1;
}

}  // namespace fastflow::test

#define CHECK(condition) ::fastflow::test::Check((condition), #condition, __FILE__, __LINE__)
#define TEST(name)                                                        \
    static void name();                                                   \
    static const ::fastflow::test::Register register_##name{#name, name}; \
    static void name()
#define TEST_MAIN() \
    int main() { return ::fastflow::test::RunAll(); }
