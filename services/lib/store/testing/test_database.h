// A private Postgres for a test binary, and fresh databases in it.
#ifndef SERVICES_LIB_STORE_TESTING_TEST_DATABASE_H_
#define SERVICES_LIB_STORE_TESTING_TEST_DATABASE_H_

#include <functional>
#include <string>

#include "services/lib/store/local_postgres.h"

namespace cievents::store {

// The cluster of this process: started at the first call (fsync off, unix socket only, everything
// in one temporary folder), stopped and removed at exit. Ends the process if Postgres does not
// start.
LocalPostgres& Cluster();

// Makes a database with all migrations and the partitions of now, a copy of a template (about 60
// ms), and returns its connection string. It goes with the cluster.
std::string NewDatabase();

// Makes a database with nothing in it.
std::string NewEmptyDatabase();

// Runs SQL (several statements too) and returns the rows of the last one: columns joined by '|',
// rows by line ends; "ERROR: ..." if it failed.
std::string Sql(const std::string& dsn, const std::string& sql);

// Waits, at most half a minute, for something that another process or thread does.
bool Eventually(const std::function<bool()>& condition);

// For fixtures: a member gives each test a migrated database.
class TestDatabase {
 public:
  TestDatabase() : dsn_(NewDatabase()) {}
  const std::string& dsn() const { return dsn_; }

 private:
  std::string dsn_;
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_TESTING_TEST_DATABASE_H_
