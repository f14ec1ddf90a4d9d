#include "services/lib/store/request_queue.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <pqxx/pqxx>
#include <string_view>
#include <utility>

#include "absl/time/clock.h"
#include "matcher/base/mutex.h"
#include "matcher/base/status.h"
#include "services/lib/store/partitions.h"
#include "services/lib/store/pqxx_pool.h"
#include "services/lib/store/sql_text.h"

namespace cievents::store {
namespace {

constexpr int kClaimMax = 1000;
constexpr int kListMax = 1000;
constexpr size_t kOwnerBytesMax = 256;
constexpr absl::Duration kLeaseMax = absl::Hours(24);
// The longest that a lost turn, or a turn below the hint, waits for somebody to look.
constexpr std::chrono::seconds kFullLookInterval{1};
constexpr char kAllTurns[] = "-infinity";

// Columns of a request and its event, read from `c` (keys and state) through the primary keys: the
// OFFSET keeps the planner from reading whole partitions instead.
constexpr char kRecordColumns[] =
    "c.event_uid, c.subscription_id, r.project_id, r.root_namespace_id, r.path, r.ref,"
    " r.commit_sha, r.workflow_id, r.event_name, r.entry, r.inputs, r.run_as_user_id, e.event_id,"
    " e.source, array_to_string(e.names, E'\\n'), coalesce(e.project_id, 0),"
    " (extract(epoch FROM e.event_time) * 1000)::bigint, e.subject, e.correlation_id,"
    " e.traceparent";
constexpr int kRecordColumnCount = 20;
constexpr char kRecordJoins[] =
    " CROSS JOIN LATERAL (SELECT * FROM cievents.pipeline_requests p"
    "   WHERE p.event_uid = c.event_uid AND p.subscription_id = c.subscription_id OFFSET 0) r"
    " CROSS JOIN LATERAL (SELECT * FROM cievents.events v"
    "   WHERE v.event_uid = c.event_uid OFFSET 0) e";

RequestRecord ToRecord(const pqxx::row& row) {
  RequestRecord record;
  RequestRow& request = record.request;
  request.event_uid = matcher::EventUid::Parse(row[0].c_str()).value_or(matcher::EventUid());
  request.subscription_id = row[1].as<int64_t>();
  request.project_id = row[2].as<int64_t>();
  request.root_namespace_id = row[3].as<int64_t>();
  request.path = row[4].c_str();
  request.ref = row[5].c_str();
  request.commit_sha = row[6].c_str();
  request.workflow_id = row[7].c_str();
  request.event_name = row[8].c_str();
  request.entry = row[9].as<int32_t>();
  request.inputs_json = row[10].c_str();
  request.run_as_user_id = row[11].as<int64_t>();
  record.event_id = row[12].c_str();
  record.event_source = row[13].c_str();
  record.event_names = SplitLines(row[14].c_str());
  record.event_project_id = row[15].as<int64_t>();
  record.event_time_ms = row[16].as<int64_t>();
  record.event_subject = row[17].c_str();
  record.correlation_id = row[18].c_str();
  record.traceparent = row[19].c_str();
  return record;
}

// Where the requests of a state are, so that few of them are found without reading all requests.
absl::StatusOr<std::string_view> TableOfState(std::string_view state) {
  constexpr std::pair<std::string_view, std::string_view> kTables[] = {
      {"ready", "cievents.ready_requests"},       {"active", "cievents.active_requests"},
      {"deferred", "cievents.deferred_requests"}, {"dead", "cievents.dead_letters"},
      {"created", "cievents.request_outcomes"},   {"failed_input", "cievents.request_outcomes"},
  };
  for (const auto& [name, table] : kTables) {
    if (name == state) return table;
  }
  return Error(absl::StatusCode::kInvalidArgument,
               "there is no state \"{}\": ready, active, deferred, created, dead or failed_input",
               std::string(state));
}

std::string_view OutcomeName(CompletionKind kind) {
  switch (kind) {
    case CompletionKind::kCreated:
      return "created";
    case CompletionKind::kRetry:
      return "retry";
    case CompletionKind::kDead:
      break;
  }
  return "dead";
}

absl::Status NotHeld(const matcher::EventUid& event_uid, int64_t subscription_id, int32_t attempt,
                     const std::string& owner) {
  return Error(absl::StatusCode::kFailedPrecondition,
               "attempt {} of request {}:{} is not leased to {} any more: it expired, was taken "
               "over, or is completed",
               attempt, event_uid.ToString(), subscription_id, owner);
}

absl::Status NoRequest(const matcher::EventUid& event_uid, int64_t subscription_id) {
  return Error(absl::StatusCode::kNotFound, "there is no request {}:{}", event_uid.ToString(),
               subscription_id);
}

// A row of kRecordColumns and what FindDecision adds.
RecordedDecision ToDecision(const pqxx::row& row) {
  RequestRecord record = ToRecord(row);
  RecordedDecision decision;
  decision.request = std::move(record.request);
  EventRow& event = decision.event;
  event.uid = decision.request.event_uid;
  event.event_id = std::move(record.event_id);
  event.source = std::move(record.event_source);
  event.names = std::move(record.event_names);
  event.project_id = record.event_project_id;
  event.time_ms = record.event_time_ms;
  event.subject = std::move(record.event_subject);
  event.correlation_id = std::move(record.correlation_id);
  event.traceparent = std::move(record.traceparent);
  int column = kRecordColumnCount;
  event.root_namespace_id = row[column++].as<int64_t>();
  event.confidential = row[column++].as<bool>();
  event.actor_user_id = row[column++].as<int64_t>();
  event.actor_username = row[column++].c_str();
  if (!row[column].is_null()) event.actor_access_level = row[column].as<int32_t>();
  ++column;
  event.actor_bot = row[column++].as<bool>();
  const pqxx::binarystring data(row[column++]);
  event.data.assign(data.get(), data.size());
  event.identity_kind = row[column++].as<int16_t>();
  event.identity_id = row[column++].as<int64_t>();
  decision.current_commit_sha = row[column++].c_str();
  decision.current_workflow_id = row[column].c_str();
  return decision;
}

// The page of requests that `where` chooses, newest first.
std::vector<RequestRecord> ReadRecords(pqxx::transaction_base& transaction,
                                       const std::string& where, int limit) {
  const pqxx::result rows = transaction.exec(fmt::format(
      "WITH c AS MATERIALIZED (SELECT * FROM cievents_admin.requests q WHERE {}"
      "   ORDER BY q.event_uid DESC, q.subscription_id DESC LIMIT {})"
      " SELECT {}, coalesce(c.state, ''), coalesce(c.attempt, 0), coalesce(c.owner, ''),"
      "   coalesce((extract(epoch FROM c.lease_until) * 1000)::bigint, 0),"
      "   coalesce(c.pipeline_id, 0), coalesce(c.reason, '')"
      " FROM c {} ORDER BY c.event_uid DESC, c.subscription_id DESC",
      where, limit, kRecordColumns, kRecordJoins));
  std::vector<RequestRecord> records;
  for (const pqxx::row& row : rows) {
    RequestRecord& record = records.emplace_back(ToRecord(row));
    record.state = row[kRecordColumnCount].c_str();
    record.attempt = row[kRecordColumnCount + 1].as<int32_t>();
    record.owner = row[kRecordColumnCount + 2].c_str();
    record.lease_end_time_ms = row[kRecordColumnCount + 3].as<int64_t>();
    record.pipeline_id = row[kRecordColumnCount + 4].as<int64_t>();
    record.reason = row[kRecordColumnCount + 5].c_str();
  }
  return records;
}

// What belongs to rows of (uid, subscription id, attempt, lease end), in their order. A statement
// of its own: the function that leased them sees requests that are younger than its caller's
// snapshot.
std::vector<RequestRecord> ReadLeased(pqxx::transaction_base& transaction,
                                      const pqxx::result& leased) {
  std::string uids;
  std::string subscription_ids;
  for (const pqxx::row& row : leased) {
    uids += fmt::format("{}{}", uids.empty() ? "" : ",", row[0].c_str());
    subscription_ids += fmt::format("{}{}", subscription_ids.empty() ? "" : ",", row[1].c_str());
  }
  const pqxx::result rows = transaction.exec_params(
      fmt::format("SELECT {}, e.data, c.place FROM unnest($1::uuid[], $2::bigint[])"
                  " WITH ORDINALITY AS c (event_uid, subscription_id, place) {} ORDER BY c.place",
                  kRecordColumns, kRecordJoins),
      "{" + uids + "}", "{" + subscription_ids + "}");
  std::vector<RequestRecord> records;
  for (const pqxx::row& row : rows) {
    RequestRecord& record = records.emplace_back(ToRecord(row));
    const pqxx::binarystring data(row[kRecordColumnCount]);
    record.event_data.assign(data.get(), data.size());
    const pqxx::row lease = leased[row[kRecordColumnCount + 1].as<int>() - 1];
    record.state = "active";
    record.attempt = lease[2].as<int32_t>();
    record.lease_end_time_ms = lease[3].as<int64_t>();
  }
  return records;
}

absl::Status CheckOwner(const std::string& owner) {
  if (owner.empty() || owner.size() > kOwnerBytesMax) {
    return Error(absl::StatusCode::kInvalidArgument, "an owner's name has 1 to {} bytes, not {}",
                 kOwnerBytesMax, owner.size());
  }
  return RefuseNul(owner, "the owner's name");
}

absl::Status CheckLease(absl::Duration lease) {
  if (lease >= absl::Milliseconds(1) && lease <= kLeaseMax) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "a lease lasts 1ms to {}, not {}",
               absl::FormatDuration(kLeaseMax), absl::FormatDuration(lease));
}

}  // namespace

