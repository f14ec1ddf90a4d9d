// The ingest without gRPC: pushes with their rounds of contents, and what is stored afterwards.
#ifndef TESTS_INGEST_INGEST_CLIENT_H_
#define TESTS_INGEST_INGEST_CLIENT_H_

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/config_ingest/lifecycle.h"
#include "services/config_ingest/push.h"
#include "services/config_ingest/push_plan.h"
#include "services/lib/store/config_store.h"
#include "tests/ingest/random_checkout.h"

namespace cievents::ingest_test {

// The key of a subscription, for people: the inputs themselves instead of their digest.
struct Key {
  std::string path;
  std::string inputs_json;
  friend auto operator<=>(const Key&, const Key&) = default;
};

struct Live {
  int64_t subscription_id = 0;
  std::string definition;  // workflow id and entries
  bool suspended = false;
};
using LiveSet = std::map<Key, Live>;

// Where the project is when it is pushed.
struct Place {
  std::vector<int64_t> namespace_ids;
  std::string project_path;
};

config_ingest::Push MakePush(int64_t project_id, int64_t sequence, const Files& files,
                             const Place& place);

class IngestClient {
 public:
  // `diff` in place of DiffSubscriptions.
  static absl::StatusOr<std::unique_ptr<IngestClient>> Create(
      const std::string& dsn, int connections_max,
      config_ingest::DiffFunction diff = config_ingest::DiffSubscriptions);

  // With as many rounds as it takes: contents only of what is asked for.
  absl::StatusOr<config_ingest::PushAnswer> Push(config_ingest::Push push, const Files& files);
  absl::StatusOr<config_ingest::ProjectAnswer> Call(const config_ingest::ProjectCall& call);

  absl::StatusOr<LiveSet> List(int64_t project_id);
  store::ConfigStore& store() { return *store_; }

 private:
  IngestClient(std::unique_ptr<store::ConfigStore> store, config_ingest::DiffFunction diff);

  std::unique_ptr<store::ConfigStore> store_;
  config_ingest::PushHandler pushes_;
  config_ingest::LifecycleHandler lifecycle_;
};

// Each definition by its key; what two sets that mean the same have in common.
std::map<Key, std::string> Definitions(const LiveSet& set);
std::string ToText(const std::map<Key, std::string>& definitions);

}  // namespace cievents::ingest_test

#endif  // TESTS_INGEST_INGEST_CLIENT_H_
