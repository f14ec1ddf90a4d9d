// What the engine is compared with in the same run: short programs of ours that do not change, each
// the least that somebody would write by hand for one kind of workload.
#ifndef LOADTEST_BASELINES_BASELINE_H_
#define LOADTEST_BASELINES_BASELINE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "loadtest/workloads/workload.h"
#include "matcher/base/string_map.h"
#include "matcher/event/event_view.h"
#include "matcher/subscription.h"

namespace cievents::loadtest {

// How often events matched, and the sum of the ids of what they matched: two answers with equal
// tallies are, for all practical purposes, the same.
struct MatchTally {
  uint64_t count = 0;
  uint64_t id_sum = 0;
  void Add(int64_t subscription_id) {
    ++count;
    id_sum += static_cast<uint64_t>(subscription_id);
  }
  friend bool operator==(const MatchTally&, const MatchTally&) = default;
};

class Baseline {
 public:
  virtual ~Baseline() = default;
  virtual std::string name() const = 0;
  // True if Run gives the workload's answer; false if it does only the work that cannot be avoided.
  virtual bool answers() const = 0;
  virtual MatchTally Run(std::span<const matcher::EventView> events) = 0;
};

// A flat hash (scope, name) -> ids, names numbered by another: one probe a scope of the event.
// REQUIRES: patterns are literals, no conditions.
class FlatHash : public Baseline {
 public:
  explicit FlatHash(std::span<const matcher::ProjectSubscriptions> sets);
  FlatHash() = default;
  void Add(const matcher::ProjectSubscriptions& set);

  std::string name() const override { return "flat hash"; }
  bool answers() const override { return true; }
  MatchTally Run(std::span<const matcher::EventView> events) override;

 private:
  void Probe(uint64_t scope, uint64_t name, MatchTally* tally) const;

  StringMap<uint64_t> names_;
  absl::flat_hash_map<uint64_t, std::vector<int64_t>> ids_;
};

// For names of three levels: a hash from pattern text to ids and one probe for each form of
// wildcard that the workload has.
class ThreeLevelHash : public Baseline {
 public:
  explicit ThreeLevelHash(std::span<const matcher::ProjectSubscriptions> sets);

  std::string name() const override { return "hash of 5 wildcard forms"; }
  bool answers() const override { return true; }
  MatchTally Run(std::span<const matcher::EventView> events) override;

 private:
  void Probe(MatchTally* tally) const;

  StringMap<std::vector<int64_t>> ids_;
  std::string key_;
};

// Copies the payload (simdjson wants readable bytes behind it) and looks up one value on demand.
std::unique_ptr<Baseline> MakePayloadLookup(std::string_view path);  // `package.name`

// RE2::Set alone, on the values of the payload's `ref`, which it is given: no JSON is read.
// Pattern i belongs to subscription i + 1. Run must be given the pool's events in their order.
enum class RegexAnchor { kNone, kBoth };
std::unique_ptr<Baseline> MakeRegexSet(const std::vector<std::string>& patterns, RegexAnchor anchor,
                                       const EventPool& events);

}  // namespace cievents::loadtest

#endif  // LOADTEST_BASELINES_BASELINE_H_
