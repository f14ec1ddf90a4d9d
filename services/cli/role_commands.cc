// `cievents ingest | matcher | dispatcher | migrate`: one role a process, over a Postgres that
// somebody else runs.
#include <atomic>
#include <cstdio>
#include <thread>

#include "absl/strings/numbers.h"
#include "matcher/base/status.h"
#include "services/cli/commands.h"
#include "services/cli/ready_file.h"
#include "services/cli/role_commands.h"
#include "services/cli/shutdown_signal.h"
#include "services/cli/terminal.h"
#include "services/config_ingest/config_ingest.h"
#include "services/event_matcher/event_matcher.h"
#include "services/lib/base/backoff.h"
#include "services/lib/base/grpc_server.h"
#include "services/lib/base/json_writer.h"
#include "services/lib/base/log.h"
#include "services/lib/base/metrics_server.h"
#include "services/lib/store/migrator.h"
#include "services/pipeline_dispatcher/pipeline_dispatcher.h"

namespace cievents::cli {
namespace {

constexpr std::chrono::milliseconds kShutdownGrace{5000};
// What one message of each role may have: a push brings files of up to 64 MiB, a batch of events 4
// MiB, a completion next to nothing.
constexpr int kPushBytesMax = 80 * 1024 * 1024;
constexpr int kBatchBytesMax = 8 * 1024 * 1024;
constexpr int kCompletionBytesMax = 1024 * 1024;

constexpr int kPortMax = 65'535;

bool IsLoopback(const std::string& listen) {
  const std::string host = listen.substr(0, listen.rfind(':'));
  return host == "localhost" || host == "[::1]" || host.rfind("127.", 0) == 0;
}

// `flag` takes `listen`.
absl::Status CheckListen(const RoleOptions& options, const std::string& flag,
                         const std::string& listen) {
  const size_t colon = listen.rfind(':');
  int port = -1;
  if (colon == std::string::npos || !absl::SimpleAtoi(listen.substr(colon + 1), &port) ||
      port < 0 || port > kPortMax) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "{} {}: write HOST:PORT, the port from 0 (any that is free) to {}", flag, listen,
                 kPortMax);
  }
  if (IsLoopback(listen)) return absl::OkStatus();
  if (!options.allow_unauthenticated) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "{} {} is reachable from other machines and there is no authentication: "
                 "listen on loopback, or add --allow-unauthenticated",
                 flag, listen);
  }
  LogWarning("listening without authentication beyond loopback", {{"listen", listen}});
  return absl::OkStatus();
}

absl::Status CheckShard(const MatcherOptions& options) {
  if (options.shard_index >= options.shard_count) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "--shard-index {} of --shard-count {}: the index goes from 0 to {}",
                 options.shard_index, options.shard_count, options.shard_count - 1);
  }
  if (!options.advertise_address.empty()) {
    if (options.advertise_address.rfind(':') != std::string::npos) return absl::OkStatus();
    return Error(absl::StatusCode::kInvalidArgument, "--advertise-address {}: write HOST:PORT",
                 options.advertise_address);
  }
  const std::string& listen = options.role.listen;
  const bool everywhere = listen.rfind("0.0.0.0:", 0) == 0 || listen.rfind("[::]:", 0) == 0;
  if (options.shard_count == 1 || !everywhere) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument,
               "--listen {} is no address that other matchers can reach: say one with "
               "--advertise-address HOST:PORT",
               listen);
}

// Waits until the database answers and its schema is the program's. False: told to stop meanwhile.
absl::StatusOr<bool> WaitForSchema(const std::string& dsn, ShutdownSignal& shutdown) {
  Backoff backoff(std::chrono::milliseconds(50), std::chrono::milliseconds(1000));
  std::string last;
  while (true) {
    const auto status = store::GetMigrationStatus(dsn);
    std::string problem;
    if (status.ok() && status->pending.empty()) return true;
    if (status.ok()) {
      problem = fmt::format("{} migrations are pending: run `cievents migrate up`",
                            status->pending.size());
    } else if (status.status().code() == absl::StatusCode::kFailedPrecondition ||
               status.status().code() == absl::StatusCode::kInvalidArgument) {
      return status.status();  // waiting does not heal it
    } else {
      problem = std::string(status.status().message());
    }
    if (problem != last) LogWarning("the database is not ready; retrying", {{"error", problem}});
    last = problem;
    if (shutdown.WaitFor(backoff.Next())) return false;
  }
}

