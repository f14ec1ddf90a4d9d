// `cievents dev`: all roles behind one gRPC server, with a private Postgres child that is restarted
// when it dies. The embedded default: one command, one folder.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>

#include "absl/time/clock.h"
#include "matcher/base/status.h"
#include "services/cli/commands.h"
#include "services/cli/ready_file.h"
#include "services/cli/shutdown_signal.h"
#include "services/cli/terminal.h"
#include "services/config_ingest/config_ingest.h"
#include "services/event_matcher/event_matcher.h"
#include "services/lib/base/backoff.h"
#include "services/lib/base/grpc_server.h"
#include "services/lib/base/log.h"
#include "services/lib/base/metrics_server.h"
#include "services/lib/store/local_postgres.h"
#include "services/lib/store/migrator.h"
#include "services/lib/store/partitions.h"
#include "services/pipeline_dispatcher/pipeline_dispatcher.h"

namespace cievents::cli {
namespace {

constexpr std::chrono::milliseconds kShutdownGrace{5000};
constexpr std::chrono::milliseconds kSupervisionInterval{100};

// One `dev` a folder, for as long as the object lives.
class FolderLock {
 public:
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(const std::string& dir) {
    std::error_code error;
    std::filesystem::create_directories(dir, error);
    if (error) {
      return Error(absl::StatusCode::kPermissionDenied, "--data {}: {}", dir, error.message());
    }
    const std::string path = dir + "/lock";
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
      return Error(absl::StatusCode::kPermissionDenied, "--data {}: {}", dir, std::strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      close(fd);
      return Error(absl::StatusCode::kInvalidArgument,
                   "--data {}: another `cievents dev` runs on this folder; stop it, or choose "
                   "another folder",
                   dir);
    }
    return std::unique_ptr<FolderLock>(new FolderLock(fd));
  }
  ~FolderLock() { close(fd_); }

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

struct Roles {
  std::unique_ptr<config_ingest::ConfigIngest> ingest;
  std::unique_ptr<pipeline_dispatcher::PipelineDispatcher> dispatcher;
  std::unique_ptr<event_matcher::EventMatcher> matcher;
  std::atomic<bool> matcher_ready{false};

  std::vector<grpc::Service*> services() const {
    std::vector<grpc::Service*> services = dispatcher->services();
    services.push_back(ingest->service());
    for (grpc::Service* service : matcher->services()) services.push_back(service);
    return services;
  }
};

absl::StatusOr<std::unique_ptr<store::LocalPostgres>> StartPostgres(const std::string& dir) {
  store::LocalPostgresOptions options;
  options.data_dir = dir + "/postgres";
  options.log_file = dir + "/postgres.log";
  CIEVENTS_ASSIGN_OR_RETURN(auto postgres, store::LocalPostgres::Start(options));
  CIEVENTS_RETURN_IF_ERROR(postgres->EnsureDatabase("cievents"));
  CIEVENTS_RETURN_IF_ERROR(store::MigrateUp(postgres->Dsn()));
  CIEVENTS_RETURN_IF_ERROR(store::EnsurePartitions(postgres->Dsn(), absl::Now()));
  return postgres;
}

absl::Status StartRoles(const std::string& dsn, const std::string& dir,
                        const std::shared_ptr<const Catalogue>& catalogue, Roles* roles) {
  CIEVENTS_ASSIGN_OR_RETURN(roles->ingest,
                            config_ingest::ConfigIngest::Create({dsn, 4, catalogue}));
  CIEVENTS_ASSIGN_OR_RETURN(roles->dispatcher,
                            pipeline_dispatcher::PipelineDispatcher::Create({dsn, 4, catalogue}));
  event_matcher::EventMatcher::Options options;
  options.dsn = dsn;
  options.catalogue = catalogue;
  options.spool_dir = dir + "/spool";
  // Only for a Postgres that is away: who tries things out wants to see a request once its event is
  // answered, and waits for a slow disk.
  options.ack_delay_max = std::chrono::seconds(2);
  options.on_ready = [roles] { roles->matcher_ready.store(true); };
  CIEVENTS_ASSIGN_OR_RETURN(roles->matcher,
                            event_matcher::EventMatcher::Create(std::move(options)));
  roles->matcher->Start();
  return absl::OkStatus();
}

// Restarts Postgres when it has died, with backoff; everything else waits and retries by itself.
class Supervisor {
 public:
  explicit Supervisor(store::LocalPostgres& postgres) : postgres_(postgres) {}

