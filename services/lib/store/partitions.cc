#include "services/lib/store/partitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <pqxx/pqxx>
#include <set>
#include <string_view>
#include <vector>

#include "matcher/base/status.h"
#include "matcher/event_identity.h"
#include "services/lib/store/pqxx_pool.h"

namespace cievents::store {
namespace {

constexpr absl::Duration kAhead = absl::Hours(12);
// An hour more than is admitted: an event at the very edge, and a clock that is a little behind.
constexpr absl::Duration kMargin = absl::Hours(1);

struct Partition {
  std::string table;   // parent
  std::string name;    // of the partition; without schema
  std::string column;  // partition key
  std::string lower;   // SQL literals
  std::string upper;
  absl::Time end;
};

std::string FormatUtc(std::string_view format, absl::Time time) {
  return absl::FormatTime(std::string(format), time, absl::UTCTimeZone());
}

// cievents.uuid7_floor, here.
std::string UuidFloor(absl::Time time) {
  const auto ms = static_cast<uint64_t>(absl::ToUnixMillis(time));
  return "'" + matcher::EventUid{ms << 16, 0}.ToString() + "'";
}

absl::Time Floor(absl::Time time, absl::Duration step) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), step);
}

std::vector<Partition> Wanted(absl::Time now, const std::vector<absl::Time>& events_at) {
  std::set<absl::Time> hours;
  for (absl::Time hour = Floor(now - kAdmissionWindow - kMargin, absl::Hours(1));
       hour <= now + kAhead; hour += absl::Hours(1)) {
    hours.insert(hour);
  }
  for (const absl::Time time : events_at) hours.insert(Floor(time, absl::Hours(1)));
  std::vector<Partition> wanted;
  for (const absl::Time hour : hours) {
    for (const char* table : {"events", "pipeline_requests"}) {
      wanted.push_back({table, fmt::format("{}_{}", table, FormatUtc("%Y%m%d_%H", hour)),
                        "event_uid", UuidFloor(hour), UuidFloor(hour + absl::Hours(1)),
                        hour + absl::Hours(1)});
    }
  }
  for (absl::Time day = Floor(now - kAdmissionWindow - kMargin, absl::Hours(24));
       day <= now + kAhead; day += absl::Hours(24)) {
    const auto literal = [](absl::Time time) { return FormatUtc("'%Y-%m-%d %H:%M:%S+00'", time); };
    wanted.push_back({"request_outcomes", "request_outcomes_" + FormatUtc("%Y%m%d", day),
                      "ended_at", literal(day), literal(day + absl::Hours(24)),
                      day + absl::Hours(24)});
  }
  return wanted;
}

std::set<std::string> Existing(pqxx::transaction_base& transaction) {
  std::set<std::string> names;
  for (const pqxx::row& row : transaction.exec(
           "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
           " WHERE i.inhparent IN ('cievents.events'::regclass,"
           " 'cievents.pipeline_requests'::regclass, 'cievents.request_outcomes'::regclass)")) {
    names.insert(row[0].c_str());
  }
  return names;
}

// What ends up to here is past retention.
absl::Time DroppedThrough(pqxx::transaction_base& transaction) {
  const pqxx::row row =
      transaction.exec1("SELECT extract(epoch FROM cievents.dropped_through())::bigint");
  return row[0].is_null() ? absl::InfinitePast() : absl::FromUnixSeconds(row[0].as<int64_t>());
}

// CREATE .. PARTITION OF would lock the parent against writers. Made beside it, with a CHECK that
// says what ATTACH would have to scan for, it needs only a lock that writers do not mind.
std::string Sql(const Partition& partition) {
  return fmt::format(
      "CREATE TABLE cievents.{name} (LIKE cievents.{table} INCLUDING ALL);"
      "ALTER TABLE cievents.{name} ADD CONSTRAINT {name}_range CHECK ({column} IS NOT NULL"
      " AND {column} >= {lower} AND {column} < {upper});"
      "ALTER TABLE cievents.{table} ATTACH PARTITION cievents.{name}"
      " FOR VALUES FROM ({lower}) TO ({upper});"
      "ALTER TABLE cievents.{name} DROP CONSTRAINT {name}_range",
      fmt::arg("name", partition.name), fmt::arg("table", partition.table),
      fmt::arg("column", partition.column), fmt::arg("lower", partition.lower),
      fmt::arg("upper", partition.upper));
}

}  // namespace

absl::Status EnsurePartitions(const std::string& dsn, absl::Time now,
                              const std::vector<absl::Time>& events_at) {
  CIEVENTS_ASSIGN_OR_RETURN(const std::unique_ptr<pqxx::connection> connection,
                            OpenPqxx(dsn, "cievents-partitions"));
  return CatchPqxx([&connection, &events_at, now] {
    std::set<std::string> existing;
    absl::Time dropped_through;
    {
      pqxx::nontransaction session(*connection);
      session.exec("SET lock_timeout = '5s'");
      existing = Existing(session);
      dropped_through = DroppedThrough(session);
    }
    // Those of one hour in one transaction: locks are held briefly, and a failure keeps the rest.
    const std::vector<Partition> wanted = Wanted(now, events_at);
    for (size_t i = 0; i < wanted.size(); i += 2) {
      const std::vector<Partition> pair(
          wanted.begin() + static_cast<std::ptrdiff_t>(i),
          wanted.begin() + static_cast<std::ptrdiff_t>(std::min(i + 2, wanted.size())));
      bool missing = false;
      for (const Partition& partition : pair) {
        missing |= partition.end > dropped_through && !existing.contains(partition.name);
      }
      if (!missing) continue;
      pqxx::work transaction(*connection);
      // "cieparts" in hexadecimal: one maker at a time, and no hour is closed meanwhile; whoever
      // waited looks again.
      transaction.exec("SELECT pg_advisory_xact_lock(7163368215655117939)");
      const std::set<std::string> made = Existing(transaction);
      dropped_through = DroppedThrough(transaction);
      for (const Partition& partition : pair) {
        if (partition.end > dropped_through && !made.contains(partition.name)) {
          transaction.exec(Sql(partition));
        }
      }
      transaction.commit();
    }
    for (const absl::Time time : events_at) {
      if (time >= dropped_through) continue;
      return Error(absl::StatusCode::kInvalidArgument,
                   "expired: an event of {} is past retention, which has dropped all before {}; "
                   "what would tell whether it was stored before is gone",
                   absl::FormatTime(time, absl::UTCTimeZone()),
                   absl::FormatTime(dropped_through, absl::UTCTimeZone()));
    }
    return absl::OkStatus();
  });
}

}  // namespace cievents::store
