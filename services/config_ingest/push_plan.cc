#include "services/config_ingest/push_plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "matcher/base/check.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::config_ingest {
namespace {

using ci_yaml::FileRole;
using ci_yaml::ParsedFile;

std::string CurrentKey(std::string_view path, FileRole role) {
  std::string key(RoleName(role));
  key.push_back(':');
  key.append(path);
  return key;
}

// Null if the cache cannot be read: then the content is asked for again.
std::unique_ptr<ParsedFile> ReadParsed(const std::string& json) {
  if (json.empty()) return nullptr;
  absl::StatusOr<ParsedFile> parsed = ci_yaml::ParsedFileFromJson(json);
  if (!parsed.ok()) return nullptr;
  return std::make_unique<ParsedFile>(*std::move(parsed));
}

// Whether what was read of a file in the role `stored` is what the role `asked` reads of it: of a
// file with `spec: events` the header alone counts, by whatever way it is found.
bool IsSameReading(std::string_view stored, FileRole asked, const ParsedFile& parsed) {
  if (stored == RoleName(asked)) return true;
  const auto reads_header_first = [](std::string_view role) {
    return role == RoleName(FileRole::kHeaderOnly) || role == RoleName(FileRole::kIncluded);
  };
  return reads_header_first(stored) && reads_header_first(RoleName(asked)) &&
         parsed.has_spec_events;
}

}  // namespace

std::string_view RoleName(FileRole role) {
  switch (role) {
    case FileRole::kCiFile:
      return "ci_file";
    case FileRole::kEventList:
      return "event_list";
    case FileRole::kIncluded:
      return "included";
    case FileRole::kHeaderOnly:
      break;
  }
  return "header_only";
}

CommitFiles::CommitFiles(const Push& push, const Catalogue& catalogue)
    : push_(push), catalogue_(catalogue) {
  for (const ManifestFile& file : push.manifest) blob_by_path_.emplace(file.path, file.blob_id);
}

void CommitFiles::UseStored(const std::vector<store::StoredConfigFile>& stored) {
  stored_.clear();
  roles_.clear();
  for (const store::StoredConfigFile& file : stored) {
    stored_.emplace(file.path, Stored{file.role, file.blob_id, file.parsed_json, file.good_blob_id,
                                      file.good_parsed_json, nullptr, nullptr});
  }
}

const CommitFiles::Known* CommitFiles::FindCurrent(std::string_view path, FileRole role) {
  const std::string key = CurrentKey(path, role);
  if (const auto it = current_.find(key); it != current_.end()) return it->second.get();
  auto known = std::make_unique<Known>();
  known->role = role;
  if (const auto content = push_.contents.find(path); content != push_.contents.end()) {
    known->parsed = ci_yaml::ParseFile(role, path, content->second, catalogue_);
    known->json = ci_yaml::ParsedFileToJson(known->parsed);
  } else {
    const auto stored = stored_.find(path);
    const auto blob = blob_by_path_.find(path);
    CIEVENTS_CHECK(blob != blob_by_path_.end());
    if (stored == stored_.end() || stored->second.blob_id != blob->second) return nullptr;
    std::unique_ptr<ParsedFile> parsed = ReadParsed(stored->second.json);
    if (parsed == nullptr || !IsSameReading(stored->second.role, role, *parsed)) return nullptr;
    known->parsed = *std::move(parsed);
    known->json = stored->second.json;
  }
  return current_.emplace(key, std::move(known)).first->second.get();
}

const ParsedFile* CommitFiles::FindGood(std::string_view path, FileRole role) {
  const auto it = stored_.find(path);
  if (it == stored_.end()) return nullptr;
  if (it->second.good == nullptr) it->second.good = ReadParsed(it->second.good_json);
  const ParsedFile* good = it->second.good.get();
  return good != nullptr && IsSameReading(it->second.role, role, *good) ? good : nullptr;
}

ci_yaml::FilePresence CommitFiles::Lookup(std::string_view path, FileRole role,
                                          ci_yaml::CommitFile* file) {
  if (!blob_by_path_.contains(path)) return ci_yaml::FilePresence::kAbsent;
  roles_.emplace(path, role);
  const Known* current = FindCurrent(path, role);
  if (current == nullptr) {
    file->live = FindGood(path, role);
    return ci_yaml::FilePresence::kUnknown;
  }
  file->parsed = &current->parsed;
  file->live = HasErrors(current->parsed.issues) ? FindGood(path, role) : &current->parsed;
  return ci_yaml::FilePresence::kGiven;
}

FileRole CommitFiles::RoleOf(const std::string& path) const {
  const auto role = roles_.find(path);
  if (role != roles_.end()) return role->second;
  return ci_yaml::RoleByPath(path, push_.ci_config_path).value_or(FileRole::kIncluded);
}

