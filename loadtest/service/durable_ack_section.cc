// The time until a matched event is durable: what its emitter waits.
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
constexpr double kWindowSeconds = 1;
constexpr double kHalfLoadSeconds = 2;
constexpr double kP99MsMax = 25;
constexpr int kStreams = 4;
constexpr int kStreamWindow = 16;
constexpr int kBatches = 256;

double MedianOfCommits(BareEnqueue& bare, std::vector<EventRows>* rows, double seconds) {
  std::vector<double> us;
  const double end = WallSeconds() + seconds;
  while (WallSeconds() < end) {
    const double begin = WallSeconds();
    bare.Write(rows);
    us.push_back((WallSeconds() - begin) * 1e6);
  }
  return Percentile(std::move(us), 0.5);
}

// One event at a time, against one commit of the same five rows and more.
void MeasureLowLoad(const Options& options, Stage& stage, const ServerProcess& matcher,
                    Report* report) {
  const std::string& dsn = FanOutDatabase(stage);
  const double seconds = Window(options, kWindowSeconds);
  auto single = MakeBatches(BatchBytes::Message::kUnary, 1, 1, FanOutDraft);
  UnaryEmitter unary(matcher.address(), 1, single);
  StreamEmitter stream({matcher.address(), 1, 1},
                       MakeBatches(BatchBytes::Message::kStream, 1, 1, FanOutDraft));
  BareEnqueue bare(dsn);
  std::vector<EventRows> rows = MakeFanOutRows(0, 1);
  EmptyQueue(dsn);
  const auto p50 = TakeTurns({[&] { return Percentile(unary.Run(seconds).ack_us, 0.5); },
                              [&] { return Percentile(stream.Run(seconds).ack_us, 0.5); },
                              [&] { return MedianOfCommits(bare, &rows, seconds); }},
                             kRounds, options);
  const RatioTarget twice{Goal::kAtMost, 2.0};
  const std::string id = "service.durable.ack.";
  AddFigure(id + "unary.p50", "us", p50[0], p50[2], "one commit of the same rows", report);
  AddRatio(id + "unary.p50_ratio", p50[0], p50[2], "one commit of the same rows", twice, report);
  AddFigure(id + "stream.p50", "us", p50[1], p50[2], "one commit of the same rows", report);
  AddRatio(id + "stream.p50_ratio", p50[1], p50[2], "one commit of the same rows", twice, report);
}

void MeasureHalfLoad(const Options& options, Stage& stage, const ServerProcess& matcher,
                     Report* report) {
  const std::string& dsn = FanOutDatabase(stage);
  const double seconds = Window(options, kHalfLoadSeconds);
  StreamEmitter emitter(
      {matcher.address(), kStreams, kStreamWindow},
      MakeBatches(BatchBytes::Message::kStream, kBatches, kEventsPerBatch, FanOutDraft));
  std::vector<double> p50;
  std::vector<double> rates;
  const auto p99 =
      TakeTurns({[&] {
                  EmptyQueue(dsn);
                  const Emission full = emitter.Run(seconds / 2);
                  const double rate = static_cast<double>(full.events) / full.seconds / 2;
                  EmptyQueue(dsn);
                  const Emission half = emitter.RunAtRate(seconds, rate / kEventsPerBatch);
                  p50.push_back(Percentile(half.ack_us, 0.5) / 1000);
                  rates.push_back(rate);
                  return Percentile(half.ack_us, 0.99) / 1000;
                }},
                kRounds, options);
  AddFigure("service.durable.ack.half_load.rate", "matched events/s", Counted(rates), {}, "",
            report);
  AddFigure("service.durable.ack.half_load.p50", "ms", Counted(p50), {}, "", report);
  Row row;
  row.id = "service.durable.ack.half_load.p99";
  row.value = Summarise(p99[0]);
  row.unit = "ms";
  row.target = kP99MsMax;
  row.goal = Goal::kAtMost;
  report->Add(std::move(row));
}

}  // namespace

void MeasureDurableAck(const Options& options, Stage& stage, Report* report) {
  const auto matcher = stage.StartMatcher(FanOutDatabase(stage));
  MeasureLowLoad(options, stage, *matcher, report);
  MeasureHalfLoad(options, stage, *matcher, report);
}

}  // namespace cievents::loadtest
