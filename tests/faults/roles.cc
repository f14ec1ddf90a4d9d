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

// `name` is that of its files.
std::unique_ptr<ChildProcess> MakeRole(const Roles::Options& options, const std::string& name,
                                       const std::vector<std::string>& command_begin,
                                       const std::string& dsn, int port,
                                       const std::vector<std::string>& more = {}) {
  const std::string base = options.folder + "/" + name;
  std::vector<std::string> command = command_begin;
  command.insert(command.end(), {"--database-url", dsn, "--listen", Endpoint(port), "--ready-file",
                                 base + ".json", "--log-format", "human"});
  command.insert(command.end(), more.begin(), more.end());
  return std::make_unique<ChildProcess>(
      ChildProcess::Options{std::move(command), base + ".log", base + ".json", name});
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

}  // namespace

std::string SpoolDir(const std::string& spool_dir, int shard) {
  return shard == 0 ? spool_dir : fmt::format("{}-{}", spool_dir, shard);
}

absl::StatusOr<std::unique_ptr<Roles>> Roles::Start(const Options& given) {
  std::unique_ptr<Roles> roles(new Roles(given));
  Options& options = roles->options_;
  CIEVENTS_RETURN_IF_ERROR(CopyProgram(options.folder + "/product", &options.product_binary));
  CIEVENTS_RETURN_IF_ERROR(CopyProgram(options.folder + "/with_matcher", &options.matcher_binary));
  store::LocalPostgresOptions postgres;
  postgres.data_dir = options.folder + "/data";
  postgres.socket_dir = options.folder + "/socket";
  postgres.fsync = store::Fsync::kOn;  // what is acknowledged must survive the kill for good
  postgres.settings = {"shared_buffers=64MB"};
  postgres.settings.insert(postgres.settings.end(), options.postgres_settings.begin(),
                           options.postgres_settings.end());
  CIEVENTS_RETURN_IF_ERROR(CopyCluster(postgres.data_dir));
  if (options.prepare_data) CIEVENTS_RETURN_IF_ERROR(options.prepare_data(options.folder));
  CIEVENTS_ASSIGN_OR_RETURN(roles->postgres_, store::LocalPostgres::Start(postgres));
  roles->dsn_ = roles->postgres_->Dsn(kDatabase);
  if (options.prepare) CIEVENTS_RETURN_IF_ERROR(options.prepare(roles->dsn_));

  CIEVENTS_ASSIGN_OR_RETURN(roles->store_proxy_,
                            roles->ProxyTo(postgres.socket_dir + "/.s.PGSQL.5432", 0));
  CIEVENTS_ASSIGN_OR_RETURN(roles->ingest_port_, roles->NewPort());
  roles->ingest_ = MakeRole(options, "ingest", {options.product_binary, "ingest"}, roles->dsn_,
                            roles->ingest_port_);
  for (int shard = 0; shard < options.shards; ++shard) {
    CIEVENTS_RETURN_IF_ERROR(roles->ConfigureShard(shard, options.shards));
  }
  CIEVENTS_ASSIGN_OR_RETURN(roles->door_proxy_, roles->ProxyTo("", roles->shards_[0].port));
  CIEVENTS_RETURN_IF_ERROR(roles->StartIngest());
  return roles;
}

absl::StatusOr<int> Roles::NewPort() {
  CIEVENTS_ASSIGN_OR_RETURN(Port port, Port::Reserve());
  ports_.push_back(std::move(port));
  return ports_.back().number();
}

absl::StatusOr<std::unique_ptr<ChaosProxy>> Roles::ProxyTo(const std::string& server_socket,
                                                           int server_port) {
  ChaosProxy::Options options;
  options.server_socket = server_socket;
  options.server_port = server_port;
  CIEVENTS_ASSIGN_OR_RETURN(options.listen_port, NewPort());
  options.seed = options_.seed;
  return ChaosProxy::Start(options);
}

std::string Roles::ingest_endpoint() const { return Endpoint(ingest_port_); }
std::string Roles::matcher_endpoint(int shard) const {
  return Endpoint(shards_[static_cast<size_t>(shard)].port);
}
std::string Roles::proxied_matcher_endpoint() const { return Endpoint(door_proxy_->port()); }

absl::Status Roles::ConfigureShard(int shard, int shard_count) {
  if (shard == shards()) {
    CIEVENTS_ASSIGN_OR_RETURN(const int port, NewPort());
    shards_.push_back({port, nullptr});
  }
  Shard& configured = shards_[static_cast<size_t>(shard)];
  std::vector<std::string> begin = options_.matcher_prefix;
  begin.insert(begin.end(), {options_.matcher_binary, "matcher"});
  std::vector<std::string> more;
  if (!options_.spool_dir.empty()) more = {"--spool-dir", SpoolDir(options_.spool_dir, shard)};
  if (shard_count > 1) {
    more.insert(more.end(), {"--shard-index", std::to_string(shard), "--shard-count",
                             std::to_string(shard_count)});
  }
  configured.process = MakeRole(
      options_, shard == 0 ? "matcher" : fmt::format("matcher-{}", shard), begin,
      fmt::format("postgresql://postgres@{}/{}", Endpoint(store_proxy_->port()), kDatabase),
      configured.port, more);
  return absl::OkStatus();
}

absl::Status Roles::StartMatcher() {
  for (const Shard& shard : shards_) CIEVENTS_RETURN_IF_ERROR(shard.process->Start());
  for (const Shard& shard : shards_) {
    CIEVENTS_RETURN_IF_ERROR(shard.process->AwaitReady(kStartMax));
  }
  return absl::OkStatus();
}

absl::Status Roles::KillMatcher() { return KillShard(0); }

absl::Status Roles::StartShard(int shard) {
  CIEVENTS_RETURN_IF_ERROR(matcher(shard).Start());
  return matcher(shard).AwaitReady(kStartMax);
}

absl::Status Roles::KillShard(int shard) { return matcher(shard).Kill(); }

absl::Status Roles::StopShard(int shard) { return matcher(shard).Terminate(kStopMax); }

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
  absl::Status matchers;
  for (int shard = 0; shard < shards(); ++shard) {
    if (matcher(shard).pid() != 0) matchers.Update(StopShard(shard));
  }
  CIEVENTS_RETURN_IF_ERROR(ingest_->Terminate(kStopMax));
  return matchers;
}

void Roles::StopPostgres() { postgres_->KillAll().IgnoreError(); }

}  // namespace cievents::faults
