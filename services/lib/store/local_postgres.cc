#include "services/lib/store/local_postgres.h"

#include <libpq-fe.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>
#include <utility>

#include "matcher/base/status.h"
#include "services/lib/store/postgres_programs.h"

namespace cievents::store {
namespace {

namespace fs = std::filesystem;

constexpr char kSuperuser[] = "postgres";
// A socket's path has 107 bytes at most; this much of it is the file's name.
constexpr size_t kSocketDirBytesMax = 107 - sizeof("/.s.PGSQL.5432");
constexpr std::chrono::milliseconds kPollInterval{10};
constexpr std::chrono::seconds kStartMax{60};
constexpr std::chrono::seconds kStopMax{60};
constexpr std::chrono::seconds kReadyMax{2};   // for such a server to begin to stop
constexpr std::chrono::seconds kStaleMax{20};  // for an earlier server of this folder to go away

// Waits for a condition of another process, which cannot signal us.
bool Until(std::chrono::seconds limit, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(kPollInterval);
  }
  return true;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What was written to the log since `offset`, its end, for messages.
std::string LogSince(const std::string& log_file, uintmax_t offset) {
  constexpr size_t kBytesMax = 2000;
  std::string text = ReadFile(log_file);
  text.erase(0, std::min<size_t>(offset, text.size()));
  if (text.size() > kBytesMax) text.erase(0, text.size() - kBytesMax);
  return text;
}

uintmax_t SizeOf(const std::string& file) {
  std::error_code error;
  const uintmax_t size = fs::file_size(file, error);
  return error ? 0 : size;
}

// State letter and parent of a process, from /proc/PID/stat; 0 = there is no such process.
struct ProcessState {
  char state = 0;
  pid_t parent = 0;
};

ProcessState StateOf(pid_t pid) {
  const std::string stat = ReadFile(fmt::format("/proc/{}/stat", pid));
  const size_t end_of_name = stat.rfind(')');  // a name may hold spaces and brackets
  ProcessState result;
  if (end_of_name == std::string::npos) return result;
  std::sscanf(stat.c_str() + end_of_name + 1, " %c %d", &result.state, &result.parent);
  return result;
}

bool IsGone(pid_t pid) {
  const char state = StateOf(pid).state;
  return state == 0 || state == 'Z' || state == 'X';
}

std::vector<pid_t> ChildrenOf(pid_t parent) {
  std::vector<pid_t> children;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) continue;
    if (StateOf(pid).parent == parent) children.push_back(pid);
  }
  return children;
}

absl::Status GiveFolder(const std::string& path, const RunAs& user) {
  if (chmod(path.c_str(), 0700) != 0 ||
      (user.change && chown(path.c_str(), user.uid, user.gid) != 0)) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "cannot give the folder {} to Postgres' user: {}", path, std::strerror(errno));
  }
  return absl::OkStatus();
}

// A folder of Postgres' own. One that is there already is left as it is: it may be /tmp.
absl::Status MakeFolder(const std::string& path, const RunAs& user) {
  std::error_code error;
  const bool made = fs::create_directories(path, error);
  if (error) {
    return Error(absl::StatusCode::kFailedPrecondition, "cannot make the folder {}: {}", path,
                 error.message());
  }
  if (made) return GiveFolder(path, user);
  return absl::OkStatus();
}

}  // namespace

class LocalPostgres::State {
 public:
  explicit State(LocalPostgresOptions options) : options_(std::move(options)) {}
  ~State() {
    Stop().IgnoreError();  // nobody is left to hear it
    if (own_socket_dir_) {
      std::error_code ignored;
      fs::remove_all(options_.socket_dir, ignored);
    }
  }

  absl::Status Prepare();
  absl::Status Launch();
  absl::Status Stop();
  absl::Status KillAll();
  bool Running();
  std::string Dsn(const std::string& database) const;
  pid_t pid() const { return pid_; }

