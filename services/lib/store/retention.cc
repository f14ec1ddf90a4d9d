#include "services/lib/store/retention.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <pqxx/pqxx>

#include "matcher/base/check.h"
#include "matcher/base/status.h"
#include "services/lib/base/backoff.h"
#include "services/lib/store/pqxx_pool.h"

namespace cievents::store {
namespace {

constexpr int kAttemptsMax = 20;  // of one step
constexpr std::chrono::milliseconds kCancelInterval{50};
// Counting an hour of many millions of requests takes minutes.
constexpr char kSessionSql[] = "SET statement_timeout = '30min'";

}  // namespace

struct Retention::Session {
  std::unique_ptr<pqxx::connection> connection;

  // Empty: nothing is due.
  absl::StatusOr<std::string> Step() {
    std::string step;
    const absl::Status status = CatchPqxx([this, &step] {
      pqxx::work transaction(*connection);
      const pqxx::row row =
          transaction.exec1(fmt::format("SELECT cievents.retention_step(interval '{} hours')",
                                        absl::ToInt64Hours(kRetention + kMargin)));
      transaction.commit();
      if (!row[0].is_null()) step = row[0].c_str();
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return step;
  }
};

absl::StatusOr<std::vector<std::string>> Retention::Run() {
  Session session;
  CIEVENTS_ASSIGN_OR_RETURN(session.connection, OpenPqxx(dsn_, "cievents-retention"));
  {
    MutexLock lock(mutex_);
    CIEVENTS_CHECK(session_ == nullptr);
    if (cancelled_) return absl::UnavailableError("retention was cancelled");
    session_ = &session;
  }
  absl::StatusOr<std::vector<std::string>> steps = RunIn(session);
  MutexLock lock(mutex_);
  session_ = nullptr;
  changed_.NotifyAll();
  return steps;
}

absl::StatusOr<std::vector<std::string>> Retention::RunIn(Session& session) {
  CIEVENTS_RETURN_IF_ERROR(CatchPqxx([&session] {
    pqxx::nontransaction(*session.connection).exec(kSessionSql);
    return absl::OkStatus();
  }));
  std::vector<std::string> steps;
  Backoff backoff(std::chrono::milliseconds(20), std::chrono::milliseconds(1000));
  int attempts = 0;
  while (true) {
    absl::StatusOr<std::string> step = session.Step();
    if (step.ok() && step->empty()) return steps;
    std::chrono::milliseconds pause{0};
    if (step.ok()) {
      steps.push_back(*std::move(step));
      attempts = 0;
      backoff.Reset();
    } else {
      const bool is_lost = !session.connection->is_open();
      if (step.status().code() != absl::StatusCode::kUnavailable || is_lost ||
          ++attempts == kAttemptsMax) {
        return step.status();
      }
      pause = backoff.Next();
    }
    MutexLock lock(mutex_);
    if (!cancelled_ && pause.count() > 0) changed_.WaitFor(mutex_, pause);
    if (cancelled_) return absl::UnavailableError("retention was cancelled");
  }
}

void Retention::Cancel() {
  MutexLock lock(mutex_);
  cancelled_ = true;
  changed_.NotifyAll();
  // Again and again, for one that comes between two statements cancels nothing.
  while (session_ != nullptr) {
    pqxx::connection* const connection = session_->connection.get();
    // Who cannot be asked has lost its connection, or soon will.
    CatchPqxx([connection] {
      connection->cancel_query();
      return absl::OkStatus();
    }).IgnoreError();
    changed_.WaitFor(mutex_, kCancelInterval);
  }
}

}  // namespace cievents::store
