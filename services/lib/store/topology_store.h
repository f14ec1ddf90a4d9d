// The layout of the shards in Postgres (tables `topology` and `shards`, docs/architecture.md,
// "Shards").
#ifndef SERVICES_LIB_STORE_TOPOLOGY_STORE_H_
#define SERVICES_LIB_STORE_TOPOLOGY_STORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cievents::store {

// What a matcher says of itself.
struct ShardReport {
  int shard_index = 0;
  int shard_count = 1;             // that it was told
  std::string address;             // host:port
  int64_t topology_version = 0;    // that it goes by; 0 = none yet
  std::vector<int> loaded_counts;  // layouts, by their number of shards, whose slots it has loaded
  int loaded_slots = 0;
  int64_t spool_records = 0;
  int64_t spool_bytes = 0;
  int64_t spool_oldest_ms = 0;  // 0 = none waits
  int64_t started_ms = 0;
};

// What it learns.
struct StoredTopology {
  int64_t version = 0;
  int shard_count = 1;
  int64_t oldest_version_in_use = 0;   // by a shard that lives
  std::vector<std::string> addresses;  // one a shard; empty = it never reported itself
};

// One connection, which is made when it is needed and given up with any error. Not thread-safe.
class TopologyStore {
 public:
  explicit TopologyStore(std::string dsn);
  ~TopologyStore();

  // One round trip. Begins the next layout when the last of its shards has loaded it.
  absl::StatusOr<StoredTopology> Report(const ShardReport& report);

 private:
  struct Connection;
  const std::string dsn_;
  std::unique_ptr<Connection> connection_;  // null: none now
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_TOPOLOGY_STORE_H_
