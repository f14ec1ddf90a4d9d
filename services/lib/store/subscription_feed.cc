#include "services/lib/store/subscription_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "matcher/base/status.h"
#include "services/lib/store/libpq_connection.h"
#include "services/lib/store/sql_text.h"

namespace cievents::store {
namespace {

// A poll reads what changed within milliseconds; minutes are for the load of millions.
constexpr absl::Duration kPollDeadline = absl::Seconds(15);
constexpr absl::Duration kLoadDeadline = absl::Minutes(10);
// Compiling the load's query costs more than it saves.
constexpr char kSessionSql[] =
    "SET statement_timeout = '10min'; SET lock_timeout = '5s'; SET jit = off";

// Columns of a project. The digest, a number, is of all of them; with those of its subscriptions it
// gives the project's by XOR.
enum ProjectColumn {
  kProjectId,
  kNamespaceIds,
  kDefaultBranch,
  kCommitSha,
  kDeleted,
  kUnavailable,
  kScopesSuspended,
  kInSlots,
  kProjectDigest,
};
constexpr int kProjectColumns = kProjectDigest + 1;
std::string ProjectColumns(const std::string& in_slots) {
  const std::string columns = fmt::format(
      "p.project_id, array_to_string(p.namespace_ids, ','), p.default_branch, p.commit_sha,"
      " p.deleted_at IS NOT NULL, p.archived OR p.ci_disabled,"
      " p.permission_namespace_ids IS NOT NULL, {}",
      in_slots);
  return fmt::format("{}, hashtextextended(concat_ws('|', {}), 0)", columns, columns);
}

// Columns of a subscription; in a poll they stand behind the project's, and the position behind
// them.
enum SubscriptionColumn {
  kOfProject,
  kSubscriptionId,
  kPath,
  kWorkflowId,
  kEntries,
  kInputs,
  kSpecInputs,
  kHoistedRules,
  kOwnerUserId,
  kCreatedMs,
  kSuspended,
  kSubscriptionDigest,
};
constexpr int kSnapshot = kProjectColumns + kSubscriptionDigest + 1;
constexpr char kSubscriptionDigestSql[] =
    "hashtextextended(concat_ws('|', s.project_id, s.subscription_id, s.path, s.workflow_id,"
    " s.entries, s.inputs, s.spec_inputs, s.hoisted_rules, s.owner_user_id,"
    " date_part('epoch', s.created_at), s.suspended), 0)";
std::string SubscriptionColumns() {
  return fmt::format(
      "s.project_id, s.subscription_id, s.path, s.workflow_id, s.entries, s.inputs, s.spec_inputs,"
      " s.hoisted_rules, s.owner_user_id, (date_part('epoch', s.created_at) * 1000)::bigint,"
      " s.suspended, {}",
      kSubscriptionDigestSql);
}

constexpr char kLiveOfProject[] =
    "s.project_id = p.project_id AND s.ended_at IS NULL AND p.deleted_at IS NULL";

// Whether project p is of one of the slots.
std::string InSlots(const matcher::SlotSet& slots) {
  if (slots.all()) return "true";
  std::vector<size_t> numbers;
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    if (slots.test(slot)) numbers.push_back(slot);
  }
  return fmt::format("p.slot = ANY ('{{{}}}'::smallint[])", fmt::join(numbers, ","));
}

// A row of a result in text, as CopyRow is one of a COPY.
class TextRow {
 public:
  TextRow(const PGresult* rows, int row) : rows_(rows), row_(row) {}
  bool IsNull(int column) const { return PQgetisnull(rows_, row_, column) != 0; }
  std::string_view Text(int column) const { return Field(rows_, row_, column); }
  int64_t Int(int column) const { return IntField(rows_, row_, column); }
  bool Bool(int column) const { return Text(column) == "t"; }