  void Check() {
    if (postgres_.running()) {
      backoff_.Reset();
      return;
    }
    if (std::chrono::steady_clock::now() < next_try_) return;
    LogWarning("Postgres has ended; starting it again");
    const absl::Status status = postgres_.Restart();
    if (!status.ok()) {
      LogError("Postgres does not start", {{"error", std::string(status.message())}});
    }
    next_try_ = std::chrono::steady_clock::now() + backoff_.Next();
  }

 private:
  store::LocalPostgres& postgres_;
  Backoff backoff_{std::chrono::milliseconds(200), std::chrono::milliseconds(10'000)};
  std::chrono::steady_clock::time_point next_try_;
};

absl::Status Announce(const DevOptions& options, const std::string& ready_path,
                      const ReadyInfo& info) {
  CIEVENTS_RETURN_IF_ERROR(WriteReadyFile(ready_path, info));
  return WriteReadyFile(options.ready_file, info);
}

}  // namespace

int RunDev(const DevOptions& options) {
  InitLogging(options.log);
  ShutdownSignal shutdown;
  const auto catalogue = LoadCatalogue(options.event_catalogue);
  if (!catalogue.ok()) return Fail(catalogue.status());
  const auto lock = FolderLock::Take(options.data_dir);
  if (!lock.ok()) return Fail(lock.status());
  const std::string dir = std::filesystem::absolute(options.data_dir).string();
  const std::string ready_path = dir + "/ready.json";
  unlink(ready_path.c_str());  // of a run that was killed

  const auto postgres = StartPostgres(dir);
  if (!postgres.ok()) return Fail(postgres.status());
  Roles roles;
  if (const absl::Status started =
          StartRoles((*postgres)->Dsn(), options.data_dir, *catalogue, &roles);
      !started.ok()) {
    return Fail(started);
  }
  GrpcServer::Options server_options;
  server_options.listen_address = fmt::format("127.0.0.1:{}", options.port);
  const auto server = GrpcServer::Start(server_options, roles.services());
  if (!server.ok()) return Fail(server.status());
  roles.matcher->SetAddress((*server)->address());
  const auto metrics = MetricsServer::Start("127.0.0.1:0", [asked = roles.matcher.get()] {
    return event_matcher::ToMetrics(asked->snapshot());
  });
  if (!metrics.ok()) return Fail(metrics.status());

  Supervisor supervisor(**postgres);
  bool announced = false;
  int exit_code = kExitOk;
  while (!shutdown.WaitFor(announced ? kSupervisionInterval : std::chrono::milliseconds(10))) {
    supervisor.Check();
    if (announced || !roles.matcher_ready.load()) continue;
    (*server)->SetServing("", GrpcServer::Serving::kYes);
    const absl::Status written = Announce(options, ready_path,
                                          {.grpc = (*server)->address(),
                                           .postgres = (*postgres)->Dsn(),
                                           .metrics = (*metrics)->url()});
    if (!written.ok()) {
      exit_code = Fail(written);
      break;
    }
    LogInfo("serving", {{"grpc", (*server)->address()}, {"data", dir}});
    announced = true;
  }
  LogInfo("stopping");
  unlink(ready_path.c_str());
  roles.matcher->EndStreams();
  (*server)->Shutdown(kShutdownGrace);
  roles.matcher->Stop();
  if (const absl::Status stopped = (*postgres)->Stop(); !stopped.ok()) return Fail(stopped);
  LogInfo("stopped");
  return exit_code;
}

}  // namespace cievents::cli
