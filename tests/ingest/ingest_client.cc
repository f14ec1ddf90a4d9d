#include "tests/ingest/ingest_client.h"

#include <fmt/format.h>

#include <utility>

#include "matcher/base/status.h"
#include "services/lib/base/sha256.h"

namespace cievents::ingest_test {
namespace {

constexpr int kRoundsMax = 20;

}  // namespace

config_ingest::Push MakePush(int64_t project_id, int64_t sequence, const Files& files,
                             const Place& place) {
  config_ingest::Push push;
  push.project_id = project_id;
  push.namespace_ids = place.namespace_ids;
  push.project_path = place.project_path;
  push.default_branch = "main";
  push.push_sequence = sequence;
  push.run_as_user_id = 5;
  push.permissions.group = true;
  push.has_manifest = true;
  std::string all;
  for (const auto& [path, content] : files) {
    push.manifest.push_back({path, Sha256Hex(content)});
    all += path + push.manifest.back().blob_id;
  }
  push.commit_sha = Sha256Hex(all).substr(0, 40);
  return push;
}

IngestClient::IngestClient(std::unique_ptr<store::ConfigStore> store,
                           config_ingest::DiffFunction diff)
    : store_(std::move(store)),
      pushes_(*store_, Catalogue::BuiltIn(), std::move(diff)),
      lifecycle_(*store_) {}

absl::StatusOr<std::unique_ptr<IngestClient>> IngestClient::Create(
    const std::string& dsn, int connections_max, config_ingest::DiffFunction diff) {
  CIEVENTS_ASSIGN_OR_RETURN(auto store, store::ConfigStore::Create(dsn, connections_max));
  return std::unique_ptr<IngestClient>(new IngestClient(std::move(store), std::move(diff)));
}

absl::StatusOr<config_ingest::PushAnswer> IngestClient::Push(config_ingest::Push push,
                                                             const Files& files) {
  for (int round = 0; round < kRoundsMax; ++round) {
    CIEVENTS_ASSIGN_OR_RETURN(config_ingest::PushAnswer answer, pushes_.Handle(push));
    if (answer.result != config_ingest::PushResult::kNeedsContent) return answer;
    for (const std::string& path : answer.needs_content) {
      if (files.count(path) == 0 || push.contents.contains(path)) {
        return Error(absl::StatusCode::kInternal,
                     "the ingest asks for {}, which it has or which is not in the manifest", path);
      }
      push.contents[path] = files.at(path);
    }
  }
  return absl::InternalError("the rounds of contents do not end");
}

absl::StatusOr<config_ingest::ProjectAnswer> IngestClient::Call(
    const config_ingest::ProjectCall& call) {
  return lifecycle_.Handle(call);
}

absl::StatusOr<LiveSet> IngestClient::List(int64_t project_id) {
  CIEVENTS_ASSIGN_OR_RETURN(const auto rows, store_->ListSubscriptions(project_id, 0, 1000));
  LiveSet set;
  for (const store::SubscriptionListing& row : rows) {
    const store::StoredSubscription& stored = row.subscription;
    set[{stored.path, stored.inputs_json}] = {
        stored.subscription_id,
        fmt::format("{} {} {} {}", stored.workflow_id, stored.entries_json, stored.spec_inputs_json,
                    stored.hoisted_rules_json),
        row.suspended};
  }
  return set;
}

std::map<Key, std::string> Definitions(const LiveSet& set) {
  std::map<Key, std::string> definitions;
  for (const auto& [key, live] : set) definitions[key] = live.definition;
  return definitions;
}

std::string ToText(const std::map<Key, std::string>& definitions) {
  std::string text;
  for (const auto& [key, definition] : definitions) {
    text += fmt::format("    {} {}: {}\n", key.path, key.inputs_json, definition);
  }
  return text;
}

}  // namespace cievents::ingest_test
