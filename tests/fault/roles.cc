#include "tests/fault/roles.h"

#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "matcher/base/status.h"

namespace cievents::fault {
namespace {

constexpr std::chrono::seconds kStartMax{60};
constexpr std::chrono::seconds kStopMax{30};

std::string Endpoint(int port) { return fmt::format("127.0.0.1:{}", port); }

std::unique_ptr<ChildProcess> MakeRole(const Roles::Options& options, const std::string& binary,
                                       const std::string& role, const std::string& dsn, int port) {
  const std::string base = options.folder + "/" + role;
  return std::make_unique<ChildProcess>(
      ChildProcess::Options{{binary, role, "--database-url", dsn, "--listen", Endpoint(port),
                             "--ready-file", base + ".json", "--log-format", "human"},
                            base + ".log",
                            base + ".json"});
}

// What is started again must be what ran before, even if somebody builds meanwhile.
absl::Status CopyProgram(const std::string& copy, std::string* program) {
  std::error_code error;
  std::filesystem::copy_file(*program, copy, error);
  if (error) {
    return Error(absl::StatusCode::kInternal, "cannot copy {} to {}: {}", *program, copy,
                 error.message());
  }
  *program = copy;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Roles>> Roles::Start(const Options& given) {
  Options options = given;
  CIEVENTS_RETURN_IF_ERROR(CopyProgram(options.folder + "/product", &options.product_binary));
  CIEVENTS_RETURN_IF_ERROR(CopyProgram(options.folder + "/with_matcher", &options.matcher_binary));
  std::unique_ptr<Roles> roles(new Roles());
  store::LocalPostgresOptions postgres;
  postgres.data_dir = options.folder + "/data";
  postgres.fsync = store::Fsync::kOn;  // what is acknowledged must survive the kill for good
  postgres.settings = {"shared_buffers=64MB"};
  CIEVENTS_ASSIGN_OR_RETURN(roles->postgres_, store::LocalPostgres::Start(std::move(postgres)));
  CIEVENTS_RETURN_IF_ERROR(roles->postgres_->EnsureDatabase("cievents"));
  roles->dsn_ = roles->postgres_->Dsn("cievents");

  ChildProcess migrate({{options.product_binary, "migrate", "up", "--database-url", roles->dsn_},
                        options.folder + "/migrate.log",
                        ""});
  CIEVENTS_RETURN_IF_ERROR(migrate.Start());
  CIEVENTS_RETURN_IF_ERROR(migrate.AwaitExit(kStartMax));

  CIEVENTS_ASSIGN_OR_RETURN(roles->ingest_port_, FreePort());
  do {
    CIEVENTS_ASSIGN_OR_RETURN(roles->matcher_port_, FreePort());
  } while (roles->matcher_port_ == roles->ingest_port_);
  roles->ingest_ =
      MakeRole(options, options.product_binary, "ingest", roles->dsn_, roles->ingest_port_);
  roles->matcher_ =
      MakeRole(options, options.matcher_binary, "matcher", roles->dsn_, roles->matcher_port_);
  CIEVENTS_RETURN_IF_ERROR(roles->ingest_->Start());
  CIEVENTS_RETURN_IF_ERROR(roles->ingest_->AwaitReady(kStartMax));
  return roles;
}

std::string Roles::ingest_endpoint() const { return Endpoint(ingest_port_); }
std::string Roles::matcher_endpoint() const { return Endpoint(matcher_port_); }

absl::Status Roles::StartMatcher() {
  CIEVENTS_RETURN_IF_ERROR(matcher_->Start());
  return matcher_->AwaitReady(kStartMax);
}

absl::Status Roles::KillMatcher() { return matcher_->Kill(); }

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

absl::Status Roles::StopServices() {
  const absl::Status matcher = matcher_->Terminate(kStopMax);
  CIEVENTS_RETURN_IF_ERROR(ingest_->Terminate(kStopMax));
  return matcher;
}

void Roles::StopPostgres() { postgres_->KillAll().IgnoreError(); }

}  // namespace cievents::fault