// What the three roles differ in.
struct Role {
  // Of the options that it has alone.
  std::function<absl::Status()> check = [] { return absl::OkStatus(); };
  // Builds it once the database is there; returns its services.
  std::function<absl::StatusOr<std::vector<grpc::Service*>>(const std::shared_ptr<const Catalogue>&,
                                                            std::atomic<bool>* ready)>
      make;
  int message_bytes_max = 0;
  // Where the services are.
  std::function<void(const std::string& address)> listening = [](const std::string&) {};
  // Whether calls should come here, once it is ready; asked about twice a second.
  std::function<bool()> healthy = [] { return true; };
  // URL of its metrics; empty = it has none.
  std::function<std::string()> metrics_url = [] { return std::string(); };
  // Ends calls that would not end by themselves; before the server stops.
  std::function<void()> end_streams = [] {};
  // After the last call ended.
  std::function<void()> stop = [] {};
};

// Serves until a signal comes.
int Serve(const RoleOptions& options, const Role& role, GrpcServer& server,
          const std::atomic<bool>& ready, ShutdownSignal& shutdown) {
  bool announced = false;
  auto serving = GrpcServer::Serving::kNo;
  while (!shutdown.WaitFor(std::chrono::milliseconds(announced ? 500 : 10))) {
    if (!ready.load()) continue;
    const auto now = role.healthy() ? GrpcServer::Serving::kYes : GrpcServer::Serving::kNo;
    if (now != serving) {
      server.SetServing("", now);
      if (now == GrpcServer::Serving::kNo) LogWarning("not healthy; health says NOT_SERVING");
      if (now == GrpcServer::Serving::kYes && announced) LogInfo("healthy again");
    }
    serving = now;
    if (announced) continue;
    if (const absl::Status written = WriteReadyFile(
            options.ready_file,
            {.grpc = server.address(), .postgres = "", .metrics = role.metrics_url()});
        !written.ok()) {
      server.Shutdown(kShutdownGrace);
      role.stop();
      return Fail(written);
    }
    LogInfo("serving", {{"grpc", server.address()}});
    announced = true;
  }
  LogInfo("stopping");
  role.end_streams();
  server.Shutdown(kShutdownGrace);
  role.stop();
  return kExitOk;
}

int RunRole(const RoleOptions& options, const Role& role) {
  InitLogging(options.log);
  ShutdownSignal shutdown;
  if (const absl::Status listen = CheckListen(options, "--listen", options.listen); !listen.ok())
    return Fail(listen);
  if (const absl::Status checked = role.check(); !checked.ok()) return Fail(checked);
  const auto catalogue = LoadCatalogue(options.event_catalogue);
  if (!catalogue.ok()) return Fail(catalogue.status());
  const absl::StatusOr<bool> schema = WaitForSchema(options.database_url, shutdown);
  if (!schema.ok()) return Fail(schema.status());
  if (!*schema) return kExitOk;
  std::atomic<bool> ready{false};
  const auto services = role.make(*catalogue, &ready);
  if (!services.ok()) return Fail(services.status());
  GrpcServer::Options server_options;
  server_options.listen_address = options.listen;
  server_options.message_bytes_max = role.message_bytes_max;
  const auto server = GrpcServer::Start(server_options, *services);
  if (!server.ok()) {
    role.stop();
    return Fail(server.status());
  }
  role.listening((*server)->address());
  return Serve(options, role, **server, ready, shutdown);
}

// Whether the disk of a matcher's spool works. One that is full takes some records and refuses
// others, and a new segment while the last one failed: so it must have had no failure for a while.
class SpoolHealth {
 public:
  bool Look(const event_matcher::MatcherSnapshot& snapshot) {
    if (!snapshot.spool.has_value()) return true;
    const uint64_t failures = snapshot.spool->enqueuer.write_failures;
    const auto now = std::chrono::steady_clock::now();
    if (!snapshot.spool->stats.writable || failures != failures_) well_from_ = now + kWellAfter;
    failures_ = failures;
    return now >= well_from_;
  }

 private:
  static constexpr std::chrono::seconds kWellAfter{2};

  uint64_t failures_ = 0;
  std::chrono::steady_clock::time_point well_from_;
};

}  // namespace

int RunIngest(const RoleOptions& options) {
  std::unique_ptr<config_ingest::ConfigIngest> ingest;
  Role role;
  role.message_bytes_max = kPushBytesMax;
  role.make = [&](const std::shared_ptr<const Catalogue>& catalogue,
                  std::atomic<bool>* ready) -> absl::StatusOr<std::vector<grpc::Service*>> {
    CIEVENTS_ASSIGN_OR_RETURN(
        ingest, config_ingest::ConfigIngest::Create({options.database_url, 8, catalogue}));
    ready->store(true);
    return std::vector<grpc::Service*>{ingest->service()};
  };
  return RunRole(options, role);
}

