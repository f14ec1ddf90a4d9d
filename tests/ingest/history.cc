#include "tests/ingest/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace cievents::ingest_test {
namespace {

using config_ingest::ProjectAction;
using config_ingest::PushResult;

constexpr int64_t kScratchIds = 1'000'000'000;

bool IsApplied(PushResult result) {
  return result == PushResult::kApplied || result == PushResult::kAppliedWithErrors;
}

std::map<std::string, std::vector<Key>> ByPath(const auto& set) {
  std::map<std::string, std::vector<Key>> keys;
  for (const auto& [key, unused] : set) keys[key.path].push_back(key);
  return keys;
}

}  // namespace

std::string IdModel::Check(const LiveSet& now) {
  const auto before_by_path = ByPath(live_);
  const auto after_by_path = ByPath(now);
  std::map<Key, int64_t> expected;  // 0 = a new one
  std::set<int64_t> taken;
  for (const auto& [path, keys] : after_by_path) {
    const auto before = before_by_path.find(path);
    const bool is_only =
        keys.size() == 1 && before != before_by_path.end() && before->second.size() == 1;
    for (const Key& key : keys) {
      const auto owner = owners_.find(key);
      expected[key] = is_only                  ? live_.at(before->second[0])
                      : owner != owners_.end() ? owner->second
                                               : 0;
      // The row moves to the new key; nobody owns its old one any more.
      if (is_only && before->second[0] != key) owners_.erase(before->second[0]);
    }
  }
  for (const auto& [key, live] : now) {
    const int64_t id = expected.at(key);
    if (!taken.insert(live.subscription_id).second) {
      return fmt::format("id {} stands twice", live.subscription_id);
    }
    if (id == 0 ? live.subscription_id <= newest_ : live.subscription_id != id) {
      return fmt::format("{} {} has id {}, expected {}", key.path, key.inputs_json,
                         live.subscription_id, id == 0 ? "a new one" : std::to_string(id));
    }
  }
  live_.clear();
  for (const auto& [key, live] : now) {
    live_[key] = live.subscription_id;
    owners_[key] = live.subscription_id;
    newest_ = std::max(newest_, live.subscription_id);
  }
  return "";
}

History::History(IngestClient& client, IngestClient& honest, store::SubscriptionFeed& feed,
                 int64_t project_id, uint64_t seed)
    : client_(client),
      honest_(honest),
      feed_(feed),
      project_id_(project_id),
      random_(seed),
      checkout_(random_),
      next_scratch_id_(project_id * kScratchIds),
      place_{{project_id * 10, project_id * 10 + 1}, fmt::format("g/p{}", project_id)} {}

config_ingest::Push History::Make(int64_t sequence) const {
  return MakePush(project_id_, sequence, checkout_.files(), place_);
}

std::string History::PushNow() {
  checkout_.Change();
  sequence_ += 1 + random_.Below(3);
  const bool unnumbered = random_.Percent(15);
  const config_ingest::Push push = Make(unnumbered ? 0 : sequence_);
  const auto answer = client_.Push(push, checkout_.files());
  if (!answer.ok()) return "push: " + answer.status().ToString();
  if (!IsApplied(answer->result)) {
    return fmt::format("push {} is answered {}", sequence_, PushResultName(answer->result));
  }
  ++pushes_;
  sequence_ = answer->push_sequence;
  pushed_ = checkout_.files();
  pushed_place_ = place_;
  effective_ = RandomCheckout::Effective(pushed_, &good_);
  deleted_ = false;
  if (!unnumbered) old_.emplace_back(push, pushed_);
  return "";
}

std::string History::PushOldAgain() {
  if (old_.empty()) return "";
  const auto& [push, files] =
      old_[static_cast<size_t>(random_.Below(static_cast<int>(old_.size())))];
  const auto answer = client_.Push(push, files);
  if (!answer.ok()) return "old push: " + answer.status().ToString();
  if (answer->result == PushResult::kStale) return "";
  return fmt::format("old push {} is answered {}", push.push_sequence,
                     PushResultName(answer->result));
}

std::string History::PushOtherRef() {
  const Files kept = checkout_.files();
  RandomCheckout other = checkout_;
  other.Change();
  config_ingest::Push push = MakePush(project_id_, sequence_ + 50, other.files(), place_);
  push.ref = "refs/heads/feature";
  if (random_.Percent(50)) {
    push.ref = "main";
    push.dry_run = true;
  }
  const auto answer = client_.Push(push, other.files());
  if (!answer.ok()) return "other ref: " + answer.status().ToString();
  if (answer->result == PushResult::kValidated) return "";
  return fmt::format("a push to {} is answered {}", push.ref, PushResultName(answer->result));
}

