// What Postgres must hold for each event, worked out from the ledger by the naive matcher.
//
// Subscription sets change while events are on their way. So for each sending of an event all
// configurations of a project that could have been live meanwhile are tried:
//
//   configuration i can be live    from the first sending of its push
//                                  until configuration i+1 must be live
//   configuration i must be live   live_max (2 s) after its push was answered, or after the end of
//   an
//                                  outage that came in between
//
// What matches in all of them MUST have a request if the sending was acknowledged; what matches in
// any of them MAY have one. Over several sendings both are unions. Where no configuration moves,
// MUST equals MAY and the comparison is exact.
#ifndef TESTS_FAULTS_EXPECTATION_H_
#define TESTS_FAULTS_EXPECTATION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/faults/ledger.h"
#include "tests/faults/workload.h"
#include "tests/oracle/naive_matcher.h"

namespace cievents::faults {

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
  struct Limits {
    std::chrono::seconds live_max{2};        // a push, from its answer or from the end of an outage
    std::chrono::seconds unanswered_max{5};  // how long a call is worked on that its client gave up
  };

  // `pushes` in the order of Ledger::pushes. The first push of a project counts as live from the
  // beginning, because the matcher starts after it; a probe has nothing before its first push.
  Expectation(const std::vector<Project>& projects, std::vector<AppliedPush> pushes,
              std::vector<Outage> outages, const Limits& limits);
  Expectation(const std::vector<Project>& projects, std::vector<AppliedPush> pushes,
              std::vector<Outage> outages)
      : Expectation(projects, std::move(pushes), std::move(outages), Limits()) {}
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
  // Events that are alike match alike: neither the stable set nor what a push applied ever changes.
  struct Alike {
    explicit Alike(const oracle::NaiveEvent& of);
    const oracle::NaiveEvent event;
    oracle::NaiveReading reading;
    std::vector<oracle::NaiveMatch> stable;
    std::set<int64_t> stable_ids;
    std::map<const AppliedPush*, std::set<int64_t>> pushes;
  };
  struct Bounds {
    std::set<int64_t> must;
    std::set<int64_t> may;
  };

  // When what was answered at `answered` must be live.
  TimePoint MustBeLive(TimePoint answered) const;
  void AddSpans(ProjectKind kind, const std::vector<const AppliedPush*>& pushes);
  // What matches all and any of the configurations in [begin, end].
  Bounds Match(Alike* alike, TimePoint begin, TimePoint end);
  const std::set<int64_t>& MatchesOf(const AppliedPush& push, Alike* alike);

  // A subscription, read once. Most listen to their own project alone, and are passed over for
  // events of others.
  struct Firing {
    oracle::NaiveFiring firing;
    int64_t only_project_id;  // 0 = any
  };
  static std::vector<Firing> Read(const std::vector<oracle::NaiveSubscription>& subscriptions);
  static std::vector<oracle::NaiveMatch> Matches(const std::vector<Firing>& firings, Alike* alike);
  Alike& AlikeTo(const oracle::NaiveEvent& event);

  const std::vector<AppliedPush> pushes_;
  const AppliedPush nothing_;  // before the first push of a probe
  const std::vector<Outage> outages_;
  const Limits limits_;
  std::vector<Firing> stable_;
  std::map<const AppliedPush*, std::vector<Firing>> firings_;  // of each push
  std::map<int64_t, std::vector<Span>> moving_;                // by project

  using Shape = std::tuple<std::vector<std::string>, int64_t, std::vector<int64_t>, bool>;
  std::map<Shape, std::unique_ptr<Alike>> alike_;
  const std::set<int64_t> none_;
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_EXPECTATION_H_
