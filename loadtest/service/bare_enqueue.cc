#include "loadtest/service/bare_enqueue.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <string_view>
#include <utility>

#include "absl/time/clock.h"
#include "loadtest/service/event_bytes.h"
#include "loadtest/service/server_process.h"
#include "matcher/base/check.h"
#include "services/event_matcher/event_codec.h"
#include "services/event_matcher/request_rows.h"
#include "services/lib/store/binary_array.h"
#include "services/lib/store/libpq_connection.h"

namespace cievents::loadtest {
namespace {

using store::ArrayType;
using store::BinaryArray;
using store::EventRow;
using store::RequestRow;

constexpr absl::Duration kDeadline = absl::Seconds(30);

template <typename Row>
struct Column {
  std::string_view name;
  ArrayType type;
  void (*append)(BinaryArray&, const Row&);
};

void AppendText(BinaryArray& array, const std::string& text) {
  text.empty() ? array.AppendNull() : array.AppendBytes(text);
}
void AppendNumber(BinaryArray& array, int64_t number) {
  number == 0 ? array.AppendNull() : array.AppendInt8(number);
}

// `names` is made of one name: the events of a load test have no more.
const std::vector<Column<EventRow>>& EventColumns() {
  using A = BinaryArray;
  using E = EventRow;
  static const auto* columns = new std::vector<Column<EventRow>>{
      {"event_uid", store::kUuidArray, [](A& a, const E& e) { a.AppendUuid(e.uid); }},
      {"identity_kind", store::kInt2Array, [](A& a, const E& e) { a.AppendInt2(e.identity_kind); }},
      {"identity_id", store::kInt8Array, [](A& a, const E& e) { a.AppendInt8(e.identity_id); }},
      {"source", store::kTextArray, [](A& a, const E& e) { a.AppendBytes(e.source); }},
      {"event_id", store::kTextArray, [](A& a, const E& e) { a.AppendBytes(e.event_id); }},
      {"names", store::kTextArray, [](A& a, const E& e) { a.AppendBytes(e.names.front()); }},
      {"project_id", store::kInt8Array, [](A& a, const E& e) { AppendNumber(a, e.project_id); }},
      {"root_namespace_id", store::kInt8Array,
       [](A& a, const E& e) { a.AppendInt8(e.root_namespace_id); }},
      {"event_time", store::kTimestamptzArray, [](A& a, const E& e) { a.AppendTimeMs(e.time_ms); }},
      {"received_at", store::kTimestamptzArray,
       [](A& a, const E& e) { a.AppendTimeMs(e.received_time_ms); }},
      {"confidential", store::kBoolArray, [](A& a, const E& e) { a.AppendBool(e.confidential); }},
      {"actor_user_id", store::kInt8Array,
       [](A& a, const E& e) { AppendNumber(a, e.actor_user_id); }},
      {"actor_username", store::kTextArray,
       [](A& a, const E& e) { AppendText(a, e.actor_username); }},
      {"actor_access_level", store::kInt4Array, [](A& a, const E&) { a.AppendNull(); }},
      {"actor_bot", store::kBoolArray, [](A& a, const E& e) { a.AppendBool(e.actor_bot); }},
      {"cause_request_id", store::kTextArray, [](A& a, const E&) { a.AppendNull(); }},
      {"cause_pipeline_id", store::kInt8Array, [](A& a, const E&) { a.AppendNull(); }},
      {"subject", store::kTextArray, [](A& a, const E& e) { a.AppendBytes(e.subject); }},
      {"data_schema", store::kTextArray, [](A& a, const E& e) { a.AppendBytes(e.data_schema); }},
      {"data", store::kByteaArray, [](A& a, const E& e) { a.AppendBytes(e.data); }},
      {"data_digest", store::kByteaArray,
       [](A& a, const E& e) {
         a.AppendBytes({reinterpret_cast<const char*>(e.data_digest.data()), e.data_digest.size()});
       }},
      {"traceparent", store::kTextArray, [](A& a, const E& e) { a.AppendBytes(e.traceparent); }},
      {"correlation_id", store::kTextArray,
       [](A& a, const E& e) { a.AppendBytes(e.correlation_id); }}};
  return *columns;
}

const std::vector<Column<RequestRow>>& RequestColumns() {
  using A = BinaryArray;
  using R = RequestRow;
  static const auto* columns = new std::vector<Column<RequestRow>>{
      {"event_uid", store::kUuidArray, [](A& a, const R& r) { a.AppendUuid(r.event_uid); }},
      {"subscription_id", store::kInt8Array,
       [](A& a, const R& r) { a.AppendInt8(r.subscription_id); }},
      {"project_id", store::kInt8Array, [](A& a, const R& r) { a.AppendInt8(r.project_id); }},
      {"root_namespace_id", store::kInt8Array,
       [](A& a, const R& r) { a.AppendInt8(r.root_namespace_id); }},
      {"path", store::kTextArray, [](A& a, const R& r) { a.AppendBytes(r.path); }},
      {"ref", store::kTextArray, [](A& a, const R& r) { a.AppendBytes(r.ref); }},
      {"commit_sha", store::kTextArray, [](A& a, const R& r) { a.AppendBytes(r.commit_sha); }},
      {"workflow_id", store::kTextArray, [](A& a, const R& r) { a.AppendBytes(r.workflow_id); }},
      {"event_name", store::kTextArray, [](A& a, const R& r) { a.AppendBytes(r.event_name); }},
      {"entry", store::kInt4Array, [](A& a, const R& r) { a.AppendInt4(r.entry); }},
      {"inputs", store::kJsonArray, [](A& a, const R& r) { a.AppendBytes(r.inputs_json); }},
      {"run_as_user_id", store::kInt8Array,
       [](A& a, const R& r) { a.AppendInt8(r.run_as_user_id); }}};
  return *columns;
}

template <typename Row>
std::string Names(const std::vector<Column<Row>>& columns) {
  std::string names;
  for (const Column<Row>& column : columns) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", column.name);
  }
  return names;
}

std::string Places(size_t first, size_t count) {
  std::string places;
  for (size_t i = 0; i < count; ++i) {
    places += fmt::format("{}${}", i == 0 ? "" : ", ", first + i);
  }
  return places;
}

std::string InsertSql() {
  const std::string events = Names(EventColumns());
  const std::string requests = Names(RequestColumns());
  // An event's names are an array in the table, and one text a row here.
  std::string selected = events;
  selected.replace(selected.find(" names,"), 7, " ARRAY[names],");
  return fmt::format(
      "WITH e AS (INSERT INTO cievents.events ({events}) SELECT {selected}"
      "  FROM unnest({event_places}) AS u ({events}) ON CONFLICT (event_uid) DO NOTHING),"
      " r AS (INSERT INTO cievents.pipeline_requests ({requests}) SELECT {requests}"
      "  FROM unnest({request_places}) AS u ({requests})"
      "  ON CONFLICT (event_uid, subscription_id) DO NOTHING"
      "  RETURNING event_uid, subscription_id, project_id, root_namespace_id),"
      " q AS (INSERT INTO cievents.ready_requests"
      "  (event_uid, subscription_id, project_id, root_namespace_id)"
      "  SELECT event_uid, subscription_id, project_id, root_namespace_id FROM r)"
      " INSERT INTO cievents.tenant_queues (root_namespace_id)"
      " SELECT DISTINCT root_namespace_id FROM r ORDER BY 1 ON CONFLICT DO NOTHING",
      fmt::arg("events", events), fmt::arg("requests", requests), fmt::arg("selected", selected),
      fmt::arg("event_places", Places(1, EventColumns().size())),
      fmt::arg("request_places", Places(1 + EventColumns().size(), RequestColumns().size())));
}

matcher::EventUid NewUid(int64_t time_ms) {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return {static_cast<uint64_t>(time_ms) << 16 | 0x7000 | (random() & 0xFFF),
          uint64_t{1} << 63 | random() >> 2};
}

}  // namespace

