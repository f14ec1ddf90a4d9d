// The product as it is deployed: Postgres, `cievents ingest` and `cievents matcher`, each a process
// of its own at an address that stays the same over restarts. Between matcher and Postgres, and
// between emitters and matcher, stands a chaos proxy.
#ifndef TESTS_FAULTS_ROLES_H_
#define TESTS_FAULTS_ROLES_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/lib/store/local_postgres.h"
#include "tests/faults/child_process.h"
#include "tests/faults/proxy/chaos_proxy.h"

namespace cievents::faults {

class Roles {
 public:
  struct Options {
    std::string folder;                          // absolute, short
    std::string product_binary;                  // `cievents`
    std::string matcher_binary;                  // takes `matcher` and its options, too
    std::vector<std::string> matcher_prefix;     // a command that runs the rest of its arguments
    std::string spool_dir;                       // of the matcher; empty = none
    std::vector<std::string> postgres_settings;  // "name=value"
    // Called with the database's URL before anybody else uses it.
    std::function<absl::Status(const std::string& dsn)> prepare;
    uint64_t seed = 0;
  };

  // Postgres (with fsync) runs, is migrated, and `ingest` serves; `matcher` does not run yet.
  static absl::StatusOr<std::unique_ptr<Roles>> Start(const Options& options);

  // For one thread at a time.
  absl::Status StartMatcher();  // returns when it is ready
  absl::Status KillMatcher();
  absl::Status StartIngest();
  absl::Status KillIngest();
  absl::Status StartPostgres();  // returns when it takes connections; tries
                                 // again until it does
  absl::Status KillPostgres();
  absl::Status StopPostgresImmediately();  // as `pg_ctl stop -m immediate`
  absl::Status StopPostgresInOrder();

  // Ends matcher and ingest in order; an error if one of them does not end well.
  absl::Status StopServices();
  // Ends Postgres without ado.
  void StopPostgres();

  std::string dsn() const { return dsn_; }  // past the proxy
  std::string ingest_endpoint() const;
  std::string matcher_endpoint() const;          // past the proxy
  std::string proxied_matcher_endpoint() const;  // through it
  ChaosProxy& store_proxy() { return *store_proxy_; }
  ChaosProxy& door_proxy() { return *door_proxy_; }
  ChildProcess& matcher() { return *matcher_; }

 private:
  Roles() = default;

  std::string dsn_;
  int ingest_port_ = 0;
  int matcher_port_ = 0;
  std::unique_ptr<store::LocalPostgres> postgres_;
  std::unique_ptr<ChaosProxy> store_proxy_;
  std::unique_ptr<ChaosProxy> door_proxy_;
  std::unique_ptr<ChildProcess> ingest_;
  std::unique_ptr<ChildProcess> matcher_;
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_ROLES_H_
