// What the spool cannot do without: a row in a transaction of its own, with an fsync of the log.
#ifndef LOADTEST_SERVICE_BARE_SQLITE_H_
#define LOADTEST_SERVICE_BARE_SQLITE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "services/lib/spool/sqlite.h"

namespace cievents::loadtest {

// Ends the load test if SQLite does not do its part.
class BareSqlite {
 public:
  BareSqlite(const std::string& file, size_t row_bytes);

  // One commit after the other; us of each.
  std::vector<double> CommitFor(double seconds);

 private:
  void Commit();

  const std::string row_;
  std::unique_ptr<spool::Connection> connection_;
  spool::Statement insert_;  // behind the connection: it goes first
};

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_BARE_SQLITE_H_
