// The time until a matched event is safe on the local disk while Postgres is stopped.
#include <utility>

#include "loadtest/service/bare_sqlite.h"
#include "loadtest/service/fan_out.h"
#include "loadtest/service/sections.h"
#include "loadtest/service/traffic.h"
#include "loadtest/service/turns.h"

namespace cievents::loadtest {
namespace {

constexpr int kRounds = 7;
constexpr double kWindowSeconds = 1;
constexpr int kStreams = 4;
constexpr int kStreamWindow = 16;
constexpr int kBatches = 256;

// The texts of an event and of its requests.
size_t BytesOf(const EventRows& rows) {
  size_t bytes = rows.event.data.size() + rows.event.source.size() + rows.event.event_id.size();
  for (const store::RequestRow& request : rows.requests) {
    bytes += request.path.size() + request.commit_sha.size() + request.workflow_id.size() +
             request.inputs_json.size();
  }
  return bytes;
}

}  // namespace

void MeasureSpool(const Options& options, Stage& stage, Report* report) {
  const std::string& dsn = FanOutDatabase(stage);
  const auto matcher = stage.StartMatcher(dsn, 2, stage.folder() + "/spool");
  auto single = MakeBatches(BatchBytes::Message::kUnary, 1, 1, FanOutDraft);
  auto batch = MakeBatches(BatchBytes::Message::kUnary, 1, kEventsPerBatch, FanOutDraft);
  Prober prober(matcher->address());
  const size_t unary_bytes = prober.Expect(single[0], kFanOut).ByteSizeLong();
  const size_t stream_bytes = StreamAnswerBytes(prober.Expect(batch[0], kFanOut));
  UnaryEmitter unary(matcher->address(), 1, single);
  StreamEmitter stream(
      {matcher->address(), kStreams, kStreamWindow},
      MakeBatches(BatchBytes::Message::kStream, kBatches, kEventsPerBatch, FanOutDraft));
  BareSqlite bare(stage.folder() + "/bare.db", BytesOf(MakeFanOutRows(0, 1).front()));
  const double seconds = Window(options, kWindowSeconds);

  stage.StopPostgres();
  // Every answer is checked: nothing may be refused while the spool has room.
  const auto p50 = TakeTurns({[&] {
                                const Emission emission = unary.Run(seconds);
                                CheckAnswers(emission, unary_bytes);
                                return Percentile(emission.ack_us, 0.5);
                              },
                              [&] { return Percentile(bare.CommitFor(seconds), 0.5); }},
                             kRounds, options);
  AddFigure("service.spool.ack.p50", "us, Postgres stopped", p50[0], p50[1], "one SQLite commit",
            report);
  AddRatio("service.spool.ack.p50_ratio", p50[0], p50[1], "one SQLite commit", {Goal::kAtMost, 3.0},
           report);
  std::vector<double> rates;
  for (int round = 0; round < (options.quick() ? 1 : 3); ++round) {
    const Emission emission = stream.Run(seconds);
    CheckAnswers(emission, stream_bytes);
    rates.push_back(static_cast<double>(emission.events) / emission.seconds);
  }
  AddFigure("service.spool.rate", "matched events/s, Postgres stopped", rates, {}, "", report);
  stage.RestartPostgres();
}

}  // namespace cievents::loadtest
