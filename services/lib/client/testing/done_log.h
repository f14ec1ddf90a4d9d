// What the `done` callbacks of a test were given: how often each event, and what.
#ifndef SERVICES_LIB_CLIENT_TESTING_DONE_LOG_H_
#define SERVICES_LIB_CLIENT_TESTING_DONE_LOG_H_

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "matcher/base/mutex.h"

namespace cievents::client {

// Thread-safe. It must outlive the publisher.
template <typename Outcome>
class DoneLog {
 public:
  using Given = absl::StatusOr<Outcome>;

  std::function<void(Given)> For(std::string id) {
    return [this, id = std::move(id)](Given given) {
      MutexLock lock(mutex_);
      given_[id].push_back(std::move(given));
      ++count_;
      changed_.NotifyAll();
    };
  }

  // False: there are not so many after a minute.
  bool Await(int count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    MutexLock lock(mutex_);
    while (count_ < count) {
      const auto now = std::chrono::steady_clock::now();
      if (now >= end) return false;
      changed_.WaitFor(mutex_, end - now);
    }
    return true;
  }
  int count() const {
    MutexLock lock(mutex_);
    return count_;
  }
  // By id.
  std::map<std::string, std::vector<Given>> given() const {
    MutexLock lock(mutex_);
    return given_;
  }
  // What the event was given, if it was called exactly once.
  Given Of(const std::string& id) const {
    MutexLock lock(mutex_);
    const auto found = given_.find(id);
    if (found == given_.end()) return absl::NotFoundError(id + " is not done");
    if (found->second.size() != 1) return absl::InternalError(id + " is done more than once");
    return found->second.front();
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::vector<Given>> given_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cievents::client

#endif  // SERVICES_LIB_CLIENT_TESTING_DONE_LOG_H_