 private:
  const PGresult* rows_;
  int row_;
};

template <typename Row>
FeedProject ToProject(const Row& row) {
  FeedProject project;
  project.project_id = row.Int(kProjectId);
  project.namespace_ids = ParseIds(row.Text(kNamespaceIds));
  project.default_branch = row.Text(kDefaultBranch);
  project.commit_sha = row.Text(kCommitSha);
  project.deleted = row.Bool(kDeleted);
  project.unavailable = row.Bool(kUnavailable);
  project.scopes_suspended = row.Bool(kScopesSuspended);
  project.in_slots = row.Bool(kInSlots);
  project.digest = static_cast<uint64_t>(row.Int(kProjectDigest));
  return project;
}

// `first`: where a subscription's columns begin.
template <typename Row>
void AddSubscription(const Row& row, int first, FeedProject* project) {
  FeedSubscription& subscription = project->subscriptions.emplace_back();
  subscription.subscription_id = row.Int(first + kSubscriptionId);
  subscription.path = row.Text(first + kPath);
  subscription.workflow_id = row.Text(first + kWorkflowId);
  subscription.entries_json = row.Text(first + kEntries);
  subscription.inputs_json = row.Text(first + kInputs);
  subscription.spec_inputs_json = row.Text(first + kSpecInputs);
  subscription.hoisted_rules_json = row.Text(first + kHoistedRules);
  subscription.owner_user_id = row.Int(first + kOwnerUserId);
  subscription.created_time_ms = row.Int(first + kCreatedMs);
  subscription.suspended = row.Bool(first + kSuspended) || project->unavailable;
  project->digest ^= static_cast<uint64_t>(row.Int(first + kSubscriptionDigest));
}

// Rows of a project stand together: a row adds its subscription to the last project, or a project.
void AddRow(const TextRow& row, std::vector<FeedProject>& projects) {
  if (projects.empty() || projects.back().project_id != row.Int(kProjectId)) {
    projects.push_back(ToProject(row));
  }
  if (row.IsNull(kProjectColumns + kSubscriptionId)) return;
  AddSubscription(row, kProjectColumns, &projects.back());
}

// Opens a transaction on the snapshot of another one, and begins to read the subscriptions of the
// slots, by project.
absl::StatusOr<LibpqConnection> ReadSubscriptions(const std::string& dsn,
                                                  std::string_view exported_snapshot,
                                                  const std::string& in_slots) {
  CIEVENTS_ASSIGN_OR_RETURN(LibpqConnection connection,
                            LibpqConnection::Connect(dsn, "cievents-load", kSessionSql));
  CIEVENTS_RETURN_IF_ERROR(connection
                               .Exec(fmt::format("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                                                 " SET TRANSACTION SNAPSHOT '{}'",
                                                 exported_snapshot),
                                     {}, kPollDeadline)
                               .status());
  CIEVENTS_RETURN_IF_ERROR(connection.BeginRows(
      fmt::format("SELECT {} FROM cievents.subscriptions s"
                  " JOIN cievents.projects p ON {} AND ({} OR s.on_every_shard)"
                  " ORDER BY s.project_id",
                  SubscriptionColumns(), kLiveOfProject, in_slots),
      kLoadDeadline));
  return connection;
}

}  // namespace

struct SubscriptionFeed::Connection {
  std::string dsn;
  std::optional<LibpqConnection> libpq;
  std::string snapshot;  // the position: a pg_snapshot; empty = nothing loaded yet
  std::string poll_sql;
  std::string check_sql;
  std::string read_sql;

  // After any error the position means nothing: the connection goes, and so does the feed.
  absl::Status End(const absl::Status& why) {
    libpq.reset();
    snapshot.clear();
    return Error(absl::StatusCode::kUnavailable, "the change feed ended, load again: {}",
                 std::string(why.message()));
  }

