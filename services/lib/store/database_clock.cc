#include "services/lib/store/database_clock.h"

#include <cstdint>
#include <memory>
#include <pqxx/pqxx>

#include "matcher/base/status.h"
#include "services/lib/store/pqxx_pool.h"

namespace cievents::store {

absl::StatusOr<absl::Time> DatabaseNow(const std::string& dsn) {
  CIEVENTS_ASSIGN_OR_RETURN(const std::unique_ptr<pqxx::connection> connection,
                            OpenPqxx(dsn, "cievents-clock"));
  absl::Time now;
  const absl::Status status = CatchPqxx([&connection, &now] {
    pqxx::nontransaction session(*connection);
    now = absl::FromUnixMillis(
        session.exec1("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")[0]
            .as<int64_t>());
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return now;
}

}  // namespace cievents::store