std::string FormatRequestId(const RequestId& id) {
  return fmt::format("{}:{}", id.event_uid.ToString(), id.subscription_id);
}

absl::StatusOr<RequestId> ParseRequestId(std::string_view text) {
  const auto invalid = [&] {
    return Error(absl::StatusCode::kInvalidArgument,
                 "'{}' is not a request id: it is <event uid>:<subscription id>, such as "
                 "01890a5d-ac96-774b-bcce-b302099a8057:42",
                 text.substr(0, 100));
  };
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return invalid();
  const auto uid = matcher::EventUid::Parse(text.substr(0, colon));
  if (!uid.has_value()) return invalid();
  RequestId id;
  id.event_uid = *uid;
  const std::string_view number = text.substr(colon + 1);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), id.subscription_id);
  if (error != std::errc() || end != number.data() + number.size() || id.subscription_id <= 0) {
    return invalid();
  }
  return id;
}

class RequestQueue::Pool {
 public:
  explicit Pool(std::unique_ptr<PqxxPool> connections) : connections_(std::move(connections)) {}

  // Like PqxxPool::Run. Outcomes need the partition of today: it is made if nobody did.
  absl::Status Run(const std::function<absl::Status(pqxx::work&)>& work) {
    absl::Status status = connections_->Run(work);
    if (status.code() != absl::StatusCode::kFailedPrecondition) return status;
    CIEVENTS_RETURN_IF_ERROR(EnsurePartitions(connections_->dsn(), absl::Now()));
    status = connections_->Run(work);
    if (status.code() != absl::StatusCode::kFailedPrecondition) return status;
    return Error(absl::StatusCode::kUnavailable, "no partition for now: {}",
                 std::string(status.message()));
  }

