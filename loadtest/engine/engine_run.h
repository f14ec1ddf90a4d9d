// The engine at work: the ways in, and what each of them must answer.
#ifndef LOADTEST_ENGINE_ENGINE_RUN_H_
#define LOADTEST_ENGINE_ENGINE_RUN_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "loadtest/baselines/baseline.h"
#include "loadtest/baselines/json_envelope.h"
#include "loadtest/workloads/workload.h"
#include "matcher/index/index.h"

namespace cievents::loadtest {

// One thread's matcher over an index.
class EngineRun {
 public:
  explicit EngineRun(const matcher::Index& index) : matcher_(index) {}

  // The envelope is given; batches of 32.
  MatchTally Batches(std::span<const matcher::EventView> events);
  MatchTally OneByOne(std::span<const matcher::EventView> events);
  // Documents are validated and decoded first; batches of 32.
  MatchTally Documents(std::span<const std::string_view> documents);

 private:
  void MatchBatch(std::span<const matcher::EventView> events, MatchTally* tally);

  matcher::Matcher matcher_;
  JsonEnvelope envelope_;
};

// Fills an index; ends the process if a subscription cannot be used, which would be a mistake of a
// generator.
void Load(std::span<const matcher::ProjectSubscriptions> sets, matcher::Index* index);

// Ends the process with a message unless the totals are equal: a fast wrong answer is worth
// nothing.
void CheckTotal(std::string_view what, uint64_t matches, uint64_t expected);

// What a thread gets done in a stretch of wall time.
struct WindowRate {
  double wall = 0;    // events a second of wall time
  double cpu = 0;     // ... of the thread's CPU time
  int64_t waits = 0;  // how often the thread went to sleep: for a lock, say
};

// Runs whole passes over `events` until `seconds` of wall time are gone; each must have
// `matches_a_pass`.
WindowRate RunForAWindow(EngineRun* engine, const EventPool& events, uint64_t matches_a_pass,
                         double seconds);

}  // namespace cievents::loadtest

#endif  // LOADTEST_ENGINE_ENGINE_RUN_H_
