// The product as it is deployed: Postgres, `cievents ingest` and `cievents matcher`, each a process
// of its own at an address that stays the same over restarts.
#ifndef TESTS_FAULT_ROLES_H_
#define TESTS_FAULT_ROLES_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/lib/store/local_postgres.h"
#include "tests/fault/child_process.h"

namespace cievents::fault {

class Roles {
 public:
  struct Options {
    std::string folder;          // absolute, short
    std::string product_binary;  // `cievents`
    std::string matcher_binary;  // takes `matcher` and its options, too
  };

  // Postgres (with fsync) runs, is migrated, and `ingest` serves; `matcher` does not run yet.
  static absl::StatusOr<std::unique_ptr<Roles>> Start(const Options& options);

  // Each of the two may be killed and started from a thread of its own.
  absl::Status StartMatcher();  // returns when it is ready
  absl::Status KillMatcher();
  absl::Status StartPostgres();  // returns when it takes connections; tries again until it does
  absl::Status KillPostgres();

  // Ends matcher and ingest in order; an error if one of them does not end well.
  absl::Status StopServices();
  // Ends Postgres without ado.
  void StopPostgres();

  std::string dsn() const { return dsn_; }
  std::string ingest_endpoint() const;
  std::string matcher_endpoint() const;
  std::string MatcherLog() const { return matcher_->LogTail(); }
  std::string IngestLog() const { return ingest_->LogTail(); }

 private:
  Roles() = default;

  std::string dsn_;
  int ingest_port_ = 0;
  int matcher_port_ = 0;
  std::unique_ptr<store::LocalPostgres> postgres_;
  std::unique_ptr<ChildProcess> ingest_;
  std::unique_ptr<ChildProcess> matcher_;
};

}  // namespace cievents::fault

#endif  // TESTS_FAULT_ROLES_H_
