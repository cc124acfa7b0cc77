// Signals that ask the program to end.
#pragma once

namespace fastflow {

// From now on SIGINT, SIGTERM and SIGHUP only ask; SIGHUP not where it is ignored (under nohup). Where nobody
// reads what the program prints, it goes on.
void HandleSignals();

// Whether a signal has asked to end.
bool IsAskedToEnd();

// Throws Error(kInterrupted) if a signal has asked to end.
void EndIfAsked();

}  // namespace fastflow
