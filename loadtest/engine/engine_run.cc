#include "loadtest/engine/engine_run.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "loadtest/harness/clocks.h"

namespace cievents::loadtest {

using matcher::EventView;
using matcher::Match;
using matcher::MatchCounts;

void EngineRun::MatchBatch(std::span<const EventView> events, MatchTally* tally) {
  std::array<MatchCounts, kBatchEvents> counts;
  matcher_.MatchBatch(events, std::span(counts).first(events.size()),
                      [tally](size_t, const Match& match) { tally->Add(match.subscription_id()); });
}

MatchTally EngineRun::Batches(std::span<const EventView> events) {
  MatchTally tally;
  for (size_t at = 0; at < events.size(); at += kBatchEvents) {
    MatchBatch(events.subspan(at, std::min(kBatchEvents, events.size() - at)), &tally);
  }
  return tally;
}

MatchTally EngineRun::OneByOne(std::span<const EventView> events) {
  MatchTally tally;
  for (const EventView& event : events) {
    matcher_.MatchEvent(event,
                        [&tally](const Match& match) { tally.Add(match.subscription_id()); });
  }
  return tally;
}

MatchTally EngineRun::Documents(std::span<const std::string_view> documents) {
  MatchTally tally;
  for (size_t at = 0; at < documents.size(); at += kBatchEvents) {
    const size_t count = std::min(kBatchEvents, documents.size() - at);
    MatchBatch(envelope_.Decode(documents.subspan(at, count)), &tally);
  }
  return tally;
}

void Load(std::span<const matcher::ProjectSubscriptions> sets, matcher::Index* index) {
  const std::vector<matcher::UnusableSubscription> unusable = index->ReplaceAll(sets);
  if (unusable.empty()) return;
  fmt::print(stderr, "engine_loadtest: {} subscriptions cannot be used, the first because: {}\n",
             unusable.size(), unusable.front().reason);
  std::exit(1);
}

void CheckTotal(std::string_view what, uint64_t matches, uint64_t expected) {
  if (matches == expected) return;
  fmt::print(stderr, "engine_loadtest: {}: {} matches, there must be {}\n", what, matches,
             expected);
  std::exit(1);
}

namespace {

int64_t VoluntarySwitches() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

}  // namespace

WindowRate RunForAWindow(EngineRun* engine, const EventPool& events, uint64_t matches_a_pass,
                         double seconds) {
  const int64_t waits = VoluntarySwitches();
  const double cpu = ThreadCpuSeconds();
  const double wall = WallSeconds();
  double count = 0;
  do {
    CheckTotal("a thread's pass", engine->Batches(events.views()).count, matches_a_pass);
    count += static_cast<double>(events.size());
  } while (WallSeconds() - wall < seconds);
  WindowRate rate;
  rate.wall = count / (WallSeconds() - wall);
  rate.cpu = count / (ThreadCpuSeconds() - cpu);
  rate.waits = VoluntarySwitches() - waits;
  return rate;
}

}  // namespace cievents::loadtest
