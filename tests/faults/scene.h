// A run of the product under load, as a row's injection sees it.
#ifndef TESTS_FAULTS_SCENE_H_
#define TESTS_FAULTS_SCENE_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/faults/emitter.h"
#include "tests/faults/ledger.h"
#include "tests/faults/load_control.h"
#include "tests/faults/pusher.h"
#include "tests/faults/roles.h"
#include "tests/faults/workload.h"

namespace cievents::faults {

// Short: what `make test` has time for. Long: `make faults`.
enum class Form { kShort, kLong };

// For the thread that injects.
class Scene {
 public:
  // All must outlive the scene.
  Scene(Form form, uint64_t seed, const std::vector<Project>& projects, Roles* roles,
        Ledger* ledger, LoadControl* control, std::chrono::seconds recover_max);
  ~Scene();

  Roles& roles() { return *roles_; }
  Ledger& ledger() { return *ledger_; }
  Random& random() { return random_; }
  LoadControl& control() { return *control_; }
  ChaosProxy& store_proxy() { return roles_->store_proxy(); }
  ChaosProxy& door_proxy() { return roles_->door_proxy(); }
  // `short_value`, or `long_value` in the long form.
  template <typename T>
  T By(T short_value, T long_value) const {
    return form_ == Form::kShort ? short_value : long_value;
  }

  // What is between these two is an outage: pushes need not be live meanwhile. EndFault comes when
  // the fault is taken away; it waits until a new push is live and an event that it matches is
  // acknowledged, and notes how long that took.
  void BeginFault();
  // The fault begins to be taken away (a process is started, say): recovery counts from here, else
  // from EndFault.
  void BeginHealing() { healing_ = Clock::now(); }
  void EndFault();
  // A push is held up in the middle of its transaction, another one overtakes it and is seen live;
  // then the first one commits, and must be seen live, too.
  // False: it was not, which is a violation.
  bool OvertakeAPush();
  std::chrono::milliseconds longest_recovery() const { return longest_recovery_; }

  // As administrator, past the proxy. An error is a violation.
  std::string Sql(const std::string& sql);
  // Something is not as it must be.
  void Wrong(std::string text);
  // OK, or it is wrong.
  bool Check(const absl::Status& status);
  // Lets the load run. Not a synchronisation: it is how long a fault holds, or the pause between
  // two.
  void Let(std::chrono::milliseconds time) const;
  // Looks until it holds; false: not within `limit`.
  bool Until(std::chrono::seconds limit, const std::function<bool()>& holds) const;
  // A line below the row in the table: what was seen.
  void Note(std::string_view text);
  const std::string& notes() const { return notes_; }

 private:
  const Form form_;
  const std::chrono::seconds recover_max_;
  Roles* const roles_;
  Ledger* const ledger_;
  LoadControl* const control_;
  Random random_;
  bool AwaitLive(const Project& project, const std::string& name, TimePoint give_up);

  const Project probe_;
  const Project slow_probe_;
  Pusher pusher_;
  Pusher slow_pusher_;
  Emitter emitter_;
  std::optional<TimePoint> healing_;
  int names_ = 0;
  std::chrono::milliseconds longest_recovery_{0};
  std::string notes_;
};

// A session that holds something in Postgres: SQL by its owner's thread, ended by the destructor.
class HeldSession {
 public:
  // Runs `sql` in it; the session then stays as it is, in its transaction if that was begun.
  HeldSession(const std::string& dsn, const std::string& sql);
  ~HeldSession();
  HeldSession(const HeldSession&) = delete;
  HeldSession& operator=(const HeldSession&) = delete;

  // Empty, or the SQLSTATE of the error.
  std::string Run(const std::string& sql);
  // The number that a query answers; -1: it failed.
  int64_t Number(const std::string& sql);
  bool connected() const;
  int backend() const;                                 // process id
  const std::string& error() const { return error_; }  // of the last Run

 private:
  void* connection_;  // PGconn
  std::string error_;
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_SCENE_H_
