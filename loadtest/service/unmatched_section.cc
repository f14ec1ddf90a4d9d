// Events that fire nothing: most of all that happen.
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "loadtest/harness/tool.h"
#include "loadtest/service/sections.h"
#include "loadtest/service/traffic.h"
#include "loadtest/service/turns.h"

namespace cievents::loadtest {
namespace {

constexpr int kRounds = 7;
constexpr double kWindowSeconds = 1;
constexpr int kStreamWindow = 8;
constexpr int kUnaryInFlight = 32;
constexpr int kBatches = 512;

// The matcher and the empty handlers, with an emitter each that sends the same.
struct Pair {
  std::unique_ptr<ServerProcess> matcher;
  std::unique_ptr<ServerProcess> empty;
  size_t stream_answer_bytes = 0;
  size_t unary_answer_bytes = 0;
};

Pair StartPair(const ManySubscriptions& many, const Stage& stage) {
  const auto draft = [&many](int64_t number) { return UnmatchedDraft(number, many); };
  Pair pair;
  pair.matcher = stage.StartMatcher(many.dsn);
  Prober prober(pair.matcher->address());
  auto batches = MakeBatches(BatchBytes::Message::kUnary, 1, kEventsPerBatch, draft);
  auto single = MakeBatches(BatchBytes::Message::kUnary, 1, 1, draft);
  pair.stream_answer_bytes = StreamAnswerBytes(prober.Expect(batches[0], 0));
  pair.unary_answer_bytes = prober.Expect(single[0], 0).ByteSizeLong();
  pair.empty = stage.StartEmpty(pair.stream_answer_bytes, pair.unary_answer_bytes);
  Progress(fmt::format("  an event has {} B; the answer to {} of them {} B, to one {} B",
                       single[0].size(), kEventsPerBatch, pair.stream_answer_bytes,
                       pair.unary_answer_bytes));
  return pair;
}

void AddCosts(const std::string& id, const std::vector<std::vector<double>>& costs, double target,
              Report* report) {
  AddFigure(id + ".cpu", "us of server CPU an event", costs[0], costs[1], "empty handler", report);
  AddRatio(id + ".cpu_ratio", costs[0], costs[1], "the empty handler's", {Goal::kAtMost, target},
           report);
}

// Events a second that the matcher took, by round.
std::vector<double> MeasureStream(const Options& options, const ManySubscriptions& many,
                                  const Pair& pair, Report* report) {
  const double seconds = Window(options, kWindowSeconds);
  const auto batches =
      MakeBatches(BatchBytes::Message::kStream, kBatches, kEventsPerBatch,
                  [&many](int64_t number) { return UnmatchedDraft(number, many); });
  StreamEmitter to_matcher({pair.matcher->address(), 1, kStreamWindow}, batches);
  StreamEmitter to_empty({pair.empty->address(), 1, kStreamWindow}, batches);
  std::vector<double> rates[2];
  const auto turn = [&](const ServerProcess& server, StreamEmitter& emitter,
                        std::vector<double>* rate) -> Turn {
    return [&, rate] {
      return ServerMicroseconds(server, [&] {
        Emission emission = emitter.Run(seconds);
        CheckAnswers(emission, pair.stream_answer_bytes);
        rate->push_back(static_cast<double>(emission.events) / emission.seconds);
        return emission;
      });
    };
  };
  const auto costs = TakeTurns(
      {turn(*pair.matcher, to_matcher, &rates[0]), turn(*pair.empty, to_empty, &rates[1])}, kRounds,
      options);
  AddCosts("service.unmatched.stream", costs, 2.0, report);
  for (std::vector<double>& rate : rates) rate = Counted(std::move(rate));
  AddFigure("service.unmatched.stream.rate", "events/s", rates[0], rates[1], "empty handler",
            report);
  return rates[0];
}

void MeasureUnary(const Options& options, const ManySubscriptions& many, const Pair& pair,
                  Report* report) {
  const double seconds = Window(options, kWindowSeconds);
  const auto batches =
      MakeBatches(BatchBytes::Message::kUnary, kUnaryInFlight, 1,
                  [&many](int64_t number) { return UnmatchedDraft(number, many); });
  UnaryEmitter to_matcher(pair.matcher->address(), kUnaryInFlight, batches);
  UnaryEmitter to_empty(pair.empty->address(), kUnaryInFlight, batches);
  const auto turn = [&](const ServerProcess& server, UnaryEmitter& emitter) -> Turn {
    return [&] {
      return ServerMicroseconds(server, [&] {
        Emission emission = emitter.Run(seconds);
        CheckAnswers(emission, pair.unary_answer_bytes);
        return emission;
      });
    };
  };
  AddCosts(
      "service.unmatched.unary",
      TakeTurns({turn(*pair.matcher, to_matcher), turn(*pair.empty, to_empty)}, kRounds, options),
      1.2, report);
}

// The time to the answer while batches come at half the rate that the matcher can take.
void MeasureAcks(const Options& options, const ManySubscriptions& many, const Pair& pair,
                 double events_per_second, Report* report) {
  const double seconds = Window(options, kWindowSeconds);
  const double batches_per_second = events_per_second / 2 / kEventsPerBatch;
  const auto batches =
      MakeBatches(BatchBytes::Message::kStream, kBatches, kEventsPerBatch,
                  [&many](int64_t number) { return UnmatchedDraft(number, many); });
  StreamEmitter to_matcher({pair.matcher->address(), 1, 2 * kStreamWindow}, batches);
  StreamEmitter to_empty({pair.empty->address(), 1, 2 * kStreamWindow}, batches);
  std::vector<double> p99[2];
  const auto turn = [&](StreamEmitter& emitter, std::vector<double>* tail) -> Turn {
    return [&, tail] {
      const Emission emission = emitter.RunAtRate(seconds, batches_per_second);
      CheckAnswers(emission, pair.stream_answer_bytes);
      tail->push_back(Percentile(emission.ack_us, 0.99));
      return Percentile(emission.ack_us, 0.5);
    };
  };
  const auto p50 =
      TakeTurns({turn(to_matcher, &p99[0]), turn(to_empty, &p99[1])}, kRounds, options);
  for (std::vector<double>& tail : p99) tail = Counted(std::move(tail));
  const std::string id = "service.unmatched.ack.";
  const RatioTarget twice{Goal::kAtMost, 2.0};
  AddFigure(id + "p50", "us", p50[0], p50[1], "empty handler", report);
  AddRatio(id + "p50_ratio", p50[0], p50[1], "the empty handler's", twice, report);
  AddFigure(id + "p99", "us", p99[0], p99[1], "empty handler", report);
  AddRatio(id + "p99_ratio", p99[0], p99[1], "the empty handler's", twice, report);
}

// Connections of the matcher beside the change feed's that did anything while only events came that
// fire nothing.
void MeasurePostgresWork(const Options& options, const ManySubscriptions& many, const Pair& pair,
                         Report* report) {
  StreamEmitter emitter({pair.matcher->address(), 1, kStreamWindow},
                        MakeBatches(BatchBytes::Message::kStream, kBatches, kEventsPerBatch,
                                    [&many](int64_t n) { return UnmatchedDraft(n, many); }));
  const std::string begin = RunSql(many.dsn, "SELECT clock_timestamp()");
  emitter.Run(Window(options, kWindowSeconds));
  const std::string busy =
      RunSql(many.dsn,
             fmt::format("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                         " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
                         " AND application_name <> 'cievents-feed' AND query_start > '{}'",
                         begin));
  Row row;
  row.id = "service.unmatched.postgres_connections";
  row.value = Summarise({std::strtod(busy.c_str(), nullptr)});
  row.unit = "connections, beside the feed's, that asked Postgres anything";
  row.target = 0;
  row.goal = Goal::kAtMost;
  report->Add(std::move(row));
}

}  // namespace

void MeasureUnmatched(const Options& options, Stage& stage, Report* report) {
  const ManySubscriptions& many = stage.Million(options);
  const Pair pair = StartPair(many, stage);
  const std::vector<double> rates = MeasureStream(options, many, pair, report);
  MeasureUnary(options, many, pair, report);
  MeasureAcks(options, many, pair, Summarise(rates).median, report);
  MeasurePostgresWork(options, many, pair, report);
}

}  // namespace cievents::loadtest
