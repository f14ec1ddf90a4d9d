// What a tenant that emits a hundred times as much as others does to their answers.
#include <fmt/format.h>

#include <memory>
#include <thread>
#include <vector>

#include "loadtest/harness/clocks.h"
#include "loadtest/service/fan_out.h"
#include "loadtest/service/sections.h"
#include "loadtest/service/traffic.h"
#include "loadtest/service/turns.h"

namespace cievents::loadtest {
namespace {

constexpr int kRounds = 7;
constexpr double kWindowSeconds = 3;
constexpr int kOthers = 10;
constexpr double kTimes = 100;
// What the noisy one emits: half of what the server takes, and as much as it takes.
constexpr double kShares[] = {0.5, 1};
constexpr const char* kShareNames[] = {"half_load", "full_load"};
constexpr int kNoisyStreams = 4;
constexpr int kNoisyWindow = 16;
constexpr int kNoisyBatches = 256;
constexpr int kOtherBatches = 16;

// Tenant 0 is the noisy one.
std::vector<BatchBytes> BatchesOf(int tenant, int batches, int events_per_batch) {
  return MakeBatches(BatchBytes::Message::kStream, batches, events_per_batch,
                     [tenant](int64_t number) { return FanOutDraftOfRoot(tenant, number); });
}

// Tenants 1 to 10, a connection each, one event at a time.
class Others {
 public:
  explicit Others(const std::string& address) {
    for (int tenant = 1; tenant <= kOthers; ++tenant) {
      emitters_.push_back(std::make_unique<StreamEmitter>(
          StreamEmitter::Options{address, 1, kNoisyWindow}, BatchesOf(tenant, kOtherBatches, 1)));
    }
  }

  // The 99th percentile of all their answers, ms.
  double P99AtRate(double seconds, double events_per_second) {
    std::vector<Emission> emissions(emitters_.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < emitters_.size(); ++i) {
      threads.emplace_back(
          [&, i] { emissions[i] = emitters_[i]->RunAtRate(seconds, events_per_second); });
    }
    for (std::thread& thread : threads) thread.join();
    std::vector<double> all;
    for (const Emission& emission : emissions) {
      all.insert(all.end(), emission.ack_us.begin(), emission.ack_us.end());
    }
    return Percentile(std::move(all), 0.99) / 1000;
  }

 private:
  std::vector<std::unique_ptr<StreamEmitter>> emitters_;
};

}  // namespace

void MeasureFairness(const Options& options, Stage& stage, Report* report) {
  const std::string& dsn = FanOutDatabase(stage);
  const auto matcher = stage.StartMatcher(dsn);
  const double seconds = Window(options, kWindowSeconds);
  StreamEmitter noisy({matcher->address(), kNoisyStreams, kNoisyWindow},
                      BatchesOf(0, kNoisyBatches, kEventsPerBatch));
  Others others(matcher->address());
  EmptyQueue(dsn);
  const Emission full = noisy.Run(seconds);
  const double capacity = static_cast<double>(full.events) / full.seconds;
  for (size_t i = 0; i < std::size(kShares); ++i) {
    const double noise = capacity * kShares[i];
    const double rate = noise / kTimes;
    const auto p99 =
        TakeTurns({[&] {
                     EmptyQueue(dsn);
                     std::thread beside([&] { noisy.RunAtRate(seconds, noise / kEventsPerBatch); });
                     const double with = others.P99AtRate(seconds, rate);
                     beside.join();
                     return with;
                   },
                   [&] {
                     EmptyQueue(dsn);
                     return others.P99AtRate(seconds, rate);
                   }},
                  kRounds, options);
    const std::string id = fmt::format("service.fairness.{}", kShareNames[i]);
    AddFigure(id + ".noise", "matched events/s of the noisy tenant", {noise}, {}, "", report);
    AddFigure(id + ".p99", "ms, of ten others", p99[0], p99[1], "without the noisy tenant", report);
    AddRatio(id + ".p99_ratio", p99[0], p99[1], "without the noisy tenant", {Goal::kAtMost, 2.0},
             report);
  }
}

}  // namespace cievents::loadtest
