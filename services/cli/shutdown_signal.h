// SIGTERM and SIGINT as something to wait for, not a handler.
#ifndef SERVICES_CLI_SHUTDOWN_SIGNAL_H_
#define SERVICES_CLI_SHUTDOWN_SIGNAL_H_

#include <chrono>

namespace cievents::cli {

// Blocks the signals for this thread and all that it starts: make it before any thread. Once one
// has come, the next one ends the process at once.
class ShutdownSignal {
 public:
  ShutdownSignal();

  // True if a signal came within `time`.
  bool WaitFor(std::chrono::milliseconds time);
};

}  // namespace cievents::cli

#endif  // SERVICES_CLI_SHUTDOWN_SIGNAL_H_
