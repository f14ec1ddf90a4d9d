#include "services/lib/store/topology_store.h"

#include <fmt/format.h>

#include <optional>
#include <pqxx/pqxx>
#include <utility>

#include "matcher/base/status.h"
#include "services/lib/store/pqxx_pool.h"

namespace cievents::store {
namespace {

constexpr char kReportSql[] =
    "SELECT r.topology_version, r.shard_count, r.oldest_version_in_use, a.address"
    " FROM cievents.report_shard($1, $2, $3, $4, $5::integer[], $6, $7, $8,"
    "  to_timestamp($9::double precision / 1000), to_timestamp($10::double precision / 1000)) r,"
    " LATERAL unnest(r.addresses) WITH ORDINALITY AS a (address, place) ORDER BY a.place";

// A report that hangs would hold up who stops the matcher; one that is lost to a crash of Postgres
// is made again within a second.
constexpr char kSessionSql[] =
    "SET statement_timeout = '5s'; SET lock_timeout = '2s'; SET synchronous_commit = local";

}  // namespace

struct TopologyStore::Connection {
  std::unique_ptr<pqxx::connection> pqxx;
};

TopologyStore::TopologyStore(std::string dsn) : dsn_(std::move(dsn)) {}
TopologyStore::~TopologyStore() = default;

absl::StatusOr<StoredTopology> TopologyStore::Report(const ShardReport& report) {
  const bool is_new = connection_ == nullptr;
  if (is_new) {
    CIEVENTS_ASSIGN_OR_RETURN(auto opened, OpenPqxx(dsn_, "cievents-topology"));
    connection_ = std::make_unique<Connection>(Connection{std::move(opened)});
  }
  StoredTopology topology;
  const absl::Status status = CatchPqxx([&] {
    pqxx::nontransaction session(*connection_->pqxx);
    if (is_new) session.exec(kSessionSql);
    const std::optional<int64_t> oldest_ms =
        report.spool_oldest_ms == 0 ? std::nullopt : std::optional(report.spool_oldest_ms);
    const pqxx::result rows = ExecPrepared(
        session, "report_shard", kReportSql, report.shard_index, report.shard_count, report.address,
        report.topology_version, fmt::format("{{{}}}", fmt::join(report.loaded_counts, ",")),
        report.loaded_slots, report.spool_records, report.spool_bytes, oldest_ms,
        report.started_ms);
    for (const pqxx::row& row : rows) {
      topology.version = row[0].as<int64_t>();
      topology.shard_count = row[1].as<int>();
      topology.oldest_version_in_use = row[2].as<int64_t>();
      topology.addresses.emplace_back(row[3].c_str());
    }
    return absl::OkStatus();
  });
  if (!status.ok()) {
    connection_.reset();
    return status;
  }
  return topology;
}

}  // namespace cievents::store
