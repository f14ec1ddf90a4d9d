// A server that is measured from outside: a process of its own, its processor time read from its
// own clock.
#ifndef LOADTEST_SERVICE_SERVER_PROCESS_H_
#define LOADTEST_SERVICE_SERVER_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace cievents::loadtest {

// Ends the load test with a message: what is measured does not work.
[[noreturn]] void Die(std::string_view what, std::string_view why);

class ServerProcess {
 public:
  // Starts the program `arguments[0]` and waits until it has written `ready_file` (the JSON of
  // services/cli/ready_file.h), which is removed before. Its output is appended to `log_file`. Ends
  // the load test if the program ends or is not ready in two minutes.
  static std::unique_ptr<ServerProcess> Start(const std::vector<std::string>& arguments,
                                              const std::string& ready_file,
                                              const std::string& log_file);
  ~ServerProcess();  // SIGTERM, waits

  const std::string& address() const { return address_; }  // host:port
  pid_t pid() const { return pid_; }
  double CpuSeconds() const;  // of all its threads, since it began
  size_t ResidentBytes() const;
  size_t ResidentBytesMax() const;  // the most that it has ever had

  // From the spawn until it was ready.
  double start_seconds() const { return start_seconds_; }
  double start_cpu_seconds() const { return start_cpu_seconds_; }

 private:
  ServerProcess() = default;
  bool Running();

  pid_t pid_ = 0;
  std::string address_;
  double start_seconds_ = 0;
  double start_cpu_seconds_ = 0;
};

// Processor time of a process and, for Postgres' postmaster, of all its children, those that have
// ended included.
double CpuSecondsOf(pid_t pid);
double CpuSecondsOfFamily(pid_t pid);

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_SERVER_PROCESS_H_
