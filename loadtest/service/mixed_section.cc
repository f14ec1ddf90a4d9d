// What most servers see: 95 of 100 events fire nothing, the rest one subscription each.
#include <memory>
#include <thread>
#include <utility>

#include "loadtest/harness/clocks.h"
#include "loadtest/service/query_per_event.h"
#include "loadtest/service/sections.h"
#include "loadtest/service/traffic.h"
#include "loadtest/service/turns.h"
#include "loadtest/workloads/scoped_names.h"

namespace cievents::loadtest {
namespace {

constexpr int kRounds = 5;
constexpr double kWindowSeconds = 2;
constexpr int64_t kMatchedEvery = 20;
constexpr int kStreams = 4;
constexpr int kStreamWindow = 16;
constexpr int kBatches = 512;
constexpr int kEventsOfAThread = 4000;

EventDraft MixedDraft(int64_t number, const ManySubscriptions& many) {
  return number % kMatchedEvery == 0 ? MatchedDraft(number, many) : UnmatchedDraft(number, many);
}

// The matcher, as fast as it takes them.
class Streamed {
 public:
  Streamed(const ManySubscriptions& many, const Stage& stage)
      : matcher_(stage.StartMatcher(many.dsn)),
        emitter_({matcher_->address(), kStreams, kStreamWindow},
                 MakeBatches(BatchBytes::Message::kStream, kBatches, kEventsPerBatch,
                             [&many](int64_t number) { return MixedDraft(number, many); })) {
    const auto matched = [&many](int64_t number) { return MatchedDraft(number, many); };
    auto batch = MakeBatches(BatchBytes::Message::kUnary, 1, kEventsPerBatch, matched);
    answer_bytes_ = StreamAnswerBytes(Prober(matcher_->address()).Expect(batch[0], 1));
  }

  double Rate(double seconds) {
    const Emission emission = emitter_.Run(seconds);
    CheckAnswers(emission, answer_bytes_);
    return static_cast<double>(emission.events) / emission.seconds;
  }

 private:
  std::unique_ptr<ServerProcess> matcher_;
  StreamEmitter emitter_;
  size_t answer_bytes_ = 0;
};

// A query an event, on so many connections.
class Queried {
 public:
  Queried(const ManySubscriptions& many, int connections) {
    for (int c = 0; c < connections; ++c) {
      Worker& worker = workers_.emplace_back();
      worker.program = std::make_unique<QueryPerEvent>(many.dsn);
      for (int64_t i = 0; i < kEventsOfAThread; ++i) {
        const int64_t number = c * kEventsOfAThread + i;
        Publication& publication = worker.publications.emplace_back();
        publication.draft = MixedDraft(number, many);
        if (number % kMatchedEvery != 0) continue;
        matcher::ProjectSubscriptions project = MakeS1Project(MatchedProject(number, many));
        project.subscriptions.resize(1);
        publication.rows.push_back(MakeEventRows(MakeEvent(publication.draft), project, "{}"));
      }
    }
  }

  double Rate(double seconds) {
    const double begin = WallSeconds();
    std::vector<std::thread> threads;
    for (Worker& worker : workers_) {
      threads.emplace_back([&worker, begin, seconds] { Work(&worker, begin + seconds); });
    }
    for (std::thread& thread : threads) thread.join();
    int64_t events = 0;
    for (const Worker& worker : workers_) events += worker.published;
    return static_cast<double>(events) / (WallSeconds() - begin);
  }

 private:
  struct Publication {
    EventDraft draft;
    std::vector<EventRows> rows;  // empty: it fires nothing
  };
  struct Worker {
    std::unique_ptr<QueryPerEvent> program;
    std::vector<Publication> publications;
    size_t next = 0;
    int64_t published = 0;  // in this window
  };

  static void Work(Worker* worker, double end) {
    worker->published = 0;
    while (WallSeconds() < end) {
      Publication& one = worker->publications[worker->next++ % worker->publications.size()];
      const int fired = worker->program->Publish(one.draft.project_id, one.draft.name, &one.rows);
      if (fired != static_cast<int>(one.rows.size()))
        Die("a query an event", "it finds another set");
      ++worker->published;
    }
  }

  std::vector<Worker> workers_;
};

}  // namespace

void MeasureMixed(const Options& options, Stage& stage, Report* report) {
  const ManySubscriptions& many = stage.Million(options);
  MakeQueryTable(many.dsn);
  Streamed streamed(many, stage);
  Queried queried4(many, 4);
  Queried queried1(many, 1);
  const double seconds = Window(options, kWindowSeconds);
  const auto turn = [&](auto& contestant) -> Turn {
    return [&] {
      EmptyQueue(many.dsn);
      return contestant.Rate(seconds);
    };
  };
  const auto rates = TakeTurns({turn(streamed), turn(queried4), turn(queried1)}, kRounds, options);
  const RatioTarget target{Goal::kAtLeast, 50};
  AddFigure("service.mixed95.rate", "events/s", rates[0], rates[1], "a query an event", report);
  AddRatio("service.mixed95.ratio", rates[0], rates[1], "a query an event, 4 connections", target,
           report);
  AddRatio("service.mixed95.ratio_1_connection", rates[0], rates[2],
           "a query an event, 1 connection", target, report);
}

}  // namespace cievents::loadtest