 private:
  absl::Status PrepareSocketFolder();
  absl::Status InitializeData();
  absl::Status AwaitNoOtherServer();
  std::vector<std::string> Command() const;
  // OK: it takes connections. kUnavailable: it ended, but another try may help.
  absl::Status LaunchOnce();
  bool TakesConnections() const;

  LocalPostgresOptions options_;
  std::string programs_;
  RunAs user_;
  bool own_socket_dir_ = false;
  pid_t pid_ = 0;  // 0 = not running
  Spawner spawner_;
};

absl::Status LocalPostgres::State::Prepare() {
  std::error_code error;
  options_.data_dir = fs::absolute(options_.data_dir, error).lexically_normal();
  if (options_.log_file.empty()) {
    options_.log_file = fs::path(options_.data_dir).parent_path() / "postgres.log";
  }
  options_.log_file = fs::absolute(options_.log_file, error);
  std::string major = ReadFile(fs::path(options_.data_dir) / "PG_VERSION");
  while (!major.empty() && major.back() == '\n') major.pop_back();
  CIEVENTS_ASSIGN_OR_RETURN(programs_, FindPostgresPrograms(major));
  CIEVENTS_ASSIGN_OR_RETURN(user_, ChooseUser());
  CIEVENTS_RETURN_IF_ERROR(PrepareSocketFolder());
  if (!major.empty()) return absl::OkStatus();
  return InitializeData();
}

absl::Status LocalPostgres::State::PrepareSocketFolder() {
  if (options_.socket_dir.empty()) {
    char folder[] = "/tmp/cievents-XXXXXX";
    if (mkdtemp(folder) == nullptr) {
      return Error(absl::StatusCode::kFailedPrecondition, "cannot make a folder in /tmp: {}",
                   std::strerror(errno));
    }
    options_.socket_dir = folder;
    own_socket_dir_ = true;
    return GiveFolder(options_.socket_dir, user_);
  }
  if (options_.socket_dir.size() > kSocketDirBytesMax) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "the socket folder {} has {} bytes, {} are possible: name a shorter one",
                 options_.socket_dir, options_.socket_dir.size(), kSocketDirBytesMax);
  }
  return MakeFolder(options_.socket_dir, user_);
}

absl::Status LocalPostgres::State::InitializeData() {
  // Made beside its place and moved there, so that an initdb that was killed leaves no half folder
  // that looks like a whole one.
  const std::string fresh = options_.data_dir + ".new";
  std::error_code error;
  fs::remove_all(fresh, error);
  fs::create_directories(fs::path(options_.data_dir).parent_path(), error);
  if (fs::exists(options_.data_dir, error) && !fs::is_empty(options_.data_dir, error)) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "{} is neither empty nor a Postgres data folder: name another one",
                 options_.data_dir);
  }
  CIEVENTS_RETURN_IF_ERROR(MakeFolder(fresh, user_));
  std::vector<std::string> command = {programs_ + "/initdb",
                                      "-D",
                                      fresh,
                                      "-U",
                                      kSuperuser,
                                      "-A",
                                      "trust",
                                      "-E",
                                      "UTF8",
                                      "--locale=C",
                                      "--no-instructions"};
  if (options_.fsync == Fsync::kOff) command.push_back("--no-sync");
  const uintmax_t offset = SizeOf(options_.log_file);
  CIEVENTS_ASSIGN_OR_RETURN(const pid_t child,
                            spawner_.Spawn(WithUser(user_, command), options_.log_file));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "initdb of {} failed: {}",
                 options_.data_dir, LogSince(options_.log_file, offset));
  }
  fs::remove(options_.data_dir, error);  // an empty one
  fs::rename(fresh, options_.data_dir, error);
  if (!error) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "cannot move {} to {}: {}", fresh,
               options_.data_dir, error.message());
}

