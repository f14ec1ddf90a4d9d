// Matched events: rows a second, and what a row costs.
#include <fmt/format.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "loadtest/harness/clocks.h"
#include "loadtest/harness/tool.h"
#include "loadtest/service/fan_out.h"
#include "loadtest/service/sections.h"
#include "loadtest/service/traffic.h"
#include "loadtest/service/turns.h"

namespace cievents::loadtest {
namespace {

constexpr int kRounds = 7;
constexpr double kWindowSeconds = 2;
constexpr int kStreams = 4;
constexpr int kStreamWindow = 16;  // what the matcher takes of a stream before it answers
constexpr int kBatches = 256;
// Rows of one statement of the bare insert: what a group commit has at most.
constexpr int kGroupEvents = 2000 / kFanOut;
constexpr int kGroups = 8;

double RunningTotal(const std::string& dsn) {
  return std::strtod(RunSql(dsn, "SELECT count(*) FROM cievents.pipeline_requests").c_str(),
                     nullptr);
}

// How many rows a commit has on average: rows of one have one xmin.
double RowsACommit(const std::string& dsn) {
  return std::strtod(RunSql(dsn,
                            "SELECT count(*) / count(DISTINCT xmin::text)::float8"
                            " FROM cievents.pipeline_requests")
                         .c_str(),
                     nullptr);
}

// What a window was, by the clocks that the rows need.
struct Work {
  double rows = 0;
  double seconds = 0;
  double postgres_seconds = 0;  // CPU
  double server_seconds = 0;    // CPU of the matcher
  double own_seconds = 0;       // CPU of this process
  double rows_a_commit = 0;
};

class Enqueueing {
 public:
  Enqueueing(Stage& stage, int writers)
      : stage_(stage),
        dsn_(FanOutDatabase(stage)),
        matcher_(stage.StartMatcher(dsn_, writers)),
        emitter_(
            {matcher_->address(), kStreams, kStreamWindow},
            MakeBatches(BatchBytes::Message::kStream, kBatches, kEventsPerBatch, FanOutDraft)) {
    auto batch = MakeBatches(BatchBytes::Message::kUnary, 1, kEventsPerBatch, FanOutDraft);
    answer_bytes_ = StreamAnswerBytes(Prober(matcher_->address()).Expect(batch[0], kFanOut));
    for (int writer = 0; writer < writers; ++writer) {
      connections_.push_back(std::make_unique<BareEnqueue>(dsn_));
      for (int i = 0; i < kGroups; ++i) {
        groups_.push_back(
            MakeFanOutRows(int64_t{writer * kGroups + i} * kGroupEvents, kGroupEvents));
      }
    }
  }

  Work RunMatcher(double seconds) {
    return Measure([&] {
      const Emission emission = emitter_.Run(seconds);
      CheckAnswers(emission, answer_bytes_);
      return static_cast<double>(emission.events) * kFanOut;
    });
  }

  Work RunBare(double seconds) {
    return Measure([&] {
      const double end = WallSeconds() + seconds;
      std::vector<int64_t> events(connections_.size(), 0);
      std::vector<std::thread> threads;
      for (size_t writer = 0; writer < connections_.size(); ++writer) {
        threads.emplace_back([&, writer] {
          for (size_t i = 0; WallSeconds() < end; ++i) {
            connections_[writer]->Write(&groups_[writer * kGroups + i % kGroups]);
            events[writer] += kGroupEvents;
          }
        });
      }
      for (std::thread& thread : threads) thread.join();
      double rows = 0;
      for (const int64_t count : events) rows += static_cast<double>(count) * kFanOut;
      return rows;
    });
  }

 private:
  template <typename Run>
  Work Measure(Run run) {
    EmptyQueue(dsn_);
    Work work;
    const double begin = WallSeconds();
    const double own = ProcessCpuSeconds();
    const double server = matcher_->CpuSeconds();
    const double postgres = stage_.PostgresCpuSeconds();
    work.rows = run();
    work.postgres_seconds = stage_.PostgresCpuSeconds() - postgres;
    work.server_seconds = matcher_->CpuSeconds() - server;
    work.own_seconds = ProcessCpuSeconds() - own;
    work.seconds = WallSeconds() - begin;
    work.rows_a_commit = RowsACommit(dsn_);
    const double stored = RunningTotal(dsn_);
    if (stored != work.rows) {
      Die("the queue", fmt::format("{} rows are there, {} were acknowledged", stored, work.rows));
    }
    return work;
  }

