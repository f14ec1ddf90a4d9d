#include "loadtest/service/subscription_rows.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <string_view>
#include <utility>

#include "absl/time/time.h"
#include "loadtest/service/server_process.h"
#include "loadtest/workloads/identity.h"
#include "matcher/slots.h"
#include "services/lib/base/sha256.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::loadtest {
namespace {

constexpr size_t kFlushBytes = 1 << 20;

// COPY in the text format.
class Copy {
 public:
  Copy(const std::string& dsn, const std::string& table_and_columns)
      : connection_(PQconnectdb(dsn.c_str())) {
    // The ingest's rows satisfy the foreign keys, and so do these.
    Expect("SET session_replication_role = replica", PGRES_COMMAND_OK);
    Expect(fmt::format("COPY {} FROM STDIN", table_and_columns), PGRES_COPY_IN);
  }
  ~Copy() {
    Flush();
    if (PQputCopyEnd(connection_, nullptr) != 1) Fail();
    PGresult* result = PQgetResult(connection_);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) Fail();
    PQclear(result);
    PQfinish(connection_);
  }

  void Add(std::string_view value) {
    if (!row_begins_) buffer_ += '\t';
    row_begins_ = false;
    for (const char c : value) {
      if (c == '\\') buffer_ += '\\';
      buffer_ += c;  // no value of ours holds a tab or a line end
    }
  }
  void Add(int64_t value) { Add(fmt::format("{}", value)); }
  void EndRow() {
    buffer_ += '\n';
    row_begins_ = true;
    if (buffer_.size() >= kFlushBytes) Flush();
  }

 private:
  void Flush() {
    if (PQputCopyData(connection_, buffer_.data(), static_cast<int>(buffer_.size())) != 1) Fail();
    buffer_.clear();
  }
  void Expect(const std::string& sql, ExecStatusType expected) {
    PGresult* result = PQexec(connection_, sql.c_str());
    if (PQresultStatus(result) != expected) Fail();
    PQclear(result);
  }
  [[noreturn]] void Fail() const { Die("COPY", PQerrorMessage(connection_)); }

  PGconn* const connection_;
  std::string buffer_;
  bool row_begins_ = true;
};

int64_t RootOf(const matcher::ProjectSubscriptions& project) {
  return project.namespace_ids.empty() ? 0 : project.namespace_ids.front();
}

void AddProject(const matcher::ProjectSubscriptions& project, Copy* rows) {
  rows->Add(project.project_id);
  rows->Add(fmt::format("{{{}}}", fmt::join(project.namespace_ids, ",")));
  rows->Add(static_cast<int64_t>(matcher::SlotOf(RootOf(project))));
  rows->Add(fmt::format("group/project-{}", project.project_id));
  rows->Add(project.default_branch);
  rows->Add(1);
  rows->Add(project.commit_sha);
  rows->EndRow();
}

void AddSubscriptions(const matcher::ProjectSubscriptions& project, Copy* rows) {
  for (const matcher::Subscription& subscription : project.subscriptions) {
    const std::string inputs = ci_yaml::InputsToJson(subscription.include_inputs);
    rows->Add(subscription.subscription_id);
    rows->Add(project.project_id);
    rows->Add(RootOf(project));
    rows->Add(subscription.path);
    rows->Add(Sha256Hex(inputs));
    rows->Add(subscription.workflow_id);
    rows->Add(ci_yaml::EntriesToJson(subscription.entries));
    rows->Add(inputs);
    rows->Add(subscription.spec_inputs_json);
    rows->Add(subscription.owner_user_id);
    rows->Add(absl::FormatTime("%Y-%m-%d %H:%M:%E3S+00",
                               absl::FromUnixMillis(subscription.created_time_ms),
                               absl::UTCTimeZone()));
    rows->EndRow();
  }
}

}  // namespace

void WriteProjects(const std::string& dsn, int64_t count,
                   const std::function<matcher::ProjectSubscriptions(int64_t)>& make) {
  {
    Copy rows(dsn,
              "cievents.projects (project_id, namespace_ids, slot, path, default_branch,"
              " push_sequence, commit_sha)");
    for (int64_t i = 0; i < count; ++i) AddProject(make(i), &rows);
  }
  Copy rows(
      dsn,
      "cievents.subscriptions (subscription_id, project_id, root_namespace_id, path,"
      " inputs_digest, workflow_id, entries, inputs, spec_inputs, owner_user_id, created_at)");
  for (int64_t i = 0; i < count; ++i) AddSubscriptions(make(i), &rows);
}

matcher::ProjectSubscriptions MakeFanOutProject(int64_t number, int fan_out,
                                                const std::string& name, int64_t root_namespaces) {
  matcher::ProjectSubscriptions project =
      MakeProject(number, {NamespaceId(number % root_namespaces)});
  for (int place = 0; place < fan_out; ++place) {
    matcher::Subscription subscription =
        MakeSubscription(number * fan_out + place, place, {ParsePattern(name), {}, ""});
    subscription.entries.front().inputs = {
        {"iid", "\"$[[ event.payload.object_attributes.iid ]]\"", {}}};
    subscription.spec_inputs_json = R"({"iid":{"type":"number"}})";
    project.subscriptions.push_back(std::move(subscription));
  }
  return project;
}

}  // namespace cievents::loadtest
