// A program of ours as a child process: started, killed, and started again.
#ifndef TESTS_FAULTS_CHILD_PROCESS_H_
#define TESTS_FAULTS_CHILD_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/lib/store/postgres_programs.h"

namespace cievents::faults {

// For one thread at a time. The child is interrupted when this process dies, so that a test that is
// killed leaves nothing behind.
class ChildProcess {
 public:
  // `ready_file` empty: there is none to wait for.
  struct Options {
    std::vector<std::string> command;  // an absolute path first
    std::string log_file;              // output is appended
    std::string ready_file;
    std::string name;  // in messages; empty: the second word of the command
  };

  explicit ChildProcess(Options options);
  ~ChildProcess();  // Kill

  // Starts it; it must not run.
  absl::Status Start();
  // Waits until it has written its ready file. An error if it ends instead; the message holds the
  // end of its log.
  absl::Status AwaitReady(std::chrono::seconds timeout);
  // SIGKILL, and waits for its end. An error if it had ended by itself before.
  absl::Status Kill();
  // SIGTERM, and waits for its end; the error says if that was not a clean exit.
  absl::Status Terminate(std::chrono::seconds timeout);
  // Waits for its end by itself.
  absl::Status AwaitExit(std::chrono::seconds timeout);

  // Of the child; 0 = it does not run, as far as is known.
  pid_t pid() const { return pid_; }
  // True: it has ended by itself (and was waited for).
  bool Ended() { return Reap(); }
  // What its log has from `offset` bytes on.
  std::string LogFrom(size_t offset) const;
  // The last lines of its log.
  std::string LogTail() const;

 private:
  // True: it has ended, and `wait_status_` says how.
  bool Reap();

  std::string name() const { return options_.name.empty() ? options_.command[1] : options_.name; }

  const Options options_;
  store::Spawner spawner_;
  pid_t pid_ = 0;  // 0 = does not run
  int wait_status_ = 0;
};

// A port of 127.0.0.1 that was free. Below the range that the kernel gives to outgoing connections:
// while the server on it is dead nobody else may get it, not even a client that tries to reach it
// and would connect to itself. Nor may another run: as long as this lives, nobody who asks here, in
// whatever process of the machine, gets the same one.
class Port {
 public:
  static absl::StatusOr<Port> Reserve();
  ~Port();
  Port(Port&& other) noexcept : number_(other.number_), holder_(std::exchange(other.holder_, -1)) {}
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  int number() const { return number_; }

 private:
  Port(int number, int holder) : number_(number), holder_(holder) {}

  int number_;
  int holder_;  // a socket whose name says the number: the kernel lets only one have it
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_CHILD_PROCESS_H_
