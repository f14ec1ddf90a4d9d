// `cievents spool list`: what a local spool holds, without a server.
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

#include "services/cli/commands.h"
#include "services/cli/terminal.h"
#include "services/lib/base/json_writer.h"
#include "services/lib/event_formats/rfc3339.h"
#include "services/lib/spool/listing.h"
#include "services/lib/spool/record_row.h"

namespace cievents::cli {
namespace {

using spool::Listed;
using spool::RecordState;

std::string ToJson(const Listed& listed) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("id");
  writer.String(listed.id);
  writer.Key("state");
  writer.String(spool::NameOf(listed.state));
  if (listed.state != RecordState::kDamaged) {
    const spool::Record& record = listed.record;
    writer.Key("kind");
    writer.String(spool::NameOf(record.kind));
    writer.Key("event_uid");
    writer.String(record.event_uid);
    writer.Key("event_id");
    writer.String(record.event_id);
    writer.Key("source");
    writer.String(record.source);
    writer.Key("event_name");
    writer.String(record.event_name);
    writer.Key("project_id");
    writer.Int(record.project_id);
    writer.Key("event_time");
    writer.String(FormatRfc3339(record.event_time_ms));
    writer.Key("received_time");
    writer.String(FormatRfc3339(record.received_time_ms));
    writer.Key("request_count");
    if (record.request_count < 0) {
      writer.Null();
    } else {
      writer.Int(record.request_count);
    }
  }
  writer.Key("bytes");
  writer.Int(listed.bytes);
  writer.Key("reason");
  writer.String(listed.reason);
  writer.EndObject();
  return writer.Take();
}

std::vector<std::string> Row(const Listed& listed) {
  std::vector<std::string> row(10);
  row[0] = listed.id;
  if (listed.state != RecordState::kDamaged) {
    const spool::Record& record = listed.record;
    row[1] = std::string(spool::NameOf(record.kind));
    row[2] = record.event_uid;
    row[3] = record.event_id;
    row[4] = std::to_string(record.project_id);
    row[5] = FormatRfc3339(record.received_time_ms);
    row[6] = record.request_count < 0 ? "?" : std::to_string(record.request_count);
  }
  row[7] = std::to_string(listed.bytes);
  row[8] = std::string(spool::NameOf(listed.state));
  row[9] = listed.reason;
  for (std::string& cell : row) cell = Printable(std::move(cell));
  return row;
}

}  // namespace

int RunSpoolList(const SpoolOptions& options) {
  std::vector<std::vector<std::string>> rows = {{"ID", "KIND", "EVENT_UID", "EVENT_ID", "PROJECT",
                                                 "RECEIVED", "REQUESTS", "BYTES", "STATE",
                                                 "REASON"}};
  bool damaged = false;
  const absl::Status status = spool::ListRecords(options.dir, [&](const Listed& listed) {
    damaged = damaged || listed.state == RecordState::kDamaged;
    if (options.json) {
      std::printf("%s\n", ToJson(listed).c_str());
    } else {
      rows.push_back(Row(listed));
    }
  });
  if (!options.json && status.code() != absl::StatusCode::kNotFound) PrintTable(rows);
  if (!status.ok()) return Fail(status);
  return damaged ? kExitFindings : kExitOk;
}

}  // namespace cievents::cli
