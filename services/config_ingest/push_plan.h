// The pure half of a push: which parsed files count, and how the stored set becomes the new one.
#ifndef SERVICES_CONFIG_INGEST_PUSH_PLAN_H_
#define SERVICES_CONFIG_INGEST_PUSH_PLAN_H_

#include <memory>
#include <string>
#include <vector>

#include "matcher/base/string_map.h"
#include "services/config_ingest/push.h"
#include "services/lib/ci_yaml/assemble.h"
#include "services/lib/store/config_store.h"

namespace cievents::config_ingest {

// The files of a push's commit that are known by now: what the push brought (parsed once, here) and
// what is stored from earlier pushes under the same path and blob.
class CommitFiles {
 public:
  CommitFiles(const Push& push, const Catalogue& catalogue);

  // Takes what earlier pushes left; called again under the lock, where it may have changed. Begins
  // an assembly: the roles that files are then looked up in are those that ToStore writes.
  void UseStored(const std::vector<store::StoredConfigFile>& stored);

  ci_yaml::FilePresence Lookup(std::string_view path, ci_yaml::FileRole role,
                               ci_yaml::CommitFile* file);

  // The rows that the next push finds: one for each path of interest. One that stands for all paths
  // with a prefix (see Assembly::paths_of_interest) has the role kPrefixRole.
  std::vector<store::StoredConfigFile> ToStore(
      const std::vector<std::string>& paths_of_interest) const;

 private:
  struct Known {
    ci_yaml::FileRole role;
    ci_yaml::ParsedFile parsed;
    std::string json;  // of `parsed`
  };
  struct Stored {
    std::string role;
    std::string blob_id;
    std::string json;
    std::string good_blob_id;
    std::string good_json;
    std::unique_ptr<ci_yaml::ParsedFile> parsed;  // read when asked for
    std::unique_ptr<ci_yaml::ParsedFile> good;
  };

  const Known* FindCurrent(std::string_view path, ci_yaml::FileRole role);
  ci_yaml::FileRole RoleOf(const std::string& path) const;
  const ci_yaml::ParsedFile* FindGood(std::string_view path, ci_yaml::FileRole role);

  const Push& push_;
  const Catalogue& catalogue_;
  StringMap<std::string> blob_by_path_;
  StringMap<std::unique_ptr<Known>> current_;  // by path and role
  StringMap<Stored> stored_;                   // by path
  StringMap<ci_yaml::FileRole> roles_;         // by path: the first that it was looked up in
};

// The difference between what is stored and what the drafts say. Ids are stable: a key (path,
// inputs digest) keeps its id, a tombstone's id comes back with its key, and a path that has
// exactly one variant before and after keeps its id when its inputs change.
struct SubscriptionDiff {
  std::vector<store::SubscriptionWrite> writes;
  std::vector<int64_t> ended;
  int added = 0;
  int updated = 0;
  // The whole set after the push, in the order of the drafts; `write_index` into `writes`, or -1.
  struct After {
    store::StoredSubscription subscription;
    int write_index = -1;
  };
  std::vector<After> after;
};
SubscriptionDiff DiffSubscriptions(const std::vector<store::StoredSubscription>& stored,
                                   const std::vector<ci_yaml::SubscriptionDraft>& drafts,
                                   int64_t pusher_user_id);

std::string_view RoleName(ci_yaml::FileRole role);
inline constexpr std::string_view kPrefixRole = "prefix";

}  // namespace cievents::config_ingest

#endif  // SERVICES_CONFIG_INGEST_PUSH_PLAN_H_
