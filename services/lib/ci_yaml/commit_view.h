// A commit while it is assembled: which files it has, what is known of them, what is asked for, and
// what is wrong.
#ifndef SERVICES_LIB_CI_YAML_COMMIT_VIEW_H_
#define SERVICES_LIB_CI_YAML_COMMIT_VIEW_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "services/lib/ci_yaml/assemble.h"
#include "services/lib/ci_yaml/globs.h"
#include "services/lib/ci_yaml/include_rules.h"
#include "services/lib/ci_yaml/issue_codes.h"

namespace cievents::ci_yaml {

class CommitView {
 public:
  // `request` must outlive the object.
  explicit CommitView(const AssembleRequest& request);

  const std::string& ci_path() const { return ci_path_; }
  const std::vector<std::string>& paths() const { return paths_; }  // sorted, distinct
  bool Exists(std::string_view path) const;
  // True if `parsed` is what counts of it: its places are those of the commit's text.
  static bool IsCurrent(const CommitFile& file) {
    return file.live != nullptr && file.live == file.parsed;
  }

  // What is known of a file of the commit. Absent: nulls. Content unknown: it is asked for, and
  // `live` is a guess that only helps to ask for more. Its own issues are reported once.
  CommitFile Get(const std::string& path, FileRole role);

  // The files that a wildcard of an include names, in path order; what comes later may change it.
  std::vector<std::string> FilesOf(const std::string& wildcard);
  // Whether a file of the commit fits a glob of `exists`. Only YAML files are known.
  Truth IsThere(std::string_view glob);

  // True: so many paths were compared that the last answers of the two are not complete.
  bool is_exhausted() const { return comparisons_left_ <= 0; }

  // The nearest path of the commit, for a path that is not there; empty = none, or enough were
  // suggested.
  std::string NearestPath(const std::string& path);

  // A push that touches it may change what the commit means.
  void AddInterest(std::string_view path) { interest_.emplace(path); }
  void AddIssue(const IssueCode& code, const std::string& file, matcher::Position position,
                std::string message, std::string suggestion = "");
  void AddIssues(std::vector<Issue> issues);

  // Moves everything that was gathered into the assembly.
  void Finish(Assembly* assembly);

 private:
  void AddPrefixInterest(const std::string& prefix) { interest_.insert(prefix + '*'); }
  // The files that fit; the paths that begin with the glob's literal text are looked at alone.
  template <typename Visit>
  void VisitMatches(const PathGlob& glob, Visit visit);

  const AssembleRequest& request_;
  std::string ci_path_{kDefaultCiConfigPath};
  std::vector<std::string> paths_;
  bool is_truncated_ = false;
  std::set<std::string> interest_;
  std::set<std::string> needs_content_;
  std::set<std::string> with_issues_;  // files whose own issues are in already
  std::vector<Issue> issues_;
  std::map<std::string, std::vector<std::string>, std::less<>> wildcards_;
  std::map<std::string, Truth, std::less<>> globs_;
  int64_t comparisons_left_;
  int suggestions_left_;
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_COMMIT_VIEW_H_
