// Pushes a second, end to end over gRPC with fsync, against what they cannot do without. By wall
// time: client, server and Postgres share the machine.
#include <fmt/format.h>

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "loadtest/harness/clocks.h"
#include "loadtest/harness/tool.h"
#include "loadtest/ingest/bare_push.h"
#include "loadtest/ingest/sections.h"
#include "loadtest/ingest/stage.h"

namespace cievents::loadtest {
namespace {

namespace wire = cievents::config::v1;

constexpr int kRounds = 5;
constexpr double kWindowSeconds = 2;
constexpr int kPathsOfAHint = 20;

// A client of each kind, with a project of its own.
struct ClientOfAll {
  int64_t project_id = 0;
  std::unique_ptr<Stage::Stub> stub;
  std::unique_ptr<Stage::Stub> empty_stub;
  std::unique_ptr<BarePush> bare;
  wire::PushConfigRequest pushes[2];
  wire::PushConfigRequest hint;
  int version = 0;       // of the project that is pushed
  int bare_version = 0;  // of the project that is written by hand
};

std::vector<std::unique_ptr<ClientOfAll>> MakeClients(const Stage& stage, int count,
                                                      int64_t first_project_id) {
  std::vector<std::unique_ptr<ClientOfAll>> clients;
  for (int i = 0; i < count; ++i) {
    auto client = std::make_unique<ClientOfAll>();
    client->project_id = first_project_id + 3 * i;
    client->stub = stage.NewStub();
    client->empty_stub = stage.NewEmptyStub();
    const int64_t bare_id = client->project_id + 1;
    const int64_t hint_id = client->project_id + 2;
    client->bare = std::make_unique<BarePush>(stage.dsn(), bare_id);
    for (int version = 0; version < 2; ++version) {
      client->pushes[version] = MakePush(client->project_id, version);
      Push(*client->stub, client->pushes[version], wire::PUSH_RESULT_APPLIED);
      Push(*client->stub, MakePush(bare_id, version), wire::PUSH_RESULT_APPLIED);
      client->bare->Remember(version);
    }
    Push(*client->stub, MakePush(hint_id, 0), wire::PUSH_RESULT_APPLIED);
    client->hint = MakeHint(hint_id, fmt::format("{:040}", 0), kPathsOfAHint);
    clients.push_back(std::move(client));
  }
  return clients;
}

// `times` by each client at once.
Contestant All(const std::string& name, std::vector<std::unique_ptr<ClientOfAll>>* clients,
               int times, void (*once)(ClientOfAll&)) {
  const auto items = static_cast<int64_t>(clients->size()) * times;
  return {name, items, [clients, times, once] {
            std::vector<std::thread> threads;
            for (auto& client : *clients) {
              threads.emplace_back([&client, times, once] {
                for (int i = 0; i < times; ++i) once(*client);
              });
            }
            for (std::thread& thread : threads) thread.join();
          }};
}

void PushChange(ClientOfAll& client) {
  client.version = 1 - client.version;
  Push(*client.stub, client.pushes[client.version], wire::PUSH_RESULT_APPLIED);
}
void WriteChange(ClientOfAll& client) {
  client.bare_version = 1 - client.bare_version;
  client.bare->Push(client.bare_version);
}
void PushHint(ClientOfAll& client) { Push(*client.stub, client.hint, wire::PUSH_RESULT_UNCHANGED); }
void PushNothing(ClientOfAll& client) {
  Push(*client.empty_stub, client.hint, wire::PUSH_RESULT_UNCHANGED);
}

void AddRow(const std::string& id, const std::vector<Figure>& figures,
            const std::string& baseline_name, double share, Report* report) {
  Row row;
  row.id = id;
  row.value = figures[0];
  row.unit = "pushes/s";
  row.baseline = figures[1].median;
  row.baseline_name = baseline_name;
  row.target = share * figures[1].median;
  report->Add(row);
  Progress(fmt::format("  {}: {:.0f}, {} {:.0f}: {:.0f} %", id, figures[0].median, baseline_name,
                       figures[1].median, 100 * figures[0].median / figures[1].median));
}

}  // namespace

void MeasurePushes(const Options& options, Report* report) {
  const Stage stage;
  Schedule schedule = options.MakeSchedule(kRounds, kWindowSeconds);
  schedule.clock = WallSeconds;
  for (const int count : {1, 8}) {
    auto clients = MakeClients(stage, count, 1000 * count);
    const std::string suffix = fmt::format("{}_client{}", count, count == 1 ? "" : "s");
    AddRow("ingest.change10." + suffix,
           MeasureInterleaved({All("ingest", &clients, 10, PushChange),
                               All("bare SQL", &clients, 10, WriteChange)},
                              schedule),
           "bare SQL of the same transaction", 0.6, report);
    AddRow("ingest.unchanged." + suffix,
           MeasureInterleaved(
               {All("ingest", &clients, 50, PushHint), All("empty", &clients, 50, PushNothing)},
               schedule),
           "empty unary handler", 0.5, report);
  }
}

}  // namespace cievents::loadtest
