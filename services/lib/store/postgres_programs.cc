#include "services/lib/store/postgres_programs.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "matcher/base/status.h"

namespace cievents::store {
namespace {

namespace fs = std::filesystem;

bool IsExecutable(const fs::path& path) { return access(path.c_str(), X_OK) == 0; }

bool HasPrograms(const std::string& directory) {
  return IsExecutable(fs::path(directory) / "initdb") &&
         IsExecutable(fs::path(directory) / "postgres");
}

std::vector<std::string> Candidates() {
  std::vector<std::string> directories;
  if (const char* chosen = std::getenv("PG_BINDIR"); chosen != nullptr && *chosen != '\0') {
    return {chosen};
  }
  std::istringstream path(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"));
  for (std::string directory; std::getline(path, directory, ':');) {
    directories.push_back(directory);
  }
  std::vector<std::pair<int, std::string>> installed;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    installed.emplace_back(std::atoi(entry.path().filename().c_str()), entry.path() / "bin");
  }
  std::sort(installed.rbegin(), installed.rend());
  for (const auto& [version, directory] : installed) directories.push_back(directory);
  return directories;
}

// Whether this process may hand on CAP_DAC_READ_SEARCH; containers often lack it.
bool MayReadEverything() {
  constexpr uint64_t kDacReadSearch = 1 << 2;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("CapPrm:", 0) != 0) continue;
    return (std::strtoull(line.c_str() + strlen("CapPrm:"), nullptr, 16) & kDacReadSearch) != 0;
  }
  return false;
}

std::string FindSetpriv() {
  for (const char* path : {"/usr/bin/setpriv", "/bin/setpriv", "/usr/local/bin/setpriv"}) {
    if (IsExecutable(path)) return path;
  }
  return "";
}

absl::StatusOr<pid_t> SpawnHere(const std::vector<std::string>& command,
                                const std::string& log_file) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  // Not ours: a locale would translate and reorder, and PG* variables would redirect.
  char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
  char locale[] = "LC_ALL=C";
  char zone[] = "TZ=UTC";
  char* environment[] = {path, locale, zone, nullptr};

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log_file.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  // A group of its own: a terminal's Ctrl-C is for us, who then stop Postgres last.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, arguments[0], &actions, &attributes, arguments.data(), environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return Error(absl::StatusCode::kInternal, "cannot start {}: {}", command[0],
                 std::strerror(error));
  }
  return pid;
}

}  // namespace

absl::StatusOr<std::string> PostgresMajor(const std::string& directory) {
  // Asked for by its output, because folders may be called anything.
  const std::string command = fmt::format("'{}/postgres' --version", directory);
  FILE* output = popen(command.c_str(), "re");
  if (output == nullptr) return absl::InternalError("cannot run " + command);
  char line[256] = {};
  const bool read = std::fgets(line, sizeof(line), output) != nullptr;
  pclose(output);
  const std::string text = read ? line : "";  // postgres (PostgreSQL) 15.8 (Debian ...)
  const size_t begin = text.find_first_of("0123456789");
  if (begin == std::string::npos) return absl::InternalError(command + " prints no version");
  return text.substr(begin, text.find_first_not_of("0123456789", begin) - begin);
}

absl::StatusOr<std::string> FindPostgresPrograms(const std::string& major) {
  std::string other;
  for (const std::string& candidate : Candidates()) {
    if (!HasPrograms(candidate)) continue;
    // Behind a link, because the other programs stand there too.
    std::error_code error;
    const fs::path program = fs::canonical(fs::path(candidate) / "postgres", error);
    const std::string directory = error ? candidate : program.parent_path().string();
    if (major.empty()) return directory;
    const auto found = PostgresMajor(directory);
    if (found.ok() && *found == major) return directory;
    other = directory;
  }
  if (!other.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "the data folder belongs to Postgres {}, found is only {}: install postgresql-{}, "
                 "or use another data folder",
                 major, other, major);
  }
  return absl::FailedPreconditionError(
      "no Postgres found: install it (Debian: postgresql), or set PG_BINDIR to the folder that "
      "holds "
      "initdb and postgres");
}

absl::StatusOr<RunAs> ChooseUser() {
  if (geteuid() != 0) return RunAs{};
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* user = getpwnam(name); user != nullptr) {
      return RunAs{true, user->pw_uid, user->pw_gid};
    }
  }
  return absl::FailedPreconditionError(
      "Postgres does not run as root, and there is no user postgres or nobody: run as another "
      "user");
}

std::vector<std::string> WithUser(const RunAs& user, std::vector<std::string> command) {
  const std::string setpriv = FindSetpriv();
  if (setpriv.empty()) return command;  // Postgres itself refuses to run as root
  std::vector<std::string> prefix = {setpriv, "--pdeathsig", "INT"};
  if (user.change) {
    prefix.push_back(fmt::format("--reuid={}", user.uid));
    prefix.push_back(fmt::format("--regid={}", user.gid));
    prefix.push_back("--clear-groups");
    if (MayReadEverything()) {
      // The data folder may lie below one that the user may not enter, like root's home.
      prefix.push_back("--inh-caps=+dac_read_search");
      prefix.push_back("--ambient-caps=+dac_read_search");
    }
  }
  command.insert(command.begin(), prefix.begin(), prefix.end());
  return command;
}

Spawner::Spawner() : thread_([this] { Run(); }) {}

Spawner::~Spawner() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Spawner::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || task_ != nullptr; });
    if (stopping_) return;
    task_();
    task_ = nullptr;
    changed_.notify_all();
  }
}

absl::StatusOr<pid_t> Spawner::Spawn(const std::vector<std::string>& command,
                                     const std::string& log_file) {
  absl::StatusOr<pid_t> pid = absl::InternalError("not run");
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return task_ == nullptr; });
  task_ = [&pid, &command, &log_file] { pid = SpawnHere(command, log_file); };
  changed_.notify_all();
  changed_.wait(lock, [this] { return task_ == nullptr; });
  return pid;
}

}  // namespace cievents::store