// A change of what the project's files do not name.
std::string History::PushHint() {
  if (pushed_.empty() || deleted_ || pushed_place_.namespace_ids != place_.namespace_ids) return "";
  const config_ingest::Push last = MakePush(project_id_, 0, pushed_, place_);
  config_ingest::Push push = last;
  push.has_manifest = false;
  push.manifest.clear();
  push.previous_commit_sha = last.commit_sha;
  push.changed_paths = {"src/main.c", "README.md"};
  push.push_sequence = ++sequence_;
  const auto answer = client_.Push(push, {});
  if (!answer.ok()) return "hint: " + answer.status().ToString();
  if (answer->result != PushResult::kUnchanged && answer->result != PushResult::kNeedsManifest) {
    return fmt::format("a hint is answered {}", PushResultName(answer->result));
  }
  return "";
}

std::string History::CallNow() {
  if (pushes_ == 0) return "";
  config_ingest::ProjectCall call;
  call.action = static_cast<ProjectAction>(random_.Below(4));
  call.project_id = project_id_;
  call.sequence = ++sequence_;
  call.archived = random_.Percent(30);
  call.ci_disabled = random_.Percent(20);
  const bool says_place =
      call.action == ProjectAction::kUpsert || call.action == ProjectAction::kTransfer;
  if (says_place) {
    if (random_.Percent(50)) place_.namespace_ids = {project_id_ * 10 + random_.Below(4)};
    call.namespace_ids = place_.namespace_ids;
    call.project_path = place_.project_path;
  }
  const auto answer = client_.Call(call);
  if (!answer.ok()) return "call: " + answer.status().ToString();
  if (answer->result != config_ingest::ProjectResult::kApplied) {
    return fmt::format("call {} is stale", call.sequence);
  }
  ++calls_;
  if (call.action == ProjectAction::kUpsert || call.action == ProjectAction::kArchive) {
    archived_ = call.archived;
    ci_disabled_ = call.ci_disabled;
  }
  if (call.action == ProjectAction::kUpsert) deleted_ = false;
  if (call.action == ProjectAction::kDelete) deleted_ = true;
  return "";
}

std::string History::Step() {
  const int kind = random_.Below(100);
  if (kind < 60 || pushes_ == 0) return PushNow();
  if (kind < 68) return PushOldAgain();
  if (kind < 74) return PushOtherRef();
  if (kind < 82) return PushHint();
  return CallNow();
}

std::string History::CheckFeed(const LiveSet& set) {
  const auto changes = feed_.Poll();
  if (!changes.ok()) return "feed: " + changes.status().ToString();
  for (const store::FeedProject& project : *changes) {
    if (project.project_id == project_id_) seen_ = project;
  }
  if (!seen_.has_value()) return "the feed has not told of the project";
  const store::FeedProject& seen = *seen_;
  if (seen.deleted != deleted_) return fmt::format("the feed says deleted: {}", seen.deleted);
  if (deleted_) return seen.subscriptions.empty() ? "" : "the feed has subscriptions";
  if (seen.namespace_ids != place_.namespace_ids) return "the feed has other ancestors";
  const bool moved = pushed_place_.namespace_ids != place_.namespace_ids;
  if (seen.scopes_suspended != moved) {
    return fmt::format("the feed says that scopes are suspended: {}", seen.scopes_suspended);
  }
  std::set<int64_t> ids;
  for (const auto& [key, live] : set) ids.insert(live.subscription_id);
  for (const store::FeedSubscription& row : seen.subscriptions) {
    if (ids.erase(row.subscription_id) == 0) {
      return fmt::format("the feed has {} too", row.subscription_id);
    }
    if (row.suspended != (archived_ || ci_disabled_)) {
      return fmt::format("the feed says that {} is suspended: {}", row.path, row.suspended);
    }
  }
  return ids.empty() ? "" : "the feed lacks subscriptions";
}

std::string History::Check() {
  const auto set = client_.List(project_id_);
  if (!set.ok()) return "list: " + set.status().ToString();
  if (std::string wrong = CheckFeed(*set); !wrong.empty()) return wrong;
  if (deleted_) return set->empty() ? "" : "a deleted project has live subscriptions";
  if (std::string wrong = ids_.Check(*set); !wrong.empty()) return wrong;
  for (const auto& [key, live] : *set) {
    if (live.suspended != (archived_ || ci_disabled_)) {
      return fmt::format("{} is suspended: {}", key.path, live.suspended);
    }
  }
  const int64_t scratch = ++next_scratch_id_;
  const auto answer = honest_.Push(MakePush(scratch, 1, effective_, pushed_place_), effective_);
  if (!answer.ok()) return "from scratch: " + answer.status().ToString();
  const auto expected = honest_.List(scratch);
  if (!expected.ok()) return "from scratch: " + expected.status().ToString();
  if (Definitions(*set) == Definitions(*expected)) return "";
  return fmt::format("the set is\n{}  from scratch it is\n{}", ToText(Definitions(*set)),
                     ToText(Definitions(*expected)));
}

std::optional<std::string> History::Play(int steps) {
  for (int step = 0; step < steps; ++step) {
    std::string wrong = Step();
    if (wrong.empty()) wrong = Check();
    if (!wrong.empty()) return fmt::format("project {}, step {}: {}", project_id_, step, wrong);
  }
  return std::nullopt;
}

}  // namespace cievents::ingest_test