  absl::Status Load(const matcher::SlotSet& slots,
                    const std::function<void(FeedProject)>& on_project) {
    const std::string in_slots = InSlots(slots);
    // One snapshot for the position and the rows.
    CIEVENTS_RETURN_IF_ERROR(
        libpq->Exec("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", {}, kPollDeadline).status());
    CIEVENTS_ASSIGN_OR_RETURN(
        const Result current,
        libpq->Exec("SELECT pg_current_snapshot(), pg_export_snapshot()", {}, kPollDeadline));
    // Projects and subscriptions come side by side: Postgres does not repeat a project with each of
    // its subscriptions.
    CIEVENTS_ASSIGN_OR_RETURN(LibpqConnection subscriptions,
                              ReadSubscriptions(dsn, Field(current.get(), 0, 1), in_slots));
    CIEVENTS_RETURN_IF_ERROR(
        libpq->BeginRows(fmt::format("SELECT {} FROM cievents.projects p WHERE p.deleted_at IS NULL"
                                     " ORDER BY p.project_id",
                                     ProjectColumns(in_slots)),
                         kLoadDeadline));
    CopyRow project_row;
    CopyRow row;
    CIEVENTS_ASSIGN_OR_RETURN(bool is_row, subscriptions.NextRow(&row));
    while (true) {
      CIEVENTS_ASSIGN_OR_RETURN(const bool is_project, libpq->NextRow(&project_row));
      if (!is_project) break;
      FeedProject project = ToProject(project_row);
      while (is_row && row.Int(kOfProject) == project.project_id) {
        AddSubscription(row, 0, &project);
        CIEVENTS_ASSIGN_OR_RETURN(is_row, subscriptions.NextRow(&row));
      }
      std::sort(project.subscriptions.begin(), project.subscriptions.end(),
                [](const FeedSubscription& a, const FeedSubscription& b) {
                  return a.subscription_id < b.subscription_id;
                });
      on_project(std::move(project));
    }
    if (is_row) return absl::DataLossError("subscriptions and projects are not in one order");
    CIEVENTS_RETURN_IF_ERROR(libpq->Exec("COMMIT", {}, kPollDeadline).status());
    snapshot = Field(current.get(), 0, 0);
    SetPollSql(in_slots);
    return absl::OkStatus();
  }

  // One statement has one snapshot, for the rows and for the new position. A head is returned when
  // its writer was not visible in the last position and is in this one.
  void SetPollSql(const std::string& in_slots) {
    const std::string columns =
        fmt::format("{}, {}", ProjectColumns(in_slots), SubscriptionColumns());
    const std::string with_subscriptions =
        fmt::format("LEFT JOIN cievents.subscriptions s ON {} AND ({} OR s.on_every_shard)",
                    kLiveOfProject, in_slots);
    poll_sql = fmt::format(
        "SELECT {}, c.snapshot FROM (SELECT pg_current_snapshot() AS snapshot) c"
        " LEFT JOIN cievents.projects p ON p.changed_xid >= pg_snapshot_xmin($1::pg_snapshot)"
        "  AND NOT pg_visible_in_snapshot(p.changed_xid, $1::pg_snapshot)"
        "  AND pg_visible_in_snapshot(p.changed_xid, c.snapshot)"
        " {} ORDER BY p.project_id, s.subscription_id",
        columns, with_subscriptions);
    check_sql = fmt::format(
        "SELECT c.project_id, c.digest # c.digests FROM (SELECT {},"
        "  coalesce(bit_xor(CASE WHEN s.subscription_id IS NOT NULL THEN {} END), 0)"
        "  FROM (SELECT * FROM cievents.projects"
        "   WHERE deleted_at IS NULL AND project_id > $1 ORDER BY project_id LIMIT $2) p"
        "  {} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9) c"
        " (project_id, b, c, d, e, f, g, h, digest, digests) ORDER BY c.project_id",
        ProjectColumns(in_slots), kSubscriptionDigestSql, with_subscriptions);
    read_sql = fmt::format(
        "SELECT {} FROM cievents.projects p {} WHERE p.project_id = ANY ($1::bigint[])"
        " ORDER BY p.project_id, s.subscription_id",
        columns, with_subscriptions);
  }

  absl::StatusOr<std::vector<FeedProject>> Poll() {
    CIEVENTS_ASSIGN_OR_RETURN(const Result rows, libpq->Exec(poll_sql, {snapshot}, kPollDeadline));
    std::vector<FeedProject> projects;
    for (int row = 0; row < PQntuples(rows.get()); ++row) {
      // Without a change there is one row, with the new position alone.
      if (PQgetisnull(rows.get(), row, kProjectId) == 0) AddRow(TextRow(rows.get(), row), projects);
    }
    snapshot = Field(rows.get(), 0, kSnapshot);
    return projects;
  }

  // A poll and a query in one snapshot.
  absl::StatusOr<Result> PollAnd(const std::string& sql, const std::vector<std::string>& parameters,
                                 std::vector<FeedProject>& changes) {
    CIEVENTS_RETURN_IF_ERROR(
        libpq->Exec("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", {}, kPollDeadline).status());
    CIEVENTS_ASSIGN_OR_RETURN(changes, Poll());
    CIEVENTS_ASSIGN_OR_RETURN(Result rows, libpq->Exec(sql, parameters, kPollDeadline));
    CIEVENTS_RETURN_IF_ERROR(libpq->Exec("COMMIT", {}, kPollDeadline).status());
    return rows;
  }

