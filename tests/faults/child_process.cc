#include "tests/faults/child_process.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <thread>
#include <utility>

#include "matcher/base/status.h"

namespace cievents::faults {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{5};

// Looks every few milliseconds; false: not within `timeout`.
bool Until(std::chrono::seconds timeout, const std::function<bool()>& condition) {
  const Clock::time_point end = Clock::now() + timeout;
  while (!condition()) {
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(kLook);
  }
  return true;
}

std::string Describe(int wait_status) {
  if (WIFSIGNALED(wait_status)) return fmt::format("ended by signal {}", WTERMSIG(wait_status));
  return fmt::format("exited with {}", WEXITSTATUS(wait_status));
}

bool IsFree(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool free =
      bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(listener);
  return free;
}

// A name in the abstract space is gone with its last holder, however that ends; like ports, such
// names are those of a network namespace. -1: somebody holds it.
int Hold(int port) {
  const int holder = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("cievents-fault-port-{}", port);
  name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(holder, reinterpret_cast<const sockaddr*>(&address), length) == 0) return holder;
  close(holder);
  return -1;
}

}  // namespace

ChildProcess::ChildProcess(Options options) : options_(std::move(options)) {}

ChildProcess::~ChildProcess() {
  if (pid_ != 0) Kill().IgnoreError();  // nobody is left to hear it
}

absl::Status ChildProcess::Start() {
  if (pid_ != 0) return absl::FailedPreconditionError(options_.command[0] + " runs already");
  std::error_code ignored;
  if (!options_.ready_file.empty()) fs::remove(options_.ready_file, ignored);
  CIEVENTS_ASSIGN_OR_RETURN(
      pid_, spawner_.Spawn(store::WithUser(store::RunAs{}, options_.command), options_.log_file));
  return absl::OkStatus();
}

bool ChildProcess::Reap() {
  if (pid_ == 0) return true;
  const pid_t ended = waitpid(pid_, &wait_status_, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return false;
  pid_ = 0;
  return true;
}

absl::Status ChildProcess::AwaitReady(std::chrono::seconds timeout) {
  const bool settled = Until(timeout, [this] { return fs::exists(options_.ready_file) || Reap(); });
  if (pid_ == 0) {
    return Error(absl::StatusCode::kInternal, "{} {} before it was ready:\n{}", name(),
                 Describe(wait_status_), LogTail());
  }
  if (settled) return absl::OkStatus();
  return Error(absl::StatusCode::kDeadlineExceeded, "{} is not ready after {} s:\n{}", name(),
               timeout.count(), LogTail());
}

absl::Status ChildProcess::Kill() {
  if (Reap()) {
    return Error(absl::StatusCode::kInternal, "{} had ended before it was killed ({}):\n{}", name(),
                 Describe(wait_status_), LogTail());
  }
  kill(pid_, SIGKILL);
  while (waitpid(pid_, &wait_status_, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return absl::OkStatus();
}

absl::Status ChildProcess::Terminate(std::chrono::seconds timeout) {
  if (!Reap()) kill(pid_, SIGTERM);
  return AwaitExit(timeout);
}

absl::Status ChildProcess::AwaitExit(std::chrono::seconds timeout) {
  if (!Until(timeout, [this] { return Reap(); })) {
    return Error(absl::StatusCode::kDeadlineExceeded, "{} does not end within {} s:\n{}", name(),
                 timeout.count(), LogTail());
  }
  if (WIFEXITED(wait_status_) && WEXITSTATUS(wait_status_) == 0) return absl::OkStatus();
  return Error(absl::StatusCode::kInternal, "{} {}:\n{}", name(), Describe(wait_status_),
               LogTail());
}

std::string ChildProcess::LogFrom(size_t offset) const {
  std::ostringstream text;
  text << std::ifstream(options_.log_file).rdbuf();
  std::string log = text.str();
  return log.erase(0, std::min(offset, log.size()));
}

std::string ChildProcess::LogTail() const {
  constexpr size_t kTailBytes = 6'000;
  std::string tail = LogFrom(0);
  if (tail.size() > kTailBytes) tail.erase(0, tail.size() - kTailBytes);
  return tail;
}

Port::~Port() {
  if (holder_ >= 0) close(holder_);
}

absl::StatusOr<Port> Port::Reserve() {
  constexpr int kLowest = 15'000;
  int below = 32'768;
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  range >> below;
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> ports(kLowest, std::max(below, kLowest + 100) - 1);
  for (int attempt = 0; attempt < 200; ++attempt) {
    const int port = ports(random);
    const int holder = Hold(port);
    if (holder >= 0 && IsFree(port)) return Port(port, holder);
    if (holder >= 0) close(holder);
  }
  return absl::UnavailableError("no free port on 127.0.0.1");
}

}  // namespace cievents::faults
