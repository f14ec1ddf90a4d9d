// The include closure: every file that the CI file includes, directly or through others, as far as
// a commit alone decides it (docs/subscriptions.md, "Where they are found").
//
// A node is a file with the inputs that an include gives it. Nodes are found depth first, in the
// order of the text, each once; a file with `spec: events` is a leaf.
#ifndef SERVICES_LIB_CI_YAML_CLOSURE_H_
#define SERVICES_LIB_CI_YAML_CLOSURE_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/lib/ci_yaml/commit_view.h"
#include "services/lib/ci_yaml/hoisting.h"
#include "services/lib/ci_yaml/include_rules.h"
#include "services/lib/ci_yaml/parsed_file.h"
#include "services/lib/ci_yaml/variant_inputs.h"

namespace cievents::ci_yaml {

// Include statements that are looked at, whether or not they lead to a file.
inline constexpr int kIncludesExaminedMax = 1000;

std::string InputsDigest(const std::vector<matcher::InputBinding>& inputs);

struct ClosureFile {
  std::string path;
  std::vector<matcher::InputBinding> inputs;  // sorted by name; blocks over inputs are filled in
  std::string inputs_digest;
  CommitFile file;
  // Where the first include of it stands.
  std::string included_from;
  matcher::Position position;
  std::vector<size_t> includes;  // what it includes, in the order of the text; indexes of files()
  bool is_leaf() const { return file.live != nullptr && file.live->has_spec_events; }
};

class Closure {
 public:
  // Walks from the CI file. `commit` must outlive the object; it is told what is wrong, needed and
  // of interest.
  Closure(CommitView* commit, const CommitFile& ci_file);

  // The CI file first, then as found.
  const std::vector<ClosureFile>& files() const { return files_; }
  bool Contains(std::string_view path) const { return paths_.find(path) != paths_.end(); }

  // False: of this file an older version counts.
  bool IsCurrent(std::string_view path) const;

  // The bodies in the order in which GitLab merges them; the CI file is the last.
  std::vector<BodyFile> Bodies() const;
  // No body is missing, and no other decision would add or remove one.
  bool all_includes_are_merged() const { return all_are_merged_; }

 private:
  void Visit(size_t index, int depth);
  // Follows one include of a file; `inputs` are that file's.
  void Follow(size_t from, const LocalInclude& include, int depth, VariantInputs* inputs);
  void AddTarget(size_t from, const LocalInclude& include, Truth is_included,
                 const std::string& path, const std::vector<matcher::InputBinding>& inputs,
                 int depth);
  void AddMissing(size_t from, const LocalInclude& include, const std::string& path);
  // The path that the include names; empty after an issue.
  std::string ResolvePath(size_t from, const LocalInclude& include, const VariantInputs& inputs);
  bool IsOverLimit(size_t from, const LocalInclude& include, const std::string& path, int depth);
  void AddIssue(const IssueCode& code, size_t from, const LocalInclude& include,
                std::string message, std::string suggestion = "");

  CommitView& commit_;
  IncludeRuleBudget rule_budget_;
  std::vector<ClosureFile> files_;
  std::map<std::pair<std::string, std::string>, size_t> index_;  // by path and inputs digest
  std::set<std::string, std::less<>> paths_;
  int examined_ = 0;
  int surplus_ = 0;  // files over the limit that were reported
  bool all_are_merged_ = true;
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_CLOSURE_H_