// A pid file outlives a server that was killed, and in a container its number soon belongs to
// somebody else, which Postgres takes for a living server.
absl::Status LocalPostgres::State::AwaitNoOtherServer() {
  const fs::path pid_file = fs::path(options_.data_dir) / "postmaster.pid";
  const pid_t other = std::atoi(ReadFile(pid_file).c_str());
  if (other <= 0) return absl::OkStatus();
  const auto serves_this_folder = [other, this] {
    std::error_code error;
    const fs::path folder = fs::read_symlink(fmt::format("/proc/{}/cwd", other), error);
    // Another user's process: it could not serve a folder that is ours.
    if (error) return false;
    return !IsGone(other) && fs::equivalent(folder, options_.data_dir, error);
  };
  // An orphan of a program that just died is on its way out; one that stays ready is somebody's.
  const auto is_ready = [&pid_file] {
    return ReadFile(pid_file).find("\nready") != std::string::npos;
  };
  const auto start = std::chrono::steady_clock::now();
  Until(kStaleMax, [&serves_this_folder, &is_ready, start] {
    return !serves_this_folder() ||
           (is_ready() && std::chrono::steady_clock::now() - start > kReadyMax);
  });
  if (serves_this_folder()) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "another Postgres (process {}) runs on {}: stop it, or name another data folder",
                 other, options_.data_dir);
  }
  std::error_code ignored;
  fs::remove(pid_file, ignored);
  return absl::OkStatus();
}

std::vector<std::string> LocalPostgres::State::Command() const {
  std::vector<std::string> command = {programs_ + "/postgres", "-D", options_.data_dir, "-k",
                                      options_.socket_dir};
  std::vector<std::string> settings = {
      "listen_addresses=",
      "unix_socket_permissions=0700",
      "max_connections=100",
      "shared_buffers=128MB",
      "max_wal_size=1GB",
      // No standby will ever read this server's log.
      "wal_level=minimal",
      "max_wal_senders=0",
      "autovacuum_naptime=10s",
      "max_locks_per_transaction=256",  // an hour of partitions is a table more, and another
      "jit=off",                        // costs more than it gives on short statements
      "timezone=UTC",
      "log_timezone=UTC",
      "log_checkpoints=off",
      "lc_messages=C",
  };
  if (options_.fsync == Fsync::kOff) {
    settings.insert(settings.end(), {"fsync=off", "full_page_writes=off"});
  }
  settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());
  for (const std::string& setting : settings) {
    command.push_back("-c");
    command.push_back(setting);
  }
  return command;
}

bool LocalPostgres::State::TakesConnections() const {
  PGconn* connection = PQconnectdb(Dsn("postgres").c_str());
  const bool ok = PQstatus(connection) == CONNECTION_OK;
  PQfinish(connection);
  return ok;
}

absl::Status LocalPostgres::State::LaunchOnce() {
  std::error_code ignored;
  for (const char* left_over : {".s.PGSQL.5432", ".s.PGSQL.5432.lock"}) {
    fs::remove(fs::path(options_.socket_dir) / left_over, ignored);
  }
  const uintmax_t offset = SizeOf(options_.log_file);
  CIEVENTS_ASSIGN_OR_RETURN(pid_, spawner_.Spawn(WithUser(user_, Command()), options_.log_file));
  const bool settled = Until(kStartMax, [this] { return !Running() || TakesConnections(); });
  if (settled && pid_ != 0) return absl::OkStatus();
  const std::string log = LogSince(options_.log_file, offset);
  CIEVENTS_RETURN_IF_ERROR(Stop());
  const bool may_heal = log.find("pre-existing shared memory block") != std::string::npos;
  return Error(may_heal ? absl::StatusCode::kUnavailable : absl::StatusCode::kFailedPrecondition,
               "Postgres does not start on {} (its log is {}): {}", options_.data_dir,
               options_.log_file, log);
}

absl::Status LocalPostgres::State::Launch() {
  if (Running()) return absl::OkStatus();
  CIEVENTS_RETURN_IF_ERROR(AwaitNoOtherServer());
  absl::Status status;
  // Children of a killed server may hold its shared memory for some seconds.
  Until(kStaleMax, [this, &status] {
    status = LaunchOnce();
    return status.code() != absl::StatusCode::kUnavailable;
  });
  return status;
}

