#include "services/lib/store/enqueue_connection.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/time/time.h"
#include "matcher/base/check.h"
#include "matcher/base/status.h"
#include "services/lib/store/binary_array.h"
#include "services/lib/store/libpq_connection.h"

namespace cievents::store {
namespace {

// A group commit takes milliseconds; what takes longer waits for a lock or for a sick disk.
constexpr char kSessionSql[] =
    "SET statement_timeout = '4s'; SET lock_timeout = '2s';"
    " SET default_transaction_isolation = 'read committed'";
// Longer than the server's own limits, so that its answer is known whenever it can be.
constexpr absl::Duration kDeadline = absl::Seconds(5);
// libpq and the server take 1 GiB a message; the writer's batches are far smaller.
constexpr size_t kBatchBytesMax = size_t{512} << 20;

constexpr char kStatementName[] = "enqueue";

template <typename Row, typename Append>
BinaryArray Column(ArrayType type, const std::vector<Row>& rows, Append append) {
  BinaryArray column(type, rows.size());
  for (const Row& row : rows) append(column, row);
  return column;
}

// Names hold no newline (matcher/pattern.h), so the server can split them again.
std::string Joined(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) {
    if (!joined.empty()) joined += '\n';
    joined += name;
  }
  return joined;
}

// In the order of the parameters of cievents.enqueue_batch.
std::vector<BinaryArray> EventColumns(const std::vector<EventRow>& rows) {
  using A = BinaryArray;
  using E = EventRow;
  const auto text = [&rows](std::string E::*field) {
    return Column(kTextArray, rows, [field](A& a, const E& e) { a.AppendBytes(e.*field); });
  };
  const auto int8 = [&rows](int64_t E::*field) {
    return Column(kInt8Array, rows, [field](A& a, const E& e) { a.AppendInt8(e.*field); });
  };
  const auto time = [&rows](int64_t E::*field) {
    return Column(kTimestamptzArray, rows, [field](A& a, const E& e) { a.AppendTimeMs(e.*field); });
  };
  const auto boolean = [&rows](bool E::*field) {
    return Column(kBoolArray, rows, [field](A& a, const E& e) { a.AppendBool(e.*field); });
  };
  std::vector<A> columns;
  columns.push_back(Column(kUuidArray, rows, [](A& a, const E& e) { a.AppendUuid(e.uid); }));
  columns.push_back(
      Column(kInt2Array, rows, [](A& a, const E& e) { a.AppendInt2(e.identity_kind); }));
  columns.push_back(int8(&E::identity_id));
  columns.push_back(text(&E::source));
  columns.push_back(text(&E::event_id));
  columns.push_back(
      Column(kTextArray, rows, [](A& a, const E& e) { a.AppendBytes(Joined(e.names)); }));
  columns.push_back(int8(&E::project_id));
  columns.push_back(int8(&E::root_namespace_id));
  columns.push_back(time(&E::time_ms));
  columns.push_back(time(&E::received_time_ms));
  columns.push_back(boolean(&E::confidential));
  columns.push_back(int8(&E::actor_user_id));
  columns.push_back(text(&E::actor_username));
  columns.push_back(Column(kInt4Array, rows, [](A& a, const E& e) {
    e.actor_access_level.has_value() ? a.AppendInt4(*e.actor_access_level) : a.AppendNull();
  }));
  columns.push_back(boolean(&E::actor_bot));
  columns.push_back(text(&E::cause_request_id));
  columns.push_back(int8(&E::cause_pipeline_id));
  columns.push_back(text(&E::subject));
  columns.push_back(text(&E::data_schema));
  columns.push_back(Column(kByteaArray, rows, [](A& a, const E& e) { a.AppendBytes(e.data); }));
  columns.push_back(Column(kByteaArray, rows, [](A& a, const E& e) {
    a.AppendBytes({reinterpret_cast<const char*>(e.data_digest.data()), e.data_digest.size()});
  }));
  columns.push_back(text(&E::traceparent));
  columns.push_back(text(&E::correlation_id));
  columns.push_back(text(&E::type));
  columns.push_back(text(&E::extensions_json));
  columns.push_back(boolean(&E::keyed));
  return columns;
}

std::string_view OutcomeName(RequestEnd end) {
  switch (end) {
    case RequestEnd::kNone:
      return "";
    case RequestEnd::kFailedInput:
      return "failed_input";
  }
  return "";
}

std::vector<BinaryArray> RequestColumns(const std::vector<RequestRow>& rows) {
  using A = BinaryArray;
  using R = RequestRow;
  const auto text = [&rows](std::string R::*field) {
    return Column(kTextArray, rows, [field](A& a, const R& r) { a.AppendBytes(r.*field); });
  };
  const auto int8 = [&rows](int64_t R::*field) {
    return Column(kInt8Array, rows, [field](A& a, const R& r) { a.AppendInt8(r.*field); });
  };
  std::vector<A> columns;
  columns.push_back(Column(kUuidArray, rows, [](A& a, const R& r) { a.AppendUuid(r.event_uid); }));
  columns.push_back(int8(&R::subscription_id));
  columns.push_back(int8(&R::project_id));
  columns.push_back(int8(&R::root_namespace_id));
  columns.push_back(text(&R::path));
  columns.push_back(text(&R::ref));
  columns.push_back(text(&R::commit_sha));
  columns.push_back(text(&R::workflow_id));
  columns.push_back(text(&R::event_name));
  columns.push_back(Column(kInt4Array, rows, [](A& a, const R& r) { a.AppendInt4(r.entry); }));
  columns.push_back(
      Column(kJsonArray, rows, [](A& a, const R& r) { a.AppendBytes(r.inputs_json); }));
  columns.push_back(int8(&R::run_as_user_id));
  columns.push_back(
      Column(kTextArray, rows, [](A& a, const R& r) { a.AppendBytes(OutcomeName(r.end)); }));
  columns.push_back(text(&R::end_reason));
  return columns;
}

// Where the event of each request stands, from 1. REQUIRES: the batch is sorted.
BinaryArray EventPlaces(const EnqueueBatch& batch) {
  BinaryArray places(kInt4Array, batch.requests.size());
  size_t event = 0;
  for (const RequestRow& request : batch.requests) {
    while (event < batch.events.size() && batch.events[event].uid < request.event_uid) ++event;
    CIEVENTS_CHECK(event < batch.events.size() && batch.events[event].uid == request.event_uid);
    places.AppendInt4(static_cast<int32_t>(event + 1));
  }
  return places;
}

std::vector<BinaryArray> BatchColumns(const EnqueueBatch& batch) {
  std::vector<BinaryArray> columns = EventColumns(batch.events);
  for (BinaryArray& column : RequestColumns(batch.requests)) columns.push_back(std::move(column));
  columns.push_back(EventPlaces(batch));
  return columns;
}

// The one order in which every writer takes rows.
void Sort(EnqueueBatch& batch) {
  std::sort(batch.events.begin(), batch.events.end(),
            [](const EventRow& a, const EventRow& b) { return a.uid < b.uid; });
  std::sort(
      batch.requests.begin(), batch.requests.end(), [](const RequestRow& a, const RequestRow& b) {
        return std::tie(a.event_uid, a.subscription_id) < std::tie(b.event_uid, b.subscription_id);
      });
}

absl::StatusOr<EnqueueResult> ReadResult(const EnqueueBatch& batch, const Result& rows) {
  EnqueueResult result;
  result.inserted_requests.reserve(batch.events.size());
  result.stored_uids.reserve(batch.events.size());
  for (size_t i = 0; i < batch.events.size(); ++i) {
    const int row = static_cast<int>(i);
    result.inserted_requests.push_back(static_cast<int32_t>(IntField(rows.get(), row, 0)));
    if (Field(rows.get(), row, 1) == "t") result.reused_ids.push_back(batch.events[i].uid);
    std::optional<matcher::EventUid> stored = batch.events[i].uid;
    if (batch.events[i].keyed) stored = matcher::EventUid::Parse(Field(rows.get(), row, 2));
    if (!stored.has_value()) {
      return absl::InternalError(
          "cievents.enqueue_batch answered without the uid of a keyed event");
    }
    result.stored_uids.push_back(*stored);
  }
  return result;
}

}  // namespace

