#include "services/lib/spool/segment_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "matcher/base/status.h"
#include "services/lib/spool/record_row.h"

namespace cievents::spool {
namespace {

// Damage is mostly one page: a leaf has a few rows, or a few hundred if most have been taken out.
constexpr int64_t kStepsOneByOne = 256;
constexpr int kRoundsMax = 1000;          // places of damage that are read past
constexpr int64_t kRepeatedMax = 10'000;  // rows that are shown again

class Scanner {
 public:
  Scanner(Table table, const std::function<void(const Found&)>& visit)
      : table_(table), visit_(visit), seen_(kRowsMax + 1) {}

  absl::Status Run(Connection* connection) {
    const bool records = table_ == Table::kRecords;
    auto rows = connection->Prepare(fmt::format("SELECT {} FROM {} WHERE id > ?1 ORDER BY id",
                                                records ? kRecordColumns : kRefusedColumns,
                                                records ? "records" : "refused"));
    if (!rows.ok()) {
      if (rows.status().code() != absl::StatusCode::kDataLoss) return rows.status();
      VisitDamage(1, kRowsMax, rows.status());
      return absl::OkStatus();
    }
    rows_ = *std::move(rows);
    int64_t start = 0;
    for (int round = 0; round < kRoundsMax; ++round) {
      int64_t position = start;
      const absl::Status status = ReadFrom(&position);
      if (status.code() != absl::StatusCode::kDataLoss) return status;
      // A damaged tree may show what is behind us; each round begins later than the one before.
      const int64_t from = round > 0 && position == start ? start + 1 : position;
      const int64_t next = InCircles() ? kNone : NextReadable(from);
      VisitDamage(position + 1, next == kNone ? kRowsMax : std::max(position + 1, next - 1),
                  status);
      if (next == kNone) return absl::OkStatus();
      start = next - 1;
    }
    VisitDamage(start + 1, kRowsMax,
                Error(absl::StatusCode::kDataLoss, "damaged in more than {} places", kRoundsMax));
    return absl::OkStatus();
  }

 private:
  static constexpr int64_t kNone = -1;

  // Visits the rows after *position up to the end (OK) or to what cannot be read; moves *position.
  absl::Status ReadFrom(int64_t* position) {
    rows_.Reset();
    rows_.BindInt(1, *position);
    for (;;) {
      CIEVENTS_ASSIGN_OR_RETURN(const bool row, rows_.Step());
      if (!row) return absl::OkStatus();
      const int64_t id = rows_.Int(0);
      if (id < 1 || id > kRowsMax) {
        VisitDamage(id, id,
                    Error(absl::StatusCode::kDataLoss, "row {}: there is no such number", id));
        continue;
      }
      *position = std::max(*position, id);
      if (seen_[static_cast<size_t>(id)]) {
        ++repeated_;
        if (!InCircles()) continue;
        return Error(absl::StatusCode::kDataLoss, "row {}: the tree goes round in circles", id);
      }
      seen_[static_cast<size_t>(id)] = true;
      VisitRow(id);
    }
  }

  // A damaged tree may show a row twice, or without end.
  bool InCircles() const { return repeated_ > kRepeatedMax; }

  void VisitRow(int64_t id) {
    Found found;
    found.row = found.row_last = id;
    if (table_ == Table::kRecords) {
      auto record = ReadRecord(rows_);
      if (!record.ok()) return VisitDamage(id, id, record.status());
      found.record = *std::move(record);
    } else {
      auto refused = ReadRefused(rows_);
      if (!refused.ok()) return VisitDamage(id, id, refused.status());
      found.state = RecordState::kRefused;
      found.record = std::move(refused->record);
      found.reason = std::move(refused->refusal.reason);
    }
    visit_(found);
  }

  void VisitDamage(int64_t row, int64_t row_last, const absl::Status& status) {
    Found found;
    found.state = RecordState::kDamaged;
    found.row = row;
    found.row_last = row_last;
    found.reason = std::string(status.message());
    visit_(found);
  }

  // A row can be read, or the end is there, when the scan begins at `row`.
  bool Readable(int64_t row) {
    rows_.Reset();
    rows_.BindInt(1, row - 1);
    return rows_.Step().ok();
  }

  // The first row after `position` from which on something can be read: one by one, then in
  // growing steps, and back by halves.
  int64_t NextReadable(int64_t position) {
    int64_t bad = position;
    int64_t step = 1;
    for (;;) {
      const int64_t next = bad + step;
      if (next > kRowsMax) return kNone;
      if (Readable(next)) break;
      bad = next;
      if (bad - position > kStepsOneByOne) step *= 2;
    }
    int64_t good = bad + step;
    while (good - bad > 1) {
      const int64_t middle = bad + (good - bad) / 2;
      (Readable(middle) ? good : bad) = middle;
    }
    return good;
  }

  const Table table_;
  const std::function<void(const Found&)>& visit_;
  std::vector<bool> seen_;
  int64_t repeated_ = 0;
  Statement rows_;
};

}  // namespace

std::string_view NameOf(RecordState state) {
  switch (state) {
    case RecordState::kWaiting:
      return "waiting";
    case RecordState::kRefused:
      return "refused";
    case RecordState::kDamaged:
      break;
  }
  return "damaged";
}

absl::Status CheckPages(Connection* connection, const std::function<void(const Found&)>& visit) {
  const auto verdict = connection->QueryText("PRAGMA quick_check(1)");
  if (!verdict.ok() && verdict.status().code() != absl::StatusCode::kDataLoss) {
    return verdict.status();
  }
  if (verdict.ok() && *verdict == "ok") return absl::OkStatus();
  Found found;
  found.state = RecordState::kDamaged;
  found.reason = fmt::format("records may be missing; `.recover` may find them, the file stays: {}",
                             verdict.ok() ? *verdict : std::string(verdict.status().message()));
  std::replace(found.reason.begin(), found.reason.end(), '\n', ' ');
  visit(found);
  return absl::OkStatus();
}

absl::Status ScanTable(Connection* connection, Table table,
                       const std::function<void(const Found&)>& visit) {
  return Scanner(table, visit).Run(connection);
}

}  // namespace cievents::spool