bool LocalPostgres::State::Running() {
  if (pid_ == 0) return false;
  const pid_t ended = waitpid(pid_, nullptr, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return true;
  pid_ = 0;
  return false;
}

absl::Status LocalPostgres::State::Stop() {
  if (!Running()) return absl::OkStatus();
  kill(pid_, SIGINT);
  if (Until(kStopMax, [this] { return !Running(); })) return absl::OkStatus();
  CIEVENTS_RETURN_IF_ERROR(KillAll());
  return Error(absl::StatusCode::kDeadlineExceeded,
               "Postgres on {} did not stop in time and was killed; it will recover at its start",
               options_.data_dir);
}

absl::Status LocalPostgres::State::KillAll() {
  if (!Running()) return absl::OkStatus();
  const pid_t postmaster = pid_;
  kill(postmaster, SIGSTOP);  // it must not make further children meanwhile
  const std::vector<pid_t> children = ChildrenOf(postmaster);
  kill(postmaster, SIGKILL);
  for (const pid_t child : children) kill(child, SIGKILL);
  const bool gone = Until(kStopMax, [this, &children] {
    bool all = !Running();
    for (const pid_t child : children) all = all && IsGone(child);
    return all;
  });
  if (gone) return absl::OkStatus();
  return Error(absl::StatusCode::kDeadlineExceeded, "Postgres (process {}) outlives SIGKILL",
               postmaster);
}

std::string LocalPostgres::State::Dsn(const std::string& database) const {
  // A URI, because that is what people paste; the folder is percent-encoded as its host.
  std::string host;
  for (const char c : options_.socket_dir) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    host += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return fmt::format("postgresql://{}@{}/{}", kSuperuser, host, database);
}

LocalPostgres::LocalPostgres(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalPostgres::~LocalPostgres() = default;

absl::StatusOr<std::unique_ptr<LocalPostgres>> LocalPostgres::Start(LocalPostgresOptions options) {
  if (options.data_dir.empty()) {
    return absl::InvalidArgumentError("a private Postgres needs a data folder");
  }
  auto state = std::make_unique<State>(std::move(options));
  CIEVENTS_RETURN_IF_ERROR(state->Prepare());
  CIEVENTS_RETURN_IF_ERROR(state->Launch());
  return std::unique_ptr<LocalPostgres>(new LocalPostgres(std::move(state)));
}

std::string LocalPostgres::Dsn(const std::string& database) const { return state_->Dsn(database); }

absl::Status LocalPostgres::EnsureDatabase(const std::string& database) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
      PQconnectdb(Dsn("postgres").c_str()), &PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return Error(absl::StatusCode::kUnavailable, "cannot connect to the private Postgres: {}",
                 PQerrorMessage(connection.get()));
  }
  char* quoted = PQescapeIdentifier(connection.get(), database.c_str(), database.size());
  const std::string create = fmt::format("CREATE DATABASE {}", quoted == nullptr ? "" : quoted);
  PQfreemem(quoted);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(
      PQexec(connection.get(), create.c_str()), &PQclear);
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return absl::OkStatus();
  const char* sqlstate = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  constexpr std::string_view kDuplicateDatabase = "42P04";
  constexpr std::string_view kUniqueViolation = "23505";  // two makers at once
  if (sqlstate != nullptr && (sqlstate == kDuplicateDatabase || sqlstate == kUniqueViolation)) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kInternal, "cannot make the database {}: {}", database,
               PQerrorMessage(connection.get()));
}

pid_t LocalPostgres::pid() const { return state_->pid(); }
bool LocalPostgres::running() const { return state_->Running(); }
absl::Status LocalPostgres::Restart() { return state_->Launch(); }
absl::Status LocalPostgres::Stop() { return state_->Stop(); }
absl::Status LocalPostgres::KillAll() { return state_->KillAll(); }

}  // namespace cievents::store
