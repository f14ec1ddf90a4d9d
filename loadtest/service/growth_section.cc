// What an event costs while its payload or its matches grow, and what a start costs while the
// subscriptions do.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "loadtest/harness/tool.h"
#include "loadtest/service/sections.h"
#include "loadtest/service/subscription_rows.h"
#include "loadtest/service/traffic.h"
#include "loadtest/service/turns.h"
#include "loadtest/workloads/identity.h"

namespace cievents::loadtest {
namespace {

constexpr int kRounds = 5;
constexpr double kWindowSeconds = 0.5;
constexpr double kMB = 1024 * 1024;

double MedianOf(std::vector<double> values) { return Summarise(std::move(values)).median; }

Series MakeSeries(const std::string& id, const std::string& title, const std::string& x_label,
                  const std::string& y_label) {
  Series series;
  series.id = id;
  series.title = title;
  series.x_label = x_label;
  series.y_label = y_label;
  return series;
}

// One size of payload: a point of the matcher's line and of the empty handler's.
void AddPayload(const Options& options, Stage& stage, const ServerProcess& matcher, size_t bytes,
                Series* series) {
  constexpr size_t kBatchBytesMax = 1024 * 1024;  // what an emitter should send at most
  const int events =
      static_cast<int>(std::clamp<size_t>(kBatchBytesMax / bytes, 1, kEventsPerBatch));
  const ManySubscriptions& many = stage.Million(options);
  const auto draft = [&](int64_t number) {
    EventDraft made = UnmatchedDraft(number, many);
    made.data_bytes = bytes;
    return made;
  };
  auto probe = MakeBatches(BatchBytes::Message::kUnary, 1, events, draft);
  const size_t answer = StreamAnswerBytes(Prober(matcher.address()).Expect(probe[0], 0));
  const auto empty = stage.StartEmpty(answer, answer);
  const auto batches = MakeBatches(BatchBytes::Message::kStream, 16, events, draft);
  StreamEmitter to_matcher({matcher.address(), 1, 4}, batches);
  StreamEmitter to_empty({empty->address(), 1, 4}, batches);
  const double seconds = Window(options, kWindowSeconds);
  const auto turn = [seconds, answer](const ServerProcess& server, StreamEmitter& emitter) -> Turn {
    return [&server, &emitter, seconds, answer] {
      return ServerMicroseconds(server, [&] {
        Emission emission = emitter.Run(seconds);
        CheckAnswers(emission, answer);
        return emission;
      });
    };
  };
  const auto costs =
      TakeTurns({turn(matcher, to_matcher), turn(*empty, to_empty)}, kRounds, options);
  for (size_t i = 0; i < 2; ++i) {
    series->lines[i].points.push_back({static_cast<double>(bytes), MedianOf(costs[i])});
  }
  Progress(fmt::format("  {} B: {:.2f} us, empty handler {:.2f} us", bytes, MedianOf(costs[0]),
                       MedianOf(costs[1])));
}

// The project whose events fire so many.
constexpr const char kManyName[] = "issue/created";

EventDraft FiringDraft(int64_t project) {
  EventDraft draft;
  draft.name = kManyName;
  draft.project_id = ProjectId(project);
  draft.namespace_ids = {NamespaceId(0)};
  return draft;
}

struct FiringCost {
  double all = 0;      // of Postgres and the matcher, us an event
  double matcher = 0;  // of the matcher alone
};

FiringCost MeasureFiring(Stage& stage, const ServerProcess& matcher, UnaryEmitter& emitter,
                         double seconds) {
  const double postgres = stage.PostgresCpuSeconds();
  const double server = matcher.CpuSeconds();
  const Emission emission = emitter.Run(seconds);
  FiringCost cost;
  cost.matcher = (matcher.CpuSeconds() - server) * 1e6 / static_cast<double>(emission.events);
  cost.all = cost.matcher +
             (stage.PostgresCpuSeconds() - postgres) * 1e6 / static_cast<double>(emission.events);
  return cost;
}

}  // namespace

void MeasureGrowthOfPayload(const Options& options, Stage& stage, Report* report) {
  Series series = MakeSeries("service.growth.payload", "An event that fires nothing: its payload",
                             "bytes of payload", "us of server CPU");
  series.lines = {{"matcher", 1, false, true, {}}, {"empty handler", 1, true, true, {}}};
  const auto matcher = stage.StartMatcher(stage.Million(options).dsn);
  for (const size_t bytes : {500, 1'000, 4'000, 16'000, 64'000, 250'000, 1'000'000}) {
    AddPayload(options, stage, *matcher, bytes, &series);
  }
  report->AddGrowth(std::move(series));
}

void MeasureGrowthOfMatches(const Options& options, Stage& stage, Report* report) {
  const std::vector<int> sizes = {0, 1, 10, 100, 1'000, 10'000};
  const std::string dsn = stage.MakeDatabase("matches");
  int64_t first_id = 0;
  WriteProjects(dsn, static_cast<int64_t>(sizes.size()), [&](int64_t project) {
    if (project == 0) first_id = 0;
    auto set = MakeFanOutProject(project, sizes[static_cast<size_t>(project)], kManyName, 1);
    for (auto& subscription : set.subscriptions) subscription.subscription_id = ++first_id;
    return set;
  });
  const auto matcher = stage.StartMatcher(dsn);
  Prober prober(matcher->address());
  Series series = MakeSeries("service.growth.matches", "An event: the subscriptions that it fires",
                             "matches of an event", "us of CPU");
  series.lines = {{"matcher and Postgres", 1, false, true, {}}, {"matcher", 1, false, true, {}}};
  for (size_t i = 0; i < sizes.size(); ++i) {
    EmptyQueue(dsn);
    auto batches = MakeBatches(BatchBytes::Message::kUnary, 1, 1,
                               [i](int64_t) { return FiringDraft(static_cast<int64_t>(i)); });
    prober.Expect(batches[0], sizes[i]);
    UnaryEmitter emitter(matcher->address(), 1, batches);
    std::vector<double> all;
    std::vector<double> alone;
    for (int round = 0; round < kRounds; ++round) {
      const FiringCost cost =
          MeasureFiring(stage, *matcher, emitter, Window(options, kWindowSeconds));
      all.push_back(cost.all);
      alone.push_back(cost.matcher);
    }
    Progress(fmt::format("  {} matches: {:.0f} us, {:.0f} us of them the matcher's", sizes[i],
                         MedianOf(all), MedianOf(alone)));
    const auto x = static_cast<double>(sizes[i]);
    series.lines[0].points.push_back({x, MedianOf(all)});
    series.lines[1].points.push_back({x, MedianOf(alone)});
  }
  series.notes.push_back("One event at a time, each with a commit of its own.");
  report->AddGrowth(std::move(series));
}

void MeasureGrowthOfSubscriptions(const Options& options, Stage& stage, Report* report) {
  Series start = MakeSeries("service.growth.start", "Start until it serves: subscriptions",
                            "subscriptions", "ms of the matcher's CPU");
  Series memory = MakeSeries("service.growth.memory", "Resident memory: subscriptions",
                             "subscriptions", "MB, those of an empty matcher included");
  start.lines = {{"start", 1, false, true, {}}};
  memory.lines = {{"resident", 1, false, true, {}}};
  std::vector<int64_t> counts = {1'000, 20'000};
  if (!options.quick()) counts = {1'000, 10'000, 100'000, 1'000'000};
  for (const int64_t count : counts) {
    const ManySubscriptions& many = stage.Subscriptions(count);
    std::vector<double> cpu_ms;
    std::vector<double> resident_mb;
    for (int round = 0; round < kRounds; ++round) {
      const auto matcher = stage.StartMatcher(many.dsn);
      cpu_ms.push_back(matcher->start_cpu_seconds() * 1000);
      resident_mb.push_back(static_cast<double>(matcher->ResidentBytes()) / kMB);
    }
    start.lines[0].points.push_back({static_cast<double>(count), MedianOf(cpu_ms)});
    memory.lines[0].points.push_back({static_cast<double>(count), MedianOf(resident_mb)});
    Progress(
        fmt::format("  {}: {:.0f} ms, {:.0f} MB", count, MedianOf(cpu_ms), MedianOf(resident_mb)));
  }
  report->AddGrowth(std::move(start));
  report->AddGrowth(std::move(memory));
}

}  // namespace cievents::loadtest
