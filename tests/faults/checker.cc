#include "tests/faults/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "services/lib/store/testing/test_database.h"
#include "tests/faults/expectation.h"

namespace cievents::faults {
namespace {

using Kind = Violation::Kind;

// The expectation as tables, and Postgres' own rows under short names.
constexpr char kTables[] = R"sql(
CREATE SCHEMA fault_check;
CREATE UNLOGGED TABLE fault_check.sent (event_id text, uid text);
CREATE UNLOGGED TABLE fault_check.must (event_id text, subscription_id bigint);
CREATE UNLOGGED TABLE fault_check.may (event_id text, subscription_id bigint);
CREATE UNLOGGED TABLE fault_check.decided (
  event_id text, subscription_id bigint, entry int, event_name text);
CREATE UNLOGGED TABLE fault_check.owner (subscription_id bigint, project_id bigint, path text);
CREATE VIEW fault_check.events AS SELECT * FROM cievents.events WHERE source <> '{}';
CREATE VIEW fault_check.there AS
  SELECT e.event_id, e.source, r.*
  FROM cievents.pipeline_requests r JOIN fault_check.events e USING (event_uid);
)sql";

// A question to Postgres whose rows are violations.
struct Question {
  Kind kind;
  const char* says;  // what a row means
  const char* sql;   // one column
};

constexpr Question kQuestions[] = {
    {Kind::kLost, "a request of an acknowledged event is not there (event, subscription)",
     "SELECT event_id || ' ' || subscription_id FROM (SELECT * FROM fault_check.must"
     " EXCEPT SELECT event_id, subscription_id FROM fault_check.there) x"},
    {Kind::kExtra, "nothing explains a request (event, subscription)",
     "SELECT event_id || ' ' || subscription_id FROM (SELECT event_id, subscription_id"
     " FROM fault_check.there EXCEPT SELECT * FROM fault_check.may) x"},
    {Kind::kDoubled, "a request is there more than once (event, subscription, count)",
     "SELECT concat_ws(' ', event_id, subscription_id, count(*)) FROM fault_check.there"
     " GROUP BY source, event_id, subscription_id HAVING count(*) > 1"},
    {Kind::kDoubled, "an event is there more than once (event, count)",
     "SELECT event_id || ' ' || count(*) FROM fault_check.events"
     " GROUP BY source, event_id HAVING count(*) > 1"},
    {Kind::kExtra, "an event is there that was never sent, or under another uid",
     "SELECT event_id FROM fault_check.events e WHERE NOT EXISTS (SELECT FROM fault_check.sent s"
     " WHERE s.event_id = e.event_id AND s.uid IN ('', e.event_uid::text))"},
    {Kind::kWrong, "an event is there without a request",
     "SELECT event_id FROM cievents.events e WHERE NOT EXISTS"
     " (SELECT FROM cievents.pipeline_requests r WHERE r.event_uid = e.event_uid)"},
    {Kind::kWrong, "a request is there without its event",
     "SELECT event_uid || ' ' || subscription_id FROM cievents.pipeline_requests r WHERE NOT EXISTS"
     " (SELECT FROM cievents.events e WHERE r.event_uid = e.event_uid)"},
    {Kind::kWrong, "a request is not in exactly one state (event, subscription, states)",
     "SELECT concat_ws(' ', event_uid, subscription_id, states) FROM cievents_admin.balance"},
    {Kind::kWrong, "a request is not ready although nobody takes any (event, subscription)",
     "SELECT event_uid || ' ' || subscription_id FROM cievents_admin.requests"
     " WHERE state IS DISTINCT FROM 'ready'"},
    {Kind::kWrong, "another entry or name decided (event, subscription, entry, name)",
     "SELECT concat_ws(' ', event_id, subscription_id, t.entry, t.event_name)"
     " FROM fault_check.there t JOIN fault_check.decided d USING (event_id, subscription_id)"
     " WHERE (t.entry, t.event_name) <> (d.entry, d.event_name)"},
    {Kind::kWrong, "a request names another project or file (event, subscription, project, path)",
     "SELECT concat_ws(' ', event_id, subscription_id, t.project_id, t.path)"
     " FROM fault_check.there t JOIN fault_check.owner o USING (subscription_id)"
     " WHERE (t.project_id, t.path) <> (o.project_id, o.path)"},
    {Kind::kWrong, "a tenant has ready requests and no turn",
     "SELECT DISTINCT root_namespace_id FROM cievents.ready_requests r WHERE NOT EXISTS"
     " (SELECT FROM cievents.tenant_queues q WHERE q.root_namespace_id = r.root_namespace_id)"},
};

// Inserts rows by some thousand at a time. The texts are ours: they need no quoting.
class Table {
 public:
  Table(const std::string& dsn, std::string name, Ledger* ledger)
      : dsn_(dsn), name_(std::move(name)), ledger_(ledger) {}
  ~Table() { Flush(); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  void Add(const std::string& row) {
    values_ += (values_.empty() ? "(" : ",(") + row + ")";
    if (++rows_ % 5'000 == 0) Flush();
  }

 private:
  void Flush() {
    if (values_.empty()) return;
    const std::string answer =
        store::Sql(dsn_, fmt::format("INSERT INTO fault_check.{} VALUES {}", name_, values_));
    if (!answer.empty()) ledger_->AddViolation(Kind::kWrong, answer);
    values_.clear();
  }

  const std::string& dsn_;
  const std::string name_;
  Ledger* const ledger_;
  std::string values_;
  int rows_ = 0;
};

int64_t Number(const std::string& dsn, const std::string& sql) {
  return std::atoll(store::Sql(dsn, sql).c_str());
}

void WriteOwners(const std::string& dsn, const std::vector<AppliedPush>& pushes, Ledger* ledger) {
  Table owner(dsn, "owner", ledger);
  std::set<int64_t> seen;
  for (const AppliedPush& push : pushes) {
    for (size_t i = 0; i < push.subscriptions.size(); ++i) {
      const int64_t id = push.subscriptions[i].subscription_id;
      if (!seen.insert(id).second) continue;
      owner.Add(fmt::format("{},{},'{}'", id, push.project_id, push.paths[i]));
    }
  }
}

void CountEvent(const SentEvent& sent, const ExpectedEvent& expected, Counts* counts) {
  ++counts->events;
  counts->deliveries += static_cast<int64_t>(sent.deliveries.size());
  counts->must += static_cast<int64_t>(expected.must.size());
  if (!expected.acknowledged) return;
  ++counts->acknowledged;
  if (!expected.must.empty()) ++counts->acknowledged_matched;
  const auto first_acknowledged = std::find_if(
      sent.deliveries.begin(), sent.deliveries.end(),
      [](const Delivery& delivery) { return delivery.answer == Delivery::Answer::kAcknowledged; });
  if (std::next(first_acknowledged) != sent.deliveries.end()) ++counts->sent_again;
  if (expected.must != expected.may) return;
  ++counts->exact;
  if (!expected.must.empty()) ++counts->exact_matched;
}

// Fills the tables and counts.
Counts WriteExpectation(const std::string& dsn, Expectation& expectation, Ledger* ledger) {
  Counts counts;
  Table sent_table(dsn, "sent", ledger);
  Table must(dsn, "must", ledger);
  Table may(dsn, "may", ledger);
  Table decided(dsn, "decided", ledger);
  for (const SentEvent& sent : ledger->events()) {
    ExpectedEvent expected = expectation.Expect(sent);
    if (sent.excused) expected.must.clear();
    CountEvent(sent, expected, &counts);
    if (!expected.wrong_count.empty()) ledger->AddViolation(Kind::kWrong, expected.wrong_count);
    sent_table.Add(fmt::format("'{}','{}'", sent.event_id, sent.uid));
    for (const int64_t id : expected.must) must.Add(fmt::format("'{}',{}", sent.event_id, id));
    for (const int64_t id : expected.may) may.Add(fmt::format("'{}',{}", sent.event_id, id));
    for (const auto& [id, decision] : expectation.StableDecisions(sent.event)) {
      decided.Add(
          fmt::format("'{}',{},{},'{}'", sent.event_id, id, decision.entry, decision.event_name));
    }
  }
  return counts;
}

void Ask(const std::string& dsn, const Question& question, Ledger* ledger) {
  std::istringstream rows(store::Sql(dsn, question.sql));
  for (std::string row; std::getline(rows, row);) {
    ledger->AddViolation(question.kind, fmt::format("{}: {}", question.says, row));
  }
}

}  // namespace

Counts Check(const std::string& dsn, const std::vector<Project>& projects, Ledger* ledger,
             const Expectation::Limits& limits) {
  const std::vector<AppliedPush> pushes = ledger->pushes();
  Expectation expectation(projects, pushes, ledger->outages(), limits);
  const std::string made = store::Sql(dsn, fmt::format(kTables, kOwnSource));
  if (!made.empty()) ledger->AddViolation(Kind::kWrong, made);
  WriteOwners(dsn, pushes, ledger);
  Counts counts = WriteExpectation(dsn, expectation, ledger);
  store::Sql(dsn, "ANALYZE");
  for (const Question& question : kQuestions) Ask(dsn, question, ledger);
  counts.requests = Number(dsn, "SELECT count(*) FROM cievents.pipeline_requests");
  counts.pushes = static_cast<int64_t>(pushes.size());
  return counts;
}

void Drain(const std::string& dsn, Ledger* ledger) {
  // A round each: the statement that takes sees what the one before has completed.
  constexpr char kRound[] =
      "WITH taken AS MATERIALIZED (SELECT event_uid, subscription_id, attempt"
      " FROM cievents.claim_requests('drain', 5000, 600000))"
      " SELECT count(*), count(*) FILTER (WHERE NOT c.completed) FROM taken t, LATERAL"
      " (SELECT cievents.complete_request(t.event_uid, t.subscription_id, t.attempt, 'drain',"
      " 'created', 1, '', 0) AS completed) c";
  std::string round;
  do {
    round = store::Sql(dsn, kRound);
    if (round.empty() || round[0] == 'E' || round.substr(round.find('|')) != "|0") {
      ledger->AddViolation(Kind::kWrong, "requests cannot be taken and completed: " + round);
      return;
    }
  } while (round != "0|0");
  for (const char* table : {"ready_requests", "active_requests", "deferred_requests"}) {
    const int64_t left = Number(dsn, fmt::format("SELECT count(*) FROM cievents.{}", table));
    if (left == 0) continue;
    ledger->AddViolation(Kind::kWrong, fmt::format("{} of {} can never be taken", left, table));
  }
}

}  // namespace cievents::faults
