#include "tests/faults/sweep.h"

#include <fmt/format.h>

#include <map>
#include <thread>

#include "tests/faults/emitter.h"
#include "tests/oracle/naive_matcher.h"

namespace cievents::faults {
namespace {

// Far more than a push may take: a machine may be busy. One that was missed stays missed.
constexpr std::chrono::seconds kLiveMax{8};
constexpr size_t kBatchEvents = 96;

struct Expected {
  oracle::NaiveEvent event;
  int matches = 0;
};

std::vector<Expected> ExpectedMatches(const std::vector<Project>& projects, const Ledger& ledger) {
  std::map<int64_t, AppliedPush> last;
  for (AppliedPush& push : ledger.pushes()) last[push.project_id] = std::move(push);
  std::vector<oracle::NaiveSubscription> live;
  for (const auto& [project_id, push] : last) {
    live.insert(live.end(), push.subscriptions.begin(), push.subscriptions.end());
  }
  std::vector<Expected> expected;
  for (const Project& project : OfKind(projects, ProjectKind::kMoving)) {
    for (const std::string& name : EventNames()) {
      oracle::NaiveEvent event;
      event.names = {name};
      event.project_id = project.project_id;
      event.namespace_ids = project.namespace_ids;
      const auto matches = static_cast<int>(oracle::NaiveMatches(live, event).size());
      expected.push_back({std::move(event), matches});
    }
  }
  return expected;
}

// Those that differ; `seen` is one of them in words.
std::vector<Expected> EmitAndCompare(Emitter& emitter, const std::vector<Expected>& expected,
                                     std::string* seen) {
  std::vector<Expected> differ;
  for (size_t begin = 0; begin < expected.size(); begin += kBatchEvents) {
    const size_t end = std::min(begin + kBatchEvents, expected.size());
    std::vector<Emitter::Item> batch;
    for (size_t i = begin; i < end; ++i) batch.push_back(emitter.MakeItem(expected[i].event));
    const std::vector<int> matched = emitter.EmitOnce(batch);
    for (size_t i = begin; i < end; ++i) {
      if (matched[i - begin] == expected[i].matches) continue;
      *seen =
          fmt::format("{} of project {} matches {} subscriptions (-1: not acknowledged), not {}",
                      expected[i].event.names[0], expected[i].event.project_id, matched[i - begin],
                      expected[i].matches);
      differ.push_back(expected[i]);
    }
  }
  return differ;
}

}  // namespace

void SweepLastPushes(const std::string& endpoint, const std::vector<Project>& projects,
                     Ledger* ledger) {
  Emitter::Options options;
  options.endpoint = endpoint;
  options.name = "sweep";
  Emitter emitter(options, ledger);
  std::vector<Expected> left = ExpectedMatches(projects, *ledger);
  std::string seen;
  const TimePoint give_up = Clock::now() + kLiveMax;
  while (true) {
    left = EmitAndCompare(emitter, left, &seen);
    if (left.empty()) return;
    if (Clock::now() > give_up) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ledger->AddViolation(
      Violation::Kind::kLate,
      fmt::format("a last push is not live: {} ({} such events)", seen, left.size()));
}

}  // namespace cievents::faults