  Stage& stage_;
  const std::string dsn_;
  std::unique_ptr<ServerProcess> matcher_;
  StreamEmitter emitter_;
  size_t answer_bytes_ = 0;
  std::vector<std::unique_ptr<BareEnqueue>> connections_;
  std::vector<std::vector<EventRows>> groups_;
};

void MeasureRate(const Options& options, Stage& stage, Report* report) {
  Enqueueing enqueueing(stage, /*writers=*/1);
  const double seconds = Window(options, kWindowSeconds);
  const auto rate = [](const Work& work) { return work.rows / work.seconds; };
  std::vector<double> groups;
  const auto rates = TakeTurns({[&] {
                                  const Work work = enqueueing.RunMatcher(seconds);
                                  groups.push_back(work.rows_a_commit);
                                  return rate(work);
                                },
                                [&] { return rate(enqueueing.RunBare(seconds)); }},
                               kRounds, options);
  AddFigure("service.enqueue.rate", "matched rows/s", rates[0], rates[1], "bare insert", report);
  AddRatio("service.enqueue.ratio", rates[0], rates[1], "the bare insert's, 1 writer",
           {Goal::kAtLeast, 0.8}, report);
  AddFigure("service.enqueue.group", "rows a commit", Counted(groups), {}, "", report);
}

void MeasureCpu(const Options& options, Stage& stage, Report* report) {
  Enqueueing enqueueing(stage, /*writers=*/4);
  const double seconds = Window(options, kWindowSeconds);
  std::vector<double> rates;
  std::vector<double> postgres;
  std::vector<double> emitter;
  std::vector<double> groups;
  const auto costs =
      TakeTurns({[&] {
                   const Work work = enqueueing.RunMatcher(seconds);
                   rates.push_back(work.rows / work.seconds);
                   groups.push_back(work.rows_a_commit);
                   postgres.push_back(work.postgres_seconds * 1e6 / work.rows);
                   emitter.push_back(work.own_seconds * 1e6 / work.rows);
                   return (work.postgres_seconds + work.server_seconds) * 1e6 / work.rows;
                 },
                 [&] {
                   const Work work = enqueueing.RunBare(seconds);
                   return (work.postgres_seconds + work.own_seconds) * 1e6 / work.rows;
                 }},
                kRounds, options);
  const std::string id = "service.enqueue.4_writers.";
  AddFigure(id + "cpu", "us of CPU a row, Postgres and its client", costs[0], costs[1],
            "bare insert", report);
  AddRatio(id + "cpu_ratio", costs[0], costs[1], "the bare insert's, 4 writers",
           {Goal::kAtMost, 1.25}, report);
  AddFigure(id + "postgres_cpu", "us of CPU a row, of Postgres alone", Counted(postgres), {}, "",
            report);
  AddFigure(id + "emitter_cpu", "us of CPU a row, of who sends the events", Counted(emitter), {},
            "", report);
  AddFigure(id + "rate", "matched rows/s", Counted(rates), {}, "", report);
  AddFigure(id + "group", "rows a commit", Counted(groups), {}, "", report);
}

// The statement of the queue's writers beside the bare one: what Postgres spends on a row, whoever
// sends it.
void MeasureStatement(const Options& options, Stage& stage, Report* report) {
  const std::string& dsn = FanOutDatabase(stage);
  BareEnqueue bare(dsn);
  auto writer = store::EnqueueConnection::Connect(dsn);
  if (!writer.ok()) Die("the statement", std::string(writer.status().message()));
  std::vector<EventRows> group = MakeFanOutRows(0, kGroupEvents);
  const double seconds = Window(options, kWindowSeconds);
  const auto turn = [&](const std::function<void()>& write) -> Turn {
    return [&stage, &dsn, seconds, write] {
      EmptyQueue(dsn);
      const double postgres = stage.PostgresCpuSeconds();
      const double end = WallSeconds() + seconds;
      double rows = 0;
      for (; WallSeconds() < end; rows += kGroupEvents * kFanOut) write();
      return (stage.PostgresCpuSeconds() - postgres) * 1e6 / rows;
    };
  };
  const auto costs = TakeTurns(
      {turn([&] {
         Renew(&group);
         store::EnqueueBatch batch;
         for (const EventRows& rows : group) {
           batch.events.push_back(rows.event);
           batch.requests.insert(batch.requests.end(), rows.requests.begin(), rows.requests.end());
         }
         const auto written = (*writer)->Enqueue(batch);
         if (!written.ok()) {
           Die("the statement", std::string(written.status().message()));
         }
       }),
       turn([&] { bare.Write(&group); })},
      kRounds, options);
  AddFigure("service.enqueue.statement.postgres_cpu", "us of Postgres' CPU a row", costs[0],
            costs[1], "bare insert", report);
}

}  // namespace

void MeasureEnqueue(const Options& options, Stage& stage, Report* report) {
  MeasureRate(options, stage, report);
  MeasureCpu(options, stage, report);
  MeasureStatement(options, stage, report);
}

}  // namespace cievents::loadtest