  struct Claimed {
    std::vector<RequestRecord> records;
    std::string last_turn;  // when the last turn that was taken was due
  };
  absl::StatusOr<Claimed> Claim(const std::string& owner, int max, absl::Duration lease,
                                const std::string& turns_from);

  // From which turn to look: mostly from where the last claim stopped, because an index keeps the
  // turns that were taken for as long as anybody's snapshot might see them.
  std::string TurnsFrom() {
    MutexLock lock(mutex_);
    if (std::chrono::steady_clock::now() >= look_at_all_at_) turns_from_ = kAllTurns;
    return turns_from_;
  }
  void SetTurnsFrom(const std::string& turns_from) {
    MutexLock lock(mutex_);
    turns_from_ = turns_from;
  }
  // True at most once in a while: then all turns are looked at, and lost ones are given again.
  bool TakeFullLook() {
    const auto now = std::chrono::steady_clock::now();
    MutexLock lock(mutex_);
    if (now < look_at_all_at_) return false;
    look_at_all_at_ = now + kFullLookInterval;
    return true;
  }

 private:
  std::unique_ptr<PqxxPool> connections_;
  Mutex mutex_;
  std::string turns_from_ ABSL_GUARDED_BY(mutex_) = kAllTurns;
  std::chrono::steady_clock::time_point look_at_all_at_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<RequestQueue::Pool::Claimed> RequestQueue::Pool::Claim(
    const std::string& owner, int max, absl::Duration lease, const std::string& turns_from) {
  Claimed claimed;
  const absl::Status status = Run([&](pqxx::work& transaction) {
    claimed = Claimed();
    const pqxx::result leased = transaction.exec_params(
        "SELECT event_uid, subscription_id, attempt, (extract(epoch FROM lease_until) * 1000)"
        "::bigint, turn_at FROM cievents.claim_requests($1, $2, $3, $4::timestamptz)",
        owner, max, absl::ToInt64Milliseconds(lease), turns_from);
    if (leased.empty()) return absl::OkStatus();
    claimed.last_turn = leased[0][4].c_str();
    claimed.records = ReadLeased(transaction, leased);
    for (RequestRecord& record : claimed.records) record.owner = owner;
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return claimed;
}

RequestQueue::RequestQueue(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}
RequestQueue::~RequestQueue() = default;

absl::StatusOr<std::unique_ptr<RequestQueue>> RequestQueue::Create(const std::string& dsn,
                                                                   int connections_max) {
  CIEVENTS_ASSIGN_OR_RETURN(std::unique_ptr<PqxxPool> connections,
                            PqxxPool::Create(dsn, "cievents-queue", connections_max));
  return std::unique_ptr<RequestQueue>(
      new RequestQueue(std::make_unique<Pool>(std::move(connections))));
}

absl::StatusOr<std::vector<RequestRecord>> RequestQueue::Claim(const std::string& owner, int max,
                                                               absl::Duration lease) {
  CIEVENTS_RETURN_IF_ERROR(CheckOwner(owner));
  CIEVENTS_RETURN_IF_ERROR(CheckLease(lease));
  max = std::clamp(max, 1, kClaimMax);
  const std::string turns_from = pool_->TurnsFrom();
  CIEVENTS_ASSIGN_OR_RETURN(Pool::Claimed claimed, pool_->Claim(owner, max, lease, turns_from));
  std::vector<RequestRecord>& records = claimed.records;
  const int missing = max - static_cast<int>(records.size());
  if (missing == 0) {
    if (pool_->TakeFullLook()) {
      pool_->SetTurnsFrom(kAllTurns);
    } else {
      pool_->SetTurnsFrom(claimed.last_turn);
    }
    return std::move(records);
  }

  // Fewer than asked for: is there a turn below the hint, or a tenant whose turn was lost?
  pool_->SetTurnsFrom(kAllTurns);
  int swept = 0;
  if (pool_->TakeFullLook()) {
    const absl::Status status = pool_->Run([&swept](pqxx::work& transaction) {
      swept = transaction.exec1("SELECT cievents.sweep_turns()")[0].as<int>();
      return absl::OkStatus();
    });
    if (!status.ok() && records.empty()) return status;
  }
  if (swept > 0 || turns_from != kAllTurns) {
    auto rest = pool_->Claim(owner, missing, lease, kAllTurns);
    // What is leased already is handed out whatever happens to the rest.
    if (!rest.ok() && records.empty()) return rest.status();
    if (rest.ok())
      std::move(rest->records.begin(), rest->records.end(), std::back_inserter(records));
  }
  return std::move(records);
}

absl::StatusOr<int> RequestQueue::Extend(const std::string& owner, absl::Duration lease) {
  CIEVENTS_RETURN_IF_ERROR(CheckOwner(owner));
  CIEVENTS_RETURN_IF_ERROR(CheckLease(lease));
  int extended = 0;
  const absl::Status status = pool_->Run([&](pqxx::work& transaction) {
    extended = transaction
                   .exec_params1("SELECT cievents.extend_leases($1, $2)", owner,
                                 absl::ToInt64Milliseconds(lease))[0]
                   .as<int>();
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return extended;
}

absl::Status RequestQueue::Complete(const Completion& completion) {
  CIEVENTS_RETURN_IF_ERROR(CheckOwner(completion.owner));
  CIEVENTS_RETURN_IF_ERROR(RefuseNul(completion.reason, "the reason"));
  bool completed = false;
  const absl::Duration delay =
      std::clamp(completion.retry_delay, absl::ZeroDuration(), absl::Hours(24));
  CIEVENTS_RETURN_IF_ERROR(pool_->Run([&](pqxx::work& transaction) {
    completed =
        transaction
            .exec_params1("SELECT cievents.complete_request($1, $2, $3, $4, $5, $6, $7, $8)",
                          completion.event_uid.ToString(), completion.subscription_id,
                          completion.attempt, completion.owner,
                          std::string(OutcomeName(completion.kind)), completion.pipeline_id,
                          completion.reason, absl::ToInt64Milliseconds(delay))[0]
            .as<bool>();
    return absl::OkStatus();
  }));
  if (completed) return absl::OkStatus();
  return NotHeld(completion.event_uid, completion.subscription_id, completion.attempt,
                 completion.owner);
}

absl::Status RequestQueue::Release(const matcher::EventUid& event_uid, int64_t subscription_id,
                                   int32_t attempt, const std::string& owner) {
  CIEVENTS_RETURN_IF_ERROR(CheckOwner(owner));
  bool released = false;
  CIEVENTS_RETURN_IF_ERROR(pool_->Run([&](pqxx::work& transaction) {
    released = transaction
                   .exec_params1("SELECT cievents.release_request($1, $2, $3, $4)",
                                 event_uid.ToString(), subscription_id, attempt, owner)[0]
                   .as<bool>();
    return absl::OkStatus();
  }));
  if (released) return absl::OkStatus();
  return NotHeld(event_uid, subscription_id, attempt, owner);
}

absl::StatusOr<std::vector<RequestRecord>> RequestQueue::List(const RequestFilter& filter) {
  std::string where = "true";
  if (filter.project_id.has_value())
    where += fmt::format(" AND q.project_id = {}", *filter.project_id);
  if (filter.state.has_value()) {
    CIEVENTS_ASSIGN_OR_RETURN(const std::string_view table, TableOfState(*filter.state));
    where += fmt::format(
        " AND q.state = '{}' AND (q.event_uid, q.subscription_id) IN"
        " (SELECT t.event_uid, t.subscription_id FROM {} t)",
        *filter.state, table);
  }
  if (filter.before_uid.has_value()) {
    where += fmt::format(" AND (q.event_uid, q.subscription_id) < ('{}', {})",
                         filter.before_uid->ToString(), filter.before_subscription_id);
  }
  std::vector<RequestRecord> records;
  const absl::Status status = pool_->Run([&](pqxx::work& transaction) {
    records = ReadRecords(transaction, where, std::clamp(filter.limit, 1, kListMax));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return records;
}

absl::StatusOr<RequestRecord> RequestQueue::Find(const matcher::EventUid& event_uid,
                                                 int64_t subscription_id) {
  std::vector<RequestRecord> records;
  const std::string where = fmt::format("q.event_uid = '{}' AND q.subscription_id = {}",
                                        event_uid.ToString(), subscription_id);
  CIEVENTS_RETURN_IF_ERROR(pool_->Run([&](pqxx::work& transaction) {
    records = ReadRecords(transaction, where, 1);
    return absl::OkStatus();
  }));
  if (!records.empty()) return std::move(records.front());
  return NoRequest(event_uid, subscription_id);
}

absl::StatusOr<RecordedDecision> RequestQueue::FindDecision(const matcher::EventUid& event_uid,
                                                            int64_t subscription_id) {
  std::optional<RecordedDecision> decision;
  CIEVENTS_RETURN_IF_ERROR(pool_->Run([&](pqxx::work& transaction) {
    const pqxx::result rows = transaction.exec_params(
        fmt::format("SELECT {}, e.root_namespace_id, e.confidential, coalesce(e.actor_user_id, 0),"
                    " coalesce(e.actor_username, ''), e.actor_access_level, e.actor_bot, e.data,"
                    " e.identity_kind, e.identity_id, coalesce(s.commit_sha, ''),"
                    " coalesce(s.workflow_id, '')"
                    " FROM (VALUES ($1::uuid, $2::bigint)) AS c (event_uid, subscription_id) {}"
                    " LEFT JOIN LATERAL (SELECT p.commit_sha, u.workflow_id"
                    "   FROM cievents.subscriptions u JOIN cievents.projects p USING (project_id)"
                    "   WHERE u.subscription_id = c.subscription_id AND u.ended_at IS NULL"
                    "     AND p.deleted_at IS NULL) s ON true",
                    kRecordColumns, kRecordJoins),
        event_uid.ToString(), subscription_id);
    if (!rows.empty()) decision = ToDecision(rows[0]);
    return absl::OkStatus();
  }));
  if (decision.has_value()) return *std::move(decision);
  return NoRequest(event_uid, subscription_id);
}

}  // namespace cievents::store
