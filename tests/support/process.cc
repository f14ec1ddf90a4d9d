#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "tests/support/temp_folder.h"

extern char** environ;

namespace cievents::support {
namespace {

void Require(int error, const char* what) {
  if (error == 0) return;
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(error));
  std::abort();
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (changes.count(text.substr(0, text.find('='))) == 0) variables.push_back(text);
  }
  for (const auto& [name, value] : changes) {
    if (!value.empty()) variables.push_back(name + "=" + value);
  }
  return variables;
}

// State letter and parent from /proc/PID/stat; state 0 = no such process.
std::pair<char, pid_t> StateOf(pid_t pid) {
  const std::string stat = ReadWholeFile("/proc/" + std::to_string(pid) + "/stat");
  const size_t end_of_name = stat.rfind(')');
  char state = 0;
  pid_t parent = 0;
  if (end_of_name != std::string::npos) {
    std::sscanf(stat.c_str() + end_of_name + 1, " %c %d", &state, &parent);
  }
  return {state, parent};
}

}  // namespace

std::string CieventsBinary() {
  const char* configured = std::getenv("CIEVENTS_BINARY");
  return configured != nullptr ? configured : CIEVENTS_BINARY;
}

std::unique_ptr<Process> Process::Start(const ProcessOptions& options) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const int append = O_WRONLY | O_CREAT | O_APPEND;
  posix_spawn_file_actions_addopen(
      &actions, 1, options.stdout_file.empty() ? "/dev/null" : options.stdout_file.c_str(), append,
      0600);
  posix_spawn_file_actions_addopen(
      &actions, 2, options.stderr_file.empty() ? "/dev/null" : options.stderr_file.c_str(), append,
      0600);
  std::string input_file = "/dev/null";
  if (!options.input.empty()) {
    char name[] = "/tmp/cie-in-XXXXXX";
    const int fd = mkstemp(name);
    input_file = name;
    if (write(fd, options.input.data(), options.input.size()) !=
        static_cast<ssize_t>(options.input.size())) {
      Require(errno, "writing the standard input");
    }
    close(fd);
  }
  posix_spawn_file_actions_addopen(&actions, 0, input_file.c_str(), O_RDONLY, 0);
  if (!options.folder.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, options.folder.c_str());
  }
  std::vector<std::string> arguments = {"setpriv", "--pdeathsig", "TERM", "--"};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment = Environment(options.environment);
  pid_t pid = 0;
  Require(posix_spawnp(&pid, "setpriv", &actions, nullptr, Pointers(arguments).data(),
                       Pointers(environment).data()),
          "posix_spawn");
  posix_spawn_file_actions_destroy(&actions);
  std::unique_ptr<Process> process(new Process(pid));
  if (input_file != "/dev/null") {
    // The name may go once the program has it open, which is so once setpriv has become it.
    const std::string link = "/proc/" + std::to_string(pid) + "/fd/0";
    WaitUntil([&] {
      std::error_code ignored;
      return !process->Running() || std::filesystem::equivalent(link, input_file, ignored);
    });
    unlink(input_file.c_str());
  }
  return process;
}

Process::~Process() {
  if (!Running()) return;
  Signal(SIGKILL);
  Wait();
}

bool Process::Running() {
  if (exit_code_.has_value()) return false;
  int status = 0;
  const pid_t ended = waitpid(pid_, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return true;
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return false;
}

void Process::Signal(int signal) {
  if (Running()) kill(pid_, signal);
}

std::optional<int> Process::Wait(std::chrono::milliseconds limit) {
  WaitUntil([this] { return !Running(); }, limit);
  return exit_code_;
}

Finished Run(ProcessOptions options, std::chrono::milliseconds limit) {
  const TempFolder folder;
  options.stdout_file = folder / "out";
  options.stderr_file = folder / "err";
  const std::unique_ptr<Process> process = Process::Start(options);
  Finished finished;
  finished.exit_code = process->Wait(limit).value_or(-1);
  if (finished.exit_code == -1) {
    process->Signal(SIGKILL);
    process->Wait();
  }
  finished.out = ReadWholeFile(options.stdout_file);
  finished.err = ReadWholeFile(options.stderr_file);
  return finished;
}

bool IsAlive(pid_t pid) {
  const char state = StateOf(pid).first;
  return state != 0 && state != 'Z' && state != 'X';
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    pid_t child = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), child);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    if (StateOf(child).second == pid) children.push_back(child);
  }
  return children;
}

}  // namespace cievents::support
