// Postgres is away for ten minutes while 2,000 matched events a second come.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>

#include "loadtest/harness/clocks.h"
#include "loadtest/harness/tool.h"
#include "loadtest/service/bare_sqlite.h"
#include "loadtest/service/sections.h"
#include "loadtest/service/traffic.h"
#include "loadtest/service/turns.h"

namespace cievents::loadtest {
namespace {

constexpr double kOutageSeconds = 600;
constexpr double kQuickSeconds = 5;
constexpr double kEventsPerSecond = 2000;
constexpr int kSubscriptions = 20'000;
constexpr int kStreams = 4;
constexpr int kStreamWindow = 16;
constexpr int kBatches = 256;
constexpr double kDrainSecondsMax = 1800;
constexpr double kBareSeconds = 10;

void AddChecked(const std::string& id, const std::string& unit, double value, double target,
                Report* report) {
  Row row;
  row.id = id;
  row.value = Summarise({value});
  row.unit = unit;
  row.target = target;
  row.goal = Goal::kAtMost;
  Progress(fmt::format("  {}: {:.1f} {}", id, value, unit));
  report->Add(std::move(row));
}

// Seconds until Postgres has all of them, and `rows` counts how many it has then.
double AwaitRows(const std::string& dsn, int64_t expected, int64_t* rows) {
  const double begin = WallSeconds();
  while (true) {
    *rows = std::atoll(RunSql(dsn, "SELECT count(*) FROM cievents.pipeline_requests").c_str());
    if (*rows >= expected || WallSeconds() - begin > kDrainSecondsMax) break;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  return WallSeconds() - begin;
}

}  // namespace

void MeasureOutage(const Options& options, Stage& stage, Report* report) {
  if (std::find(options.only.begin(), options.only.end(), "outage") == options.only.end()) return;
  const ManySubscriptions& many = stage.Subscriptions(kSubscriptions);
  const auto draft = [&many](int64_t number) { return MatchedDraft(number, many); };
  const auto matcher = stage.StartMatcher(many.dsn, 2, stage.folder() + "/outage_spool");
  auto probe = MakeBatches(BatchBytes::Message::kUnary, 1, kEventsPerBatch, draft);
  const size_t answer_bytes = StreamAnswerBytes(Prober(matcher->address()).Expect(probe[0], 1));
  StreamEmitter stream({matcher->address(), kStreams, kStreamWindow},
                       MakeBatches(BatchBytes::Message::kStream, kBatches, kEventsPerBatch, draft));
  BareSqlite bare(stage.folder() + "/outage_bare.db", kEventsPerBatch * 1500);
  const double seconds = options.quick() ? kQuickSeconds : kOutageSeconds;
  EmptyQueue(many.dsn);

  stage.StopPostgres();
  const double bare_p99 = Percentile(bare.CommitFor(Window(options, kBareSeconds)), 0.99) / 1000;
  const Emission emission = stream.RunAtRate(seconds, kEventsPerSecond / kEventsPerBatch);
  CheckAnswers(emission, answer_bytes);  // every one is accepted
  stage.RestartPostgres();
  int64_t rows = 0;
  const double drained = AwaitRows(many.dsn, emission.events, &rows);

  const std::string id = "service.outage.";
  AddFigure(id + "seconds", "s without Postgres", {emission.seconds}, {}, "", report);
  AddFigure(id + "events", "matched events, each answered as accepted",
            {static_cast<double>(emission.events)}, {}, "", report);
  AddFigure(id + "ack.p50", "ms", {Percentile(emission.ack_us, 0.5) / 1000}, {}, "", report);
  const std::vector<double> p99 = {Percentile(emission.ack_us, 0.99) / 1000};
  AddFigure(id + "ack.p99", "ms", p99, {bare_p99},
            "99th percentile of one SQLite commit of as many bytes", report);
  AddRatio(id + "ack.p99_ratio", p99, {bare_p99},
           "99th percentile of one SQLite commit of as many bytes", {Goal::kAtMost, 3.0}, report);
  AddFigure(id + "drained", "s from the start of Postgres until it has all", {drained}, {}, "",
            report);
  AddChecked(id + "missing", "requests", static_cast<double>(emission.events - rows), 0, report);
  AddChecked(id + "surplus", "requests", static_cast<double>(rows - emission.events), 0, report);
}

}  // namespace cievents::loadtest
