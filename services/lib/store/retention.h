// Drops what is past retention: hours of events and requests, days of outcomes, keys of events
// (docs/delivery.md, "Retention"). The steps are SQL (cievents.retention_step); here is who calls
// them.
#ifndef SERVICES_LIB_STORE_RETENTION_H_
#define SERVICES_LIB_STORE_RETENTION_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "matcher/base/mutex.h"

namespace cievents::store {

// For how long a repetition of an event is told from a new one: as long as it may be admitted, and
// then wait in a spool.
inline constexpr absl::Duration kRetention = absl::Hours(72);

// Thread-safe; one Run at a time.
class Retention {
 public:
  // Besides kRetention, for an event at the very edge. Postgres' clock counts, no other.
  static constexpr absl::Duration kMargin = absl::Hours(1);

  explicit Retention(std::string dsn) : dsn_(std::move(dsn)) {}

  // Does what is due, each step in a transaction of its own, and says what was done. Many processes
  // may call it: one works, the others return at once. It can be killed anywhere: the next call
  // goes on. Locks that others wait behind are waited for 0.2 s at most, tried again some twenty
  // times. kUnavailable: Postgres is out of reach, the locks were not to be had, or Cancel was
  // called; the steps before stay done.
  absl::StatusOr<std::vector<std::string>> Run();

  // Ends Run, now and in future: cancels its statement and waits for it. Twice is fine.
  void Cancel();

 private:
  struct Session;

  absl::StatusOr<std::vector<std::string>> RunIn(Session& session);

  const std::string dsn_;

  Mutex mutex_;
  CondVar changed_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  Session* session_ ABSL_GUARDED_BY(mutex_) = nullptr;  // of the Run that is under way
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_RETENTION_H_
