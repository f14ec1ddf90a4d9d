// What Postgres must hold for each event, worked out from the ledger by the naive matcher.
//
// Subscription sets change while events are on their way. So for each sending of an event all
// configurations of a project that could have been live meanwhile are tried:
//
//   configuration i can be live    from the first sending of its push
//                                  until configuration i+1 must be live
//   configuration i must be live   2 s after its push was answered, or 2 s after the end of an
//                                  outage of matcher or Postgres that came in between
//
// What matches in all of them MUST have a request if the sending was acknowledged; what matches in
// any of them MAY have one. Over several sendings both are unions. Where no configuration moves,
// MUST equals MAY and the comparison is exact.
#ifndef TESTS_FAULT_EXPECTATION_H_
#define TESTS_FAULT_EXPECTATION_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/fault/ledger.h"
#include "tests/fault/workload.h"
#include "tests/oracle/naive_matcher.h"

namespace cievents::fault {

struct ExpectedEvent {
  bool acknowledged = false;
  std::set<int64_t> must;
  std::set<int64_t> may;
  // How many subscriptions an acknowledged sending may have named as matched: out of these bounds.
  std::string wrong_count;
};

// What decides about a stable subscription's request.
struct Decision {
  int entry = 0;
  std::string event_name;
};

class Expectation {
 public:
  // `pushes` in the order of Ledger::pushes. The first push of a project counts as live from the
  // beginning, because the matcher starts after it; a probe has nothing before its first push.
  Expectation(const std::vector<Project>& projects, std::vector<AppliedPush> pushes,
              std::vector<Outage> outages);
  // It points into itself.
  Expectation(const Expectation&) = delete;
  Expectation& operator=(const Expectation&) = delete;

  ExpectedEvent Expect(const SentEvent& sent);

  // By subscription; of stable projects only, whose requests have one possible decision.
  std::map<int64_t, Decision> StableDecisions(const oracle::NaiveEvent& event);

 private:
  // A configuration and when it can be live.
  struct Span {
    TimePoint begin;
    TimePoint end;
    const AppliedPush* push;
  };
  struct Bounds {
    std::set<int64_t> must;
    std::set<int64_t> may;
  };

  // When what was answered at `answered` must be live.
  TimePoint MustBeLive(TimePoint answered) const;
  void AddSpans(ProjectKind kind, const std::vector<const AppliedPush*>& pushes);
  // What matches all and any of the configurations in [begin, end].
  Bounds Match(const oracle::NaiveEvent& event, TimePoint begin, TimePoint end);
  const std::vector<oracle::NaiveMatch>& StableMatches(const oracle::NaiveEvent& event);
  const std::set<int64_t>& MatchesOf(const AppliedPush& push, const oracle::NaiveEvent& event);

  const std::vector<AppliedPush> pushes_;
  const AppliedPush nothing_;  // before the first push of a probe
  const std::vector<Outage> outages_;
  std::vector<oracle::NaiveSubscription> stable_;
  std::map<int64_t, std::vector<Span>> moving_;  // by project

  // Neither the stable set nor what a push applied ever changes: events that are alike match alike.
  using Shape = std::tuple<std::vector<std::string>, int64_t, std::vector<int64_t>, bool>;
  std::map<Shape, std::vector<oracle::NaiveMatch>> stable_matches_;
  std::map<std::pair<const AppliedPush*, Shape>, std::set<int64_t>> push_matches_;
};

}  // namespace cievents::fault

#endif  // TESTS_FAULT_EXPECTATION_H_