int RunMatcherRole(const MatcherOptions& options,
                   const event_matcher::EventMatcher::Options& base) {
  if (const absl::Status shard = CheckShard(options); !shard.ok()) return Fail(shard);
  std::unique_ptr<event_matcher::EventMatcher> matcher;
  std::unique_ptr<MetricsServer> metrics;  // asks the matcher: ends before it
  Role role;
  role.message_bytes_max = kBatchBytesMax;
  role.check = [&] {
    if (options.metrics_listen.empty()) return absl::OkStatus();
    return CheckListen(options.role, "--metrics-listen", options.metrics_listen);
  };
  role.make = [&](const std::shared_ptr<const Catalogue>& catalogue,
                  std::atomic<bool>* ready) -> absl::StatusOr<std::vector<grpc::Service*>> {
    event_matcher::EventMatcher::Options matcher_options = base;
    matcher_options.dsn = options.role.database_url;
    matcher_options.catalogue = catalogue;
    matcher_options.spool_dir = options.spool_dir;
    matcher_options.spool_bytes_max = static_cast<int64_t>(options.spool_bytes_max);
    matcher_options.ack_delay_max = std::chrono::milliseconds(options.ack_delay_max_ms);
    matcher_options.tenant_events_per_second = options.tenant_events_per_second;
    matcher_options.check_interval = std::chrono::seconds(options.feed_check_interval_s);
    matcher_options.shard_index = options.shard_index;
    matcher_options.shard_count = options.shard_count;
    matcher_options.on_ready = [ready] { ready->store(true); };
    CIEVENTS_ASSIGN_OR_RETURN(matcher,
                              event_matcher::EventMatcher::Create(std::move(matcher_options)));
    if (!options.metrics_listen.empty()) {
      CIEVENTS_ASSIGN_OR_RETURN(
          metrics, MetricsServer::Start(options.metrics_listen, [asked = matcher.get()] {
            return event_matcher::ToMetrics(asked->snapshot());
          }));
    }
    matcher->Start();
    return matcher->services();
  };
  role.listening = [&](const std::string& address) {
    matcher->SetAddress(options.advertise_address.empty() ? address : options.advertise_address);
  };
  SpoolHealth spool_health;
  role.healthy = [&] { return spool_health.Look(matcher->snapshot()); };
  role.metrics_url = [&] { return metrics == nullptr ? std::string() : metrics->url(); };
  role.end_streams = [&] { matcher->EndStreams(); };
  role.stop = [&] { matcher->Stop(); };
  return RunRole(options.role, role);
}

int RunMatcher(const MatcherOptions& options) { return RunMatcherRole(options, {}); }

int RunDispatcher(const RoleOptions& options) {
  std::unique_ptr<pipeline_dispatcher::PipelineDispatcher> dispatcher;
  Role role;
  role.message_bytes_max = kCompletionBytesMax;
  role.make = [&](const std::shared_ptr<const Catalogue>& catalogue,
                  std::atomic<bool>* ready) -> absl::StatusOr<std::vector<grpc::Service*>> {
    CIEVENTS_ASSIGN_OR_RETURN(dispatcher, pipeline_dispatcher::PipelineDispatcher::Create(
                                              {options.database_url, 4, catalogue}));
    ready->store(true);
    return dispatcher->services();
  };
  return RunRole(options, role);
}

int RunMigrate(const MigrateOptions& options) {
  absl::Status status;
  if (options.action == "up") {
    status = store::MigrateUp(options.database_url);
  } else if (options.action == "down") {
    if (options.to_version < 0) {
      return Fail(absl::InvalidArgumentError("migrate down: say how far with --to VERSION"));
    }
    status = store::MigrateDown(options.database_url, options.to_version);
  } else if (options.action == "verify") {
    status = store::VerifyMigrations(options.database_url);
  }
  if (!status.ok()) return Fail(status);
  const auto after = store::GetMigrationStatus(options.database_url);
  if (!after.ok()) return Fail(after.status());
  if (options.json) {
    JsonWriter writer;
    writer.BeginObject();
    writer.Key("version");
    writer.Int(after->version);
    writer.Key("pending");
    writer.BeginArray();
    for (const std::string& name : after->pending) writer.String(name);
    writer.EndArray();
    writer.EndObject();
    std::printf("%s\n", writer.text().c_str());
    return kExitOk;
  }
  std::printf("version %d, %zu pending\n", after->version, after->pending.size());
  for (const std::string& name : after->pending) std::printf("  %s\n", name.c_str());
  return kExitOk;
}

}  // namespace cievents::cli