matcher::EventUid DeliveryKey(const EventRow& event) {
  return event.keyed ? matcher::WithoutTime(event.uid) : event.uid;
}

struct EnqueueConnection::Connection {
  std::string dsn;
  std::optional<LibpqConnection> libpq;

  absl::Status Open() {
    libpq.reset();
    CIEVENTS_ASSIGN_OR_RETURN(LibpqConnection opened,
                              LibpqConnection::Connect(dsn, "cievents-enqueue", kSessionSql));
    std::vector<Oid> types;
    std::string placeholders;
    for (const BinaryArray& column : BatchColumns({})) {
      types.push_back(column.type().array);
      placeholders += fmt::format("{}${}", types.size() == 1 ? "" : ", ", types.size());
    }
    CIEVENTS_RETURN_IF_ERROR(opened.Prepare(
        kStatementName,
        fmt::format("SELECT inserted_requests, reused, keyed_uid FROM cievents.enqueue_batch({})",
                    placeholders),
        types, kDeadline));
    libpq.emplace(std::move(opened));
    return absl::OkStatus();
  }
};

EnqueueConnection::EnqueueConnection(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {}
EnqueueConnection::~EnqueueConnection() = default;

absl::StatusOr<std::unique_ptr<EnqueueConnection>> EnqueueConnection::Connect(
    const std::string& dsn) {
  auto connection = std::make_unique<Connection>();
  connection->dsn = dsn;
  CIEVENTS_RETURN_IF_ERROR(connection->Open());
  return std::unique_ptr<EnqueueConnection>(new EnqueueConnection(std::move(connection)));
}

bool EnqueueConnection::connected() const {
  return connection_->libpq.has_value() && connection_->libpq->connected();
}

absl::Status EnqueueConnection::Reconnect() { return connection_->Open(); }

absl::StatusOr<EnqueueResult> EnqueueConnection::Enqueue(EnqueueBatch& batch) {
  if (!connected()) {
    return absl::UnavailableError("not connected to Postgres: nothing was written; reconnect");
  }
  if (batch.events.empty()) return EnqueueResult{};
  Sort(batch);
  const std::vector<BinaryArray> columns = BatchColumns(batch);
  size_t bytes = 0;
  for (const BinaryArray& column : columns) bytes += column.bytes().size();
  if (bytes > kBatchBytesMax) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "the batch has {} bytes, Postgres takes {} at once: split it", bytes,
                 kBatchBytesMax);
  }
  CIEVENTS_ASSIGN_OR_RETURN(const Result rows,
                            connection_->libpq->ExecPrepared(kStatementName, columns, kDeadline));
  if (PQntuples(rows.get()) != static_cast<int>(batch.events.size())) {
    return absl::InternalError("cievents.enqueue_batch answered for another number of events");
  }
  return ReadResult(batch, rows);
}

}  // namespace cievents::store
