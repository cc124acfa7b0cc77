#include "interrupt.h"

#include <atomic>
#include <csignal>

#include "error.h"

namespace fastflow {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal's handler may set nothing else");

void AskToEnd(int /*signal*/) { interrupted = true; }

}  // namespace

void HandleSignals() {
    if (std::signal(SIGHUP, AskToEnd) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
    std::signal(SIGINT, AskToEnd);
    std::signal(SIGTERM, AskToEnd);
    std::signal(SIGPIPE, SIG_IGN);
}

bool IsAskedToEnd() { return interrupted; }

void EndIfAsked() {
    if (IsAskedToEnd()) throw Error(Exit::kInterrupted, "run, interrupted, start it again for its results");
}

}  // namespace fastflow
