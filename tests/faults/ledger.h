// What was sent, answered, pushed and killed, and when: all that the checker knows beside Postgres.
// One clock: the steady clock of this process.
#ifndef TESTS_FAULTS_LEDGER_H_
#define TESTS_FAULTS_LEDGER_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "matcher/base/mutex.h"
#include "tests/oracle/naive_matcher.h"

namespace cievents::faults {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

// One sending of an event.
struct Delivery {
  enum class Answer {
    kAcknowledged,  // accepted or duplicate: the promise holds
    kPutOff,        // overloaded: matched, perhaps written, nothing promised
    kUnanswered,    // the call failed: nothing is known
  };
  TimePoint sent;
  TimePoint ended;
  Answer answer = Answer::kUnanswered;
  int matched_count = -1;  // with kAcknowledged
  // Acknowledged from a spool before it was matched: that happens at any time after `sent`.
  bool matched_later = false;
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

struct SentEvent {
  std::string event_id;
  oracle::NaiveEvent event;
  std::string uid;  // as outcomes name it; empty: never answered
  std::vector<Delivery> deliveries;
  bool excused = false;  // see Ledger::Excuse
};

// A push that was applied at some time in [sent, answered].
struct AppliedPush {
  int64_t project_id = 0;
  int64_t sequence = 0;
  TimePoint sent;
  TimePoint answered;
  std::vector<oracle::NaiveSubscription> subscriptions;
  std::vector<std::string> paths;  // of each subscription
};

struct Outage {
  TimePoint begin;  // just before the fault
  TimePoint end;    // when events and pushes were seen to go through again
};

struct Violation {
  enum class Kind {
    kLost,     // a request of an acknowledged event is not there
    kExtra,    // a request that no configuration of its time explains
    kDoubled,  // a request is there more than once
    kLate,     // a push was not live in time
    kWrong,    // anything else: an answer, a row, a process that is not as it must
               // be
  };
  Kind kind = Kind::kWrong;
  std::string text;
};

// Thread-safe.
class Ledger {
 public:
  // Returns the event's place, for AddDelivery.
  size_t AddEvent(std::string event_id, oracle::NaiveEvent event);
  void AddDelivery(size_t place, const Delivery& delivery, const std::string& uid);

  void AddPush(AppliedPush push);

  // An outage begins with the first fault and ends when none is left.
  void SetDown();
  void SetUp();

  int64_t deliveries() const;

  // A row has damaged what was acknowledged of these events: that it is missing is no loss.
  void Excuse(const std::set<std::string>& event_ids);

  void AddViolation(Violation::Kind kind, std::string text);

  // For when all threads that write are joined.
  std::vector<SentEvent> events() const;
  std::vector<AppliedPush> pushes() const;  // by project, then sequence
  std::vector<Outage> outages() const;
  std::vector<Violation> violations() const;

 private:
  mutable Mutex mutex_;
  std::deque<SentEvent> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<AppliedPush> pushes_ ABSL_GUARDED_BY(mutex_);
  // Whose a subscription id is: (project, path), for ever.
  std::map<int64_t, std::pair<int64_t, std::string>> owners_ ABSL_GUARDED_BY(mutex_);
  int faults_ ABSL_GUARDED_BY(mutex_) = 0;  // that hold
  int64_t deliveries_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Outage> outages_ ABSL_GUARDED_BY(mutex_);
  TimePoint down_since_ ABSL_GUARDED_BY(mutex_);
  std::vector<Violation> violations_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_LEDGER_H_
