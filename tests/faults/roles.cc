#include "tests/faults/roles.h"

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "matcher/base/status.h"
#include "tests/faults/cluster_copy.h"

namespace cievents::faults {
namespace {

constexpr std::chrono::seconds kStartMax{60};
constexpr std::chrono::seconds kStopMax{30};

std::string Endpoint(int port) { return fmt::format("127.0.0.1:{}", port); }

std::unique_ptr<ChildProcess> MakeRole(const Roles::Options& options,
                                       const std::vector<std::string>& prefix,
                                       const std::string& binary, const std::string& role,
                                       const std::string& dsn, int port,
                                       const std::vector<std::string>& more = {}) {
  const std::string base = options.folder + "/" + role;
  std::vector<std::string> command = prefix;
  command.insert(command.end(), {binary, role, "--database-url", dsn, "--listen", Endpoint(port),
                                 "--ready-file", base + ".json", "--log-format", "human"});
  command.insert(command.end(), more.begin(), more.end());
  return std::make_unique<ChildProcess>(
      ChildProcess::Options{std::move(command), base + ".log", base + ".json", role});
}

// What is started again must be what ran before, even if somebody builds meanwhile.
absl::Status CopyProgram(const std::string& copy, std::string* program) {
  std::error_code error;
  std::filesystem::create_hard_link(*program, copy,
                                    error);  // the linker writes a new file
  if (error) std::filesystem::copy_file(*program, copy, error);
  if (error) {
    return Error(absl::StatusCode::kInternal, "cannot copy {} to {}: {}", *program, copy,
                 error.message());
  }
  *program = copy;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ChaosProxy>> ProxyTo(const std::string& server_socket,
                                                    int server_port, uint64_t seed) {
  CIEVENTS_ASSIGN_OR_RETURN(const int port, FreePort());
  ChaosProxy::Options options;
  options.server_socket = server_socket;
  options.server_port = server_port;
  options.listen_port = port;
  options.seed = seed;
  return ChaosProxy::Start(options);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Roles>> Roles::Start(const Options& given) {
  Options options = given;
  CIEVENTS_RETURN_IF_ERROR(CopyProgram(options.folder + "/product", &options.product_binary));
  CIEVENTS_RETURN_IF_ERROR(CopyProgram(options.folder + "/with_matcher", &options.matcher_binary));
  std::unique_ptr<Roles> roles(new Roles());
  store::LocalPostgresOptions postgres;
  postgres.data_dir = options.folder + "/data";
  postgres.socket_dir = options.folder + "/socket";
  postgres.fsync = store::Fsync::kOn;  // what is acknowledged must survive the kill for good
  postgres.settings = {"shared_buffers=64MB"};
  postgres.settings.insert(postgres.settings.end(), options.postgres_settings.begin(),
                           options.postgres_settings.end());
  CIEVENTS_RETURN_IF_ERROR(CopyCluster(postgres.data_dir));
  CIEVENTS_ASSIGN_OR_RETURN(roles->postgres_, store::LocalPostgres::Start(postgres));
  roles->dsn_ = roles->postgres_->Dsn(kDatabase);
  if (options.prepare) CIEVENTS_RETURN_IF_ERROR(options.prepare(roles->dsn_));

  CIEVENTS_ASSIGN_OR_RETURN(roles->store_proxy_,
                            ProxyTo(postgres.socket_dir + "/.s.PGSQL.5432", 0, options.seed));
  CIEVENTS_ASSIGN_OR_RETURN(roles->ingest_port_, FreePort());
  do {
    CIEVENTS_ASSIGN_OR_RETURN(roles->matcher_port_, FreePort());
  } while (roles->matcher_port_ == roles->ingest_port_);
  CIEVENTS_ASSIGN_OR_RETURN(roles->door_proxy_, ProxyTo("", roles->matcher_port_, options.seed));
  roles->ingest_ =
      MakeRole(options, {}, options.product_binary, "ingest", roles->dsn_, roles->ingest_port_);
  roles->matcher_ = MakeRole(
      options, options.matcher_prefix, options.matcher_binary, "matcher",
      fmt::format("postgresql://postgres@{}/{}", Endpoint(roles->store_proxy_->port()), kDatabase),
      roles->matcher_port_,
      options.spool_dir.empty() ? std::vector<std::string>()
                                : std::vector<std::string>{"--spool-dir", options.spool_dir});
  CIEVENTS_RETURN_IF_ERROR(roles->StartIngest());
  return roles;
}

std::string Roles::ingest_endpoint() const { return Endpoint(ingest_port_); }
std::string Roles::matcher_endpoint() const { return Endpoint(matcher_port_); }
std::string Roles::proxied_matcher_endpoint() const { return Endpoint(door_proxy_->port()); }

absl::Status Roles::StartMatcher() {
  CIEVENTS_RETURN_IF_ERROR(matcher_->Start());
  return matcher_->AwaitReady(kStartMax);
}

absl::Status Roles::KillMatcher() { return matcher_->Kill(); }

absl::Status Roles::StartIngest() {
  CIEVENTS_RETURN_IF_ERROR(ingest_->Start());
  return ingest_->AwaitReady(kStartMax);
}

absl::Status Roles::KillIngest() { return ingest_->Kill(); }

absl::Status Roles::StartPostgres() {
  const auto end = std::chrono::steady_clock::now() + kStartMax;
  while (true) {
    const absl::Status status = postgres_->Restart();
    if (status.ok() || std::chrono::steady_clock::now() >= end) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

absl::Status Roles::KillPostgres() {
  if (!postgres_->running()) return absl::InternalError("Postgres had ended before it was killed");
  return postgres_->KillAll();
}

absl::Status Roles::StopPostgresImmediately() {
  if (!postgres_->running()) return absl::InternalError("Postgres had ended before it was stopped");
  kill(postgres_->pid(), SIGQUIT);
  const auto end = std::chrono::steady_clock::now() + kStopMax;
  while (postgres_->running()) {
    if (std::chrono::steady_clock::now() > end) {
      return absl::DeadlineExceededError("Postgres does not stop at once");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return absl::OkStatus();
}

absl::Status Roles::StopPostgresInOrder() { return postgres_->Stop(); }

absl::Status Roles::StopServices() {
  const absl::Status matcher = matcher_->Terminate(kStopMax);
  CIEVENTS_RETURN_IF_ERROR(ingest_->Terminate(kStopMax));
  return matcher;
}

void Roles::StopPostgres() { postgres_->KillAll().IgnoreError(); }

}  // namespace cievents::faults
