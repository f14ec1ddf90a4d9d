#include "loadtest/ingest/stage.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <filesystem>

#include "services/config_ingest/config_ingest.h"
#include "services/lib/base/grpc_server.h"
#include "services/lib/base/log.h"
#include "services/lib/base/sha256.h"
#include "services/lib/store/local_postgres.h"
#include "services/lib/store/migrator.h"

namespace cievents::loadtest {
namespace {

namespace wire = cievents::config::v1;

constexpr int kConnections = 8;

[[noreturn]] void Die(std::string_view what, const absl::Status& status) {
  fmt::print(stderr, "ingest_loadtest: {}: {}\n", what, std::string(status.message()));
  std::exit(1);
}

template <typename T>
T OrDie(std::string_view what, absl::StatusOr<T> value) {
  if (!value.ok()) Die(what, value.status());
  return *std::move(value);
}

class EmptyService final : public wire::ConfigService::Service {
  grpc::Status PushConfig(grpc::ServerContext*, const wire::PushConfigRequest*,
                          wire::PushConfigResponse* response) override {
    response->set_result(wire::PUSH_RESULT_UNCHANGED);
    return grpc::Status::OK;
  }
};

std::unique_ptr<Stage::Stub> StubOf(const std::string& address) {
  // A number that differs keeps gRPC from sharing one connection among all clients.
  static int number = 0;
  grpc::ChannelArguments arguments;
  arguments.SetInt("cievents.client", ++number);
  return wire::ConfigService::NewStub(
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
}

}  // namespace

struct Stage::State {
  std::string folder;
  std::unique_ptr<store::LocalPostgres> postgres;
  std::string dsn;
  std::unique_ptr<config_ingest::ConfigIngest> ingest;
  std::unique_ptr<GrpcServer> server;
  EmptyService empty;
  std::unique_ptr<GrpcServer> empty_server;
};

Stage::Stage() : state_(std::make_unique<State>()) {
  InitLogging(LogLevel::kError, LogFormat::kJson);
  char name[] = "/tmp/cievents-load-XXXXXX";
  if (mkdtemp(name) == nullptr) Die("a folder", absl::InternalError("mkdtemp failed"));
  state_->folder = name;
  // The server may run as another user.
  std::filesystem::permissions(name, std::filesystem::perms(0755));
  store::LocalPostgresOptions options;
  options.data_dir = state_->folder + "/postgres";
  options.log_file = state_->folder + "/postgres.log";
  state_->postgres = OrDie("Postgres", store::LocalPostgres::Start(options));
  if (const absl::Status status = state_->postgres->EnsureDatabase("cievents"); !status.ok()) {
    Die("the database", status);
  }
  state_->dsn = state_->postgres->Dsn();
  if (const absl::Status status = store::MigrateUp(state_->dsn); !status.ok()) {
    Die("the schema", status);
  }
  config_ingest::ConfigIngest::Options ingest;
  ingest.dsn = state_->dsn;
  ingest.connections_max = kConnections;
  ingest.catalogue = Catalogue::BuiltIn();
  state_->ingest = OrDie("the ingest", config_ingest::ConfigIngest::Create(ingest));
  state_->server = OrDie("gRPC", GrpcServer::Start({}, {state_->ingest->service()}));
  state_->empty_server = OrDie("gRPC", GrpcServer::Start({}, {&state_->empty}));
}

Stage::~Stage() {
  state_->server->Shutdown(std::chrono::milliseconds(1000));
  state_->empty_server->Shutdown(std::chrono::milliseconds(1000));
  state_->server.reset();
  state_->ingest.reset();
  state_->postgres.reset();
  std::error_code ignored;
  std::filesystem::remove_all(state_->folder, ignored);
}

const std::string& Stage::dsn() const { return state_->dsn; }

std::unique_ptr<Stage::Stub> Stage::NewStub() const { return StubOf(state_->server->address()); }

std::unique_ptr<Stage::Stub> Stage::NewEmptyStub() const {
  return StubOf(state_->empty_server->address());
}

std::vector<PushedFile> MakeFiles(int version) {
  std::vector<PushedFile> files;
  for (int i = 0; i < kFilesPerProject; ++i) {
    PushedFile& file = files.emplace_back();
    file.path = fmt::format(".gitlab/ci/events/file{}.yml", i);
    file.content = fmt::format(
        "spec:\n  events:\n    - name: package/published\n      rules:\n"
        "        - if: $[[ event.payload.package.name ]] == \"p{}-{}\"\n"
        "      inputs:\n        name: $[[ event.payload.package.name ]]\n"
        "  inputs:\n    name: {{default: none}}\n---\njob: {{script: echo}}\n",
        i, version);
    file.blob_id = Sha256Hex(file.content);
  }
  return files;
}

wire::PushConfigRequest MakePush(int64_t project_id, int version) {
  wire::PushConfigRequest request;
  request.set_project_id(project_id);
  request.add_namespace_ids(project_id);
  request.set_project_path(fmt::format("group/project-{}", project_id));
  request.set_default_branch("main");
  request.set_commit_sha(fmt::format("{:040}", version));
  request.set_run_as_user_id(7);
  request.set_has_manifest(true);
  for (PushedFile& file : MakeFiles(version)) {
    wire::ManifestEntry* entry = request.add_manifest();
    entry->set_path(file.path);
    entry->set_blob_id(file.blob_id);
    wire::FileContent* content = request.add_files();
    content->set_path(file.path);
    content->set_content(file.content);
  }
  return request;
}

wire::PushConfigRequest MakeHint(int64_t project_id, const std::string& commit, int paths) {
  wire::PushConfigRequest request = MakePush(project_id, 0);
  request.clear_manifest();
  request.clear_files();
  request.set_has_manifest(false);
  request.set_commit_sha(commit);
  request.set_previous_commit_sha(commit);
  for (int i = 0; i < paths; ++i) request.add_changed_paths(fmt::format("src/module/file{}.cc", i));
  return request;
}

void Push(Stage::Stub& stub, const wire::PushConfigRequest& request, wire::PushResult result) {
  grpc::ClientContext context;
  wire::PushConfigResponse response;
  const grpc::Status status = stub.PushConfig(&context, request, &response);
  if (!status.ok()) Die("a push", absl::InternalError(status.error_message()));
  if (response.result() != result) {
    Die("a push", absl::InternalError(
                      fmt::format("it is answered {}", wire::PushResult_Name(response.result()))));
  }
}

}  // namespace cievents::loadtest
