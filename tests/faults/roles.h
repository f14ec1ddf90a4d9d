// The product as it is deployed: Postgres, `cievents ingest` and `cievents matcher` (one, or a
// shard each), each a process of its own at an address that stays the same over restarts. Between
// matchers and Postgres, and between emitters and the first matcher, stands a chaos proxy.
#ifndef TESTS_FAULTS_ROLES_H_
#define TESTS_FAULTS_ROLES_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
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
    int shards = 1;                              // matchers
    std::string spool_dir;                       // of the first matcher, see SpoolDir; empty = none
    std::vector<std::string> postgres_settings;  // "name=value"
    // Called with the folder when the cluster is in FOLDER/data, before Postgres starts.
    std::function<absl::Status(const std::string& folder)> prepare_data;
    // Called with the database's URL before anybody else uses it.
    std::function<absl::Status(const std::string& dsn)> prepare;
    uint64_t seed = 0;
  };

  // Postgres (with fsync) runs, is migrated, and `ingest` serves; `matcher` does not run yet.
  static absl::StatusOr<std::unique_ptr<Roles>> Start(const Options& options);

  // For one thread at a time.
  absl::Status StartMatcher();  // all of them; returns when they are ready
  absl::Status KillMatcher();   // the first
  // What the shard is told the next time that it starts; a new one may be the next in number.
  absl::Status ConfigureShard(int shard, int shard_count);
  absl::Status StartShard(int shard);  // returns when it is ready
  absl::Status KillShard(int shard);
  absl::Status StopShard(int shard);  // in order
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

  const std::string& folder() const { return options_.folder; }
  std::string spool_dir() const { return options_.spool_dir; }  // of the first matcher
  bool PostgresRuns() { return postgres_->running(); }
  std::string dsn() const { return dsn_; }  // past the proxy
  std::string ingest_endpoint() const;
  std::string matcher_endpoint(int shard = 0) const;  // past the proxy
  std::string proxied_matcher_endpoint() const;       // through it
  ChaosProxy& store_proxy() { return *store_proxy_; }
  ChaosProxy& door_proxy() { return *door_proxy_; }
  ChildProcess& matcher(int shard = 0) { return *shards_[static_cast<size_t>(shard)].process; }
  int shards() const { return static_cast<int>(shards_.size()); }

 private:
  struct Shard {
    int port = 0;
    std::unique_ptr<ChildProcess> process;
  };

  explicit Roles(Options options) : options_(std::move(options)) {}

  absl::StatusOr<int> NewPort();
  absl::StatusOr<std::unique_ptr<ChaosProxy>> ProxyTo(const std::string& server_socket,
                                                      int server_port);

  Options options_;
  std::string dsn_;
  std::vector<Port> ports_;  // outlive whoever listens on them
  int ingest_port_ = 0;
  std::unique_ptr<store::LocalPostgres> postgres_;
  std::unique_ptr<ChaosProxy> store_proxy_;
  std::unique_ptr<ChaosProxy> door_proxy_;
  std::unique_ptr<ChildProcess> ingest_;
  std::vector<Shard> shards_;
};

// Where the shard's spool is, if `spool_dir` is that of the first.
std::string SpoolDir(const std::string& spool_dir, int shard);

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_ROLES_H_
