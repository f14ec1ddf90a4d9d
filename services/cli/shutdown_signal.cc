#include "services/cli/shutdown_signal.h"

#include <pthread.h>
#include <signal.h>

namespace cievents::cli {
namespace {

sigset_t ShutdownSet() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

ShutdownSignal::ShutdownSignal() {
  const sigset_t set = ShutdownSet();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool ShutdownSignal::WaitFor(std::chrono::milliseconds time) {
  const sigset_t set = ShutdownSet();
  timespec timeout{};
  timeout.tv_sec = time.count() / 1000;
  timeout.tv_nsec = (time.count() % 1000) * 1'000'000;
  if (sigtimedwait(&set, nullptr, &timeout) < 0) return false;
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  return true;
}

}  // namespace cievents::cli
