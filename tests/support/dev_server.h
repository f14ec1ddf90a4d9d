// A `cievents dev` of this build, and the command line that talks to it.
#ifndef TESTS_SUPPORT_DEV_SERVER_H_
#define TESTS_SUPPORT_DEV_SERVER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace cievents::support {

// What a server writes to its ready file.
struct Ready {
  std::string grpc;      // host:port
  std::string postgres;  // libpq URI
  int64_t pid = 0;
  std::string text;  // the file as it is
};

// Waits for the ready file that `process` writes. Nothing: it ended, or the time is over.
std::optional<Ready> WaitForReadyFile(const std::string& path, Process& process);

class DevServer {
 public:
  // Keeps its data in `folder`/state, which must outlive it.
  explicit DevServer(const TempFolder& folder) : folder_(folder) {}
  ~DevServer();  // Stop

  // Starts it and waits until it serves. False: it did not; Log() says why.
  bool Start();
  // SIGTERM; returns the exit code, or nothing if it had to be killed.
  std::optional<int> Stop();
  // SIGKILL: no goodbye to Postgres.
  void Kill();

  const Ready& ready() const { return ready_; }
  const std::string& endpoint() const { return ready_.grpc; }
  std::string data_dir() const { return folder_ / "state"; }
  std::string ready_path() const { return folder_ / "state/ready.json"; }
  Process& process() { return *process_; }
  // What it wrote to stderr, over all starts.
  std::string Log() const { return ReadWholeFile(folder_ / "dev.log"); }

  // Runs `cievents ARGUMENTS...` against this server, in `folder`.
  Finished Cli(std::vector<std::string> arguments, const std::string& input = "") const;

 private:
  const TempFolder& folder_;
  std::unique_ptr<Process> process_;
  Ready ready_;
};

}  // namespace cievents::support

#endif  // TESTS_SUPPORT_DEV_SERVER_H_