struct BareEnqueue::State {
  explicit State(store::LibpqConnection opened) : connection(std::move(opened)) {}

  store::LibpqConnection connection;
};

BareEnqueue::BareEnqueue(const std::string& dsn) {
  auto connection = store::LibpqConnection::Connect(dsn, "loadtest-bare", "SELECT 1");
  if (!connection.ok()) Die("the bare insert", std::string(connection.status().message()));
  std::vector<Oid> types;
  for (const auto& column : EventColumns()) types.push_back(column.type.array);
  for (const auto& column : RequestColumns()) types.push_back(column.type.array);
  const absl::Status prepared = connection->Prepare("bare", InsertSql(), types, kDeadline);
  if (!prepared.ok()) Die("the bare insert", std::string(prepared.message()));
  state_ = std::make_unique<State>(*std::move(connection));
}

BareEnqueue::~BareEnqueue() = default;

void Renew(std::vector<EventRows>* group) {
  const int64_t now_ms = absl::ToUnixMillis(absl::Now());
  for (EventRows& rows : *group) {
    rows.event.uid = NewUid(now_ms);
    rows.event.time_ms = now_ms;
    rows.event.received_time_ms = now_ms;
    WriteEventId(rows.event.event_id.data());
  }
  std::sort(group->begin(), group->end(),
            [](const EventRows& a, const EventRows& b) { return a.event.uid < b.event.uid; });
  for (EventRows& rows : *group) {
    for (RequestRow& request : rows.requests) request.event_uid = rows.event.uid;
  }
}

void BareEnqueue::Write(std::vector<EventRows>* group) {
  Renew(group);
  size_t requests = 0;
  for (const EventRows& rows : *group) requests += rows.requests.size();
  std::vector<BinaryArray> arrays;
  for (const auto& column : EventColumns()) {
    BinaryArray& array = arrays.emplace_back(column.type, group->size());
    for (const EventRows& rows : *group) column.append(array, rows.event);
  }
  for (const auto& column : RequestColumns()) {
    BinaryArray& array = arrays.emplace_back(column.type, requests);
    for (const EventRows& rows : *group) {
      for (const RequestRow& request : rows.requests) column.append(array, request);
    }
  }
  const auto written = state_->connection.ExecPrepared("bare", arrays, kDeadline);
  if (!written.ok()) Die("the bare insert", std::string(written.status().message()));
}

EventRows MakeEventRows(const events::v1::Event& event,
                        const matcher::ProjectSubscriptions& project,
                        const std::string& inputs_json) {
  events::v1::Event timed = event;
  timed.mutable_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
  auto decoded = event_matcher::DecodeEvent(timed.SerializeAsString());
  CIEVENTS_CHECK(decoded.ok());
  EventRows rows;
  rows.event = event_matcher::MakeEventRow(*std::move(decoded), {});
  for (const matcher::Subscription& subscription : project.subscriptions) {
    RequestRow& request = rows.requests.emplace_back();
    request.subscription_id = subscription.subscription_id;
    request.project_id = project.project_id;
    request.root_namespace_id = project.namespace_ids.front();
    request.path = subscription.path;
    request.ref = project.default_branch;
    request.commit_sha = project.commit_sha;
    request.workflow_id = subscription.workflow_id;
    request.event_name = event.names(0);
    request.inputs_json = inputs_json;
    request.run_as_user_id = subscription.owner_user_id;
  }
  return rows;
}

}  // namespace cievents::loadtest