  absl::StatusOr<FeedCheck> PollAndCheck(int64_t after_project_id, int projects_max) {
    FeedCheck check;
    CIEVENTS_ASSIGN_OR_RETURN(
        const Result rows,
        PollAnd(check_sql, {std::to_string(after_project_id), std::to_string(projects_max)},
                check.changes));
    for (int row = 0; row < PQntuples(rows.get()); ++row) {
      check.digests.push_back(
          {IntField(rows.get(), row, 0), static_cast<uint64_t>(IntField(rows.get(), row, 1))});
    }
    check.after_project_id = after_project_id;
    const bool is_last = check.digests.size() < static_cast<size_t>(projects_max);
    check.through_project_id =
        is_last ? std::numeric_limits<int64_t>::max() : check.digests.back().project_id;
    return check;
  }

  absl::StatusOr<std::vector<FeedProject>> PollAndRead(const std::vector<int64_t>& project_ids) {
    std::vector<FeedProject> projects;
    CIEVENTS_ASSIGN_OR_RETURN(
        const Result rows,
        PollAnd(read_sql, {fmt::format("{{{}}}", fmt::join(project_ids, ","))}, projects));
    std::vector<FeedProject> read;
    for (int row = 0; row < PQntuples(rows.get()); ++row) AddRow(TextRow(rows.get(), row), read);
    for (const int64_t id : project_ids) {
      const bool found = std::any_of(read.begin(), read.end(), [id](const FeedProject& project) {
        return project.project_id == id;
      });
      if (found) continue;
      read.emplace_back().project_id = id;
      read.back().deleted = true;
    }
    std::move(read.begin(), read.end(), std::back_inserter(projects));
    return projects;
  }
};

SubscriptionFeed::SubscriptionFeed(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {}
SubscriptionFeed::~SubscriptionFeed() = default;

absl::StatusOr<std::unique_ptr<SubscriptionFeed>> SubscriptionFeed::Connect(
    const std::string& dsn) {
  auto connection = std::make_unique<Connection>();
  connection->dsn = dsn;
  CIEVENTS_ASSIGN_OR_RETURN(LibpqConnection opened,
                            LibpqConnection::Connect(dsn, "cievents-feed", kSessionSql));
  connection->libpq.emplace(std::move(opened));
  return std::unique_ptr<SubscriptionFeed>(new SubscriptionFeed(std::move(connection)));
}

absl::Status SubscriptionFeed::Load(const matcher::SlotSet& slots,
                                    const std::function<void(FeedProject)>& on_project) {
  if (!connection_->libpq.has_value()) {
    return absl::UnavailableError("this feed has ended: connect a new one");
  }
  const absl::Status loaded = connection_->Load(slots, on_project);
  if (!loaded.ok()) return connection_->End(loaded);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<FeedProject>> SubscriptionFeed::Load() {
  std::vector<FeedProject> projects;
  CIEVENTS_RETURN_IF_ERROR(Load(matcher::SlotSet().set(), [&projects](FeedProject project) {
    projects.push_back(std::move(project));
  }));
  return projects;
}

absl::Status SubscriptionFeed::CheckLoaded() const {
  if (!connection_->libpq.has_value()) {
    return absl::UnavailableError("this feed has ended: connect a new one");
  }
  if (connection_->snapshot.empty()) {
    return absl::FailedPreconditionError("Poll before Load: there is no position to start from");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<FeedProject>> SubscriptionFeed::Poll() {
  CIEVENTS_RETURN_IF_ERROR(CheckLoaded());
  auto projects = connection_->Poll();
  if (!projects.ok()) return connection_->End(projects.status());
  return projects;
}

absl::StatusOr<FeedCheck> SubscriptionFeed::PollAndCheck(int64_t after_project_id,
                                                         int projects_max) {
  CIEVENTS_RETURN_IF_ERROR(CheckLoaded());
  auto check = connection_->PollAndCheck(after_project_id, projects_max);
  if (!check.ok()) return connection_->End(check.status());
  return check;
}

absl::StatusOr<std::vector<FeedProject>> SubscriptionFeed::PollAndRead(
    const std::vector<int64_t>& project_ids) {
  CIEVENTS_RETURN_IF_ERROR(CheckLoaded());
  auto read = connection_->PollAndRead(project_ids);
  if (!read.ok()) return connection_->End(read.status());
  return read;
}

}  // namespace cievents::store
