#include "loadtest/service/server_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "loadtest/harness/clocks.h"
#include "loadtest/harness/machine.h"

extern char** environ;

namespace cievents::loadtest {
namespace {

constexpr double kReadySecondsMax = 120;
constexpr useconds_t kPollMicroseconds = 500;  // the other process cannot signal us

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The value of the key `grpc`.
std::string AddressIn(const std::string& ready_json) {
  constexpr std::string_view kKey = "\"grpc\":";
  const size_t key = ready_json.find(kKey);
  if (key == std::string::npos) return "";
  const size_t begin = ready_json.find('"', key + kKey.size()) + 1;
  return ready_json.substr(begin, ready_json.find('"', begin) - begin);
}

pid_t Spawn(const std::vector<std::string>& arguments, const std::string& log_file) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) {
    pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  pointers.push_back(nullptr);
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) Die(arguments[0], std::strerror(failed));
  return pid;
}

// Fields of /proc/PID/stat behind the name, which may hold spaces: field 3 (the state) is [0].
std::vector<std::string> StatFields(pid_t pid) {
  const std::string stat = ReadFile(fmt::format("/proc/{}/stat", pid));
  const size_t end_of_name = stat.rfind(')');
  std::vector<std::string> fields;
  if (end_of_name == std::string::npos) return fields;
  for (size_t at = end_of_name + 2; at < stat.size();) {
    const size_t end = std::min(stat.find(' ', at), stat.size());
    fields.push_back(stat.substr(at, end - at));
    at = end + 1;
  }
  return fields;
}

constexpr size_t kParentField = 1;
constexpr size_t kEndedChildrenUserField = 13;
constexpr size_t kEndedChildrenSystemField = 14;

// "123 kB" in bytes.
size_t StatusBytes(pid_t pid, const std::string& key) {
  const std::string value = FindProcValue(ReadFile(fmt::format("/proc/{}/status", pid)), key);
  return static_cast<size_t>(std::strtoull(value.c_str(), nullptr, 10)) * 1024;
}

}  // namespace

void Die(std::string_view what, std::string_view why) {
  fmt::print(stderr, "service_loadtest: {}: {}\n", what, why);
  std::exit(1);
}

std::unique_ptr<ServerProcess> ServerProcess::Start(const std::vector<std::string>& arguments,
                                                    const std::string& ready_file,
                                                    const std::string& log_file) {
  unlink(ready_file.c_str());
  std::unique_ptr<ServerProcess> process(new ServerProcess());
  const double begin = WallSeconds();
  process->pid_ = Spawn(arguments, log_file);
  while (access(ready_file.c_str(), R_OK) != 0) {
    if (!process->Running()) Die(arguments[0], "it has ended; its output is in " + log_file);
    if (WallSeconds() - begin > kReadySecondsMax) Die(arguments[0], "it does not become ready");
    usleep(kPollMicroseconds);
  }
  process->start_seconds_ = WallSeconds() - begin;
  process->start_cpu_seconds_ = process->CpuSeconds();
  process->address_ = AddressIn(ReadFile(ready_file));
  if (process->address_.empty()) Die(arguments[0], "its ready file names no address");
  return process;
}

ServerProcess::~ServerProcess() {
  if (pid_ == 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

bool ServerProcess::Running() {
  if (pid_ != 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
  return pid_ != 0;
}

double ServerProcess::CpuSeconds() const { return CpuSecondsOf(pid_); }
size_t ServerProcess::ResidentBytes() const { return StatusBytes(pid_, "VmRSS"); }
size_t ServerProcess::ResidentBytesMax() const { return StatusBytes(pid_, "VmHWM"); }

double CpuSecondsOf(pid_t pid) {
  clockid_t clock = 0;
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double CpuSecondsOfFamily(pid_t pid) {
  double seconds = CpuSecondsOf(pid);
  const std::vector<std::string> own = StatFields(pid);
  if (own.size() > kEndedChildrenSystemField) {
    const double ticks = std::strtod(own[kEndedChildrenUserField].c_str(), nullptr) +
                         std::strtod(own[kEndedChildrenSystemField].c_str(), nullptr);
    seconds += ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    pid_t child = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), child).ec != std::errc()) continue;
    const std::vector<std::string> fields = StatFields(child);
    if (fields.size() > kParentField && fields[kParentField] == std::to_string(pid)) {
      seconds += CpuSecondsOf(child);
    }
  }
  return seconds;
}

}  // namespace cievents::loadtest