std::vector<store::StoredConfigFile> CommitFiles::ToStore(
    const std::vector<std::string>& paths_of_interest) const {
  std::vector<store::StoredConfigFile> rows;
  for (const std::string& path : paths_of_interest) {
    store::StoredConfigFile row;
    row.path = path;
    if (path.ends_with('*')) {
      row.role = kPrefixRole;
      rows.push_back(std::move(row));
      continue;
    }
    const FileRole role = RoleOf(path);
    row.role = RoleName(role);
    const auto blob = blob_by_path_.find(path);
    const auto current = current_.find(CurrentKey(path, role));
    if (blob != blob_by_path_.end() && current != current_.end()) {
      row.blob_id = blob->second;
      row.parsed_json = current->second->json;
      if (!HasErrors(current->second->parsed.issues)) {
        row.good_blob_id = row.blob_id;
        row.good_parsed_json = row.parsed_json;
      } else if (const auto stored = stored_.find(path);
                 stored != stored_.end() && stored->second.good != nullptr &&
                 IsSameReading(stored->second.role, role, *stored->second.good)) {
        row.good_blob_id = stored->second.good_blob_id;
        row.good_parsed_json = stored->second.good_json;
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

namespace {

using Key = std::pair<std::string, std::string>;  // path, inputs digest

// Stored rows by key, and by path where a path has exactly one live variant.
class StoredIndex {
 public:
  StoredIndex(const std::vector<store::StoredSubscription>& stored,
              const std::vector<ci_yaml::SubscriptionDraft>& drafts) {
    std::map<std::string, int> live_by_path;
    for (const store::StoredSubscription& row : stored) {
      by_key_.emplace(Key(row.path, row.inputs_digest), &row);
      if (!row.ended) ++live_by_path[row.path];
    }
    std::map<std::string, int> drafts_by_path;
    for (const ci_yaml::SubscriptionDraft& draft : drafts) ++drafts_by_path[draft.path];
    for (const store::StoredSubscription& row : stored) {
      if (!row.ended && live_by_path[row.path] == 1 && drafts_by_path[row.path] == 1) {
        only_variant_.emplace(row.path, &row);
      }
    }
  }

  // The only variant comes first: a path with one variant before and after keeps its id even if a
  // tombstone holds the new inputs' key.
  const store::StoredSubscription* Find(const ci_yaml::SubscriptionDraft& draft) const {
    if (const auto only = only_variant_.find(draft.path); only != only_variant_.end()) {
      return only->second;
    }
    const auto it = by_key_.find(Key(draft.path, draft.inputs_digest));
    return it == by_key_.end() ? nullptr : it->second;
  }

 private:
  std::map<Key, const store::StoredSubscription*> by_key_;
  std::map<std::string, const store::StoredSubscription*> only_variant_;
};

}  // namespace

SubscriptionDiff DiffSubscriptions(const std::vector<store::StoredSubscription>& stored,
                                   const std::vector<ci_yaml::SubscriptionDraft>& drafts,
                                   int64_t pusher_user_id) {
  const StoredIndex index(stored, drafts);
  SubscriptionDiff diff;
  std::vector<int64_t> kept;
  for (const ci_yaml::SubscriptionDraft& draft : drafts) {
    const store::StoredSubscription* old = index.Find(draft);
    store::StoredSubscription now;
    now.subscription_id = old == nullptr ? 0 : old->subscription_id;
    now.path = draft.path;
    now.inputs_digest = draft.inputs_digest;
    now.workflow_id = draft.workflow_id;
    now.entries_json = ci_yaml::EntriesToJson(draft.entries);
    now.inputs_json = ci_yaml::InputsToJson(draft.include_inputs);
    now.spec_inputs_json = draft.spec_inputs_json;
    now.hoisted_rules_json = ci_yaml::HoistedRulesToJson(draft.hoisted_rules);
    const bool is_new = old == nullptr || old->ended;
    const bool changed =
        !is_new && (old->workflow_id != now.workflow_id || old->inputs_digest != now.inputs_digest);
    // Only positions moved: stored, so that messages point at the right line, but no change. The
    // workflow id covers `spec: inputs` and hoisted rules, so only a row of an older program
    // differs in them alone.
    const bool moved =
        !is_new && !changed &&
        (old->entries_json != now.entries_json || old->spec_inputs_json != now.spec_inputs_json ||
         old->hoisted_rules_json != now.hoisted_rules_json);
    now.owner_user_id = is_new || changed ? pusher_user_id : old->owner_user_id;
    diff.added += is_new ? 1 : 0;
    diff.updated += changed ? 1 : 0;
    SubscriptionDiff::After after{now, -1};
    if (is_new || changed || moved) {
      after.write_index = static_cast<int>(diff.writes.size());
      diff.writes.push_back({now.subscription_id, now.path, now.inputs_digest, now.workflow_id,
                             now.entries_json, now.inputs_json, now.spec_inputs_json,
                             now.hoisted_rules_json, now.owner_user_id});
    }
    if (old != nullptr) kept.push_back(old->subscription_id);
    diff.after.push_back(std::move(after));
  }
  for (const store::StoredSubscription& row : stored) {
    if (!row.ended && std::find(kept.begin(), kept.end(), row.subscription_id) == kept.end()) {
      diff.ended.push_back(row.subscription_id);
    }
  }
  return diff;
}

}  // namespace cievents::config_ingest
