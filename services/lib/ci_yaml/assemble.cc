#include "services/lib/ci_yaml/assemble.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "services/lib/base/nearest.h"
#include "services/lib/base/sha256.h"
#include "services/lib/ci_yaml/inputs.h"
#include "services/lib/ci_yaml/issue_codes.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {
namespace {

// Suggestions cost a comparison with every path of the commit.
constexpr int kMissingPathsWithSuggestionMax = 3;

bool HasYamlExtension(std::string_view path) {
  return path.ends_with(".yml") || path.ends_with(".yaml");
}

bool IsDirectlyIn(std::string_view folder, std::string_view path) {
  return path.starts_with(folder) && path.find('/', folder.size()) == std::string_view::npos;
}

std::string InputsDigest(const std::vector<matcher::InputBinding>& inputs) {
  return Sha256Hex(InputsToJson(inputs));
}

// As the parser counts them: names of entries and `events` of their rules.
size_t PatternCount(const matcher::Entry& entry) {
  size_t count = entry.patterns.size();
  if (!entry.rules.has_value()) return count;
  for (const matcher::RuleClause& clause : *entry.rules) count += clause.events.size();
  return count;
}

// What people write for `.gitlab-ci-event.yml` and `.gitlab/ci/events/`; empty = nothing.
std::string RightSpelling(std::string_view path) {
  static constexpr std::string_view kEventListTypos[] = {
      ".gitlab-ci-event.yaml",    ".gitlab-ci-events.yml", ".gitlab-ci-events.yaml",
      ".gitlab-ci-event.yml.yml", ".gitlab-ci.event.yml",  ".gitlab-event.yml",
      ".gitlab-events.yml"};
  static constexpr std::string_view kFolderTypos[] = {".gitlab/ci/event/", ".gitlab/ci-events/",
                                                      ".gitlab/events/", ".gitlab-ci/events/"};
  for (const std::string_view typo : kEventListTypos) {
    if (path == typo) return std::string(kEventListPath);
  }
  for (const std::string_view typo : kFolderTypos) {
    if (IsDirectlyIn(typo, path)) {
      return std::string(kEventsFolder) + std::string(path.substr(typo.size()));
    }
  }
  return "";
}

class Assembler {
 public:
  explicit Assembler(const AssembleRequest& request) : request_(request) {
    if (!request.ci_config_path.empty()) ci_path_ = request.ci_config_path;
  }

  Assembly Run();

 private:
  using Key = std::pair<std::string, std::string>;  // path, inputs digest

  void ReadManifest();
  void WarnOfMisspelledPaths();
  bool Exists(std::string_view path) const {
    return std::binary_search(paths_.begin(), paths_.end(), path);
  }
  // What is known of a file of the commit; nulls if it is absent or its content is asked for.
  CommitFile Get(const std::string& path, FileRole role);
  void AddCiFile();
  void AddIncludes(const std::vector<LocalInclude>& includes);
  void AddInclude(const LocalInclude& include);
  void AddMissingInclude(const LocalInclude& include);
  void AddEventsFolder();
  std::vector<matcher::Entry> Permitted(const std::string& file,
                                        const std::vector<matcher::Entry>& entries);
  bool IsPermitted(const std::string& file, const matcher::Entry& entry);
  void DropSurplusPatterns(const std::string& file, std::vector<matcher::Entry>* entries,
                           size_t already_there);
  // Drops the entries of `file` that can never make a request, with an error each.
  void DropUnusableEntries(const std::string& file,
                           const std::vector<matcher::InputBinding>& include_inputs,
                           std::string_view spec_inputs_json, std::vector<matcher::Entry>* entries);
  bool IncludeInputsFit(const LocalInclude& include, std::string_view spec_inputs_json);
  void AddDraft(const std::string& path, std::vector<matcher::Entry> entries,
                std::vector<matcher::InputBinding> inputs, std::string_view spec_inputs_json);
  void AddIssue(const IssueCode& code, const std::string& file, matcher::Position position,
                std::string message, std::string suggestion = "");
  void Finish();

  const AssembleRequest& request_;
  std::string ci_path_{kDefaultCiConfigPath};
  std::vector<std::string> paths_;  // sorted, distinct
  Assembly assembly_;
  std::set<std::string> interest_;
  std::set<std::string> needs_content_;
  std::set<std::string> with_issues_;  // files whose own issues are in already
  std::map<std::string, std::vector<matcher::Entry>> permitted_;  // by file
  std::set<std::string> subscribed_as_included_;
  std::map<Key, SubscriptionDraft> drafts_;
  int missing_paths_ = 0;
  matcher::EventPathTable paths_of_inputs_;
};

void Assembler::AddIssue(const IssueCode& code, const std::string& file, matcher::Position position,
                         std::string message, std::string suggestion) {
  assembly_.issues.push_back({code.severity, std::string(code.text), file, position.line,
                              position.column, std::move(message), std::move(suggestion)});
}

void Assembler::ReadManifest() {
  paths_ = request_.manifest_paths;
  std::sort(paths_.begin(), paths_.end());
  paths_.erase(std::unique(paths_.begin(), paths_.end()), paths_.end());
  if (paths_.size() <= static_cast<size_t>(kManifestFilesMax)) return;
  AddIssue(kTooManyFiles, paths_[kManifestFilesMax], {},
           fmt::format("the commit has {} YAML files; of more than {} the last in path order are "
                       "not looked at, from this one on",
                       paths_.size(), kManifestFilesMax),
           "move YAML that is no CI configuration to other projects");
  paths_.resize(kManifestFilesMax);
}

void Assembler::WarnOfMisspelledPaths() {
  for (const std::string& path : paths_) {
    const std::string right = RightSpelling(path);
    if (right.empty() || path == ci_path_) continue;
    interest_.insert(path);
    AddIssue(kMisspelledPath, path, {1, 1}, "this path has no meaning: the file subscribes nothing",
             fmt::format("rename it to `{}`", right));
  }
}

CommitFile Assembler::Get(const std::string& path, FileRole role) {
  interest_.insert(path);
  CommitFile file;
  if (!Exists(path)) return file;
  switch (request_.lookup(path, role, &file)) {
    case FilePresence::kAbsent:
      return {};
    case FilePresence::kUnknown:
      needs_content_.insert(path);
      return {};
    case FilePresence::kGiven:
      break;
  }
  if (file.parsed != nullptr && with_issues_.insert(path).second) {
    for (Issue issue : file.parsed->issues) {
      issue.file = path;  // the cache is by content, and the same content may stand elsewhere
      assembly_.issues.push_back(std::move(issue));
    }
  }
  return file;
}

bool Assembler::IsPermitted(const std::string& file, const matcher::Entry& entry) {
  using matcher::ScopeKind;
  const Permissions& allowed = request_.permissions;
  const matcher::Scope& scope = entry.scope;
  std::string refused;
  if (scope.kind == ScopeKind::kGroup && !allowed.group) {
    refused = "group";
  } else if (scope.kind == ScopeKind::kInstance && !allowed.instance) {
    refused = "instance";
  } else if (scope.kind == ScopeKind::kOtherProject &&
             std::find(allowed.project_ids.begin(), allowed.project_ids.end(), scope.project_id) ==
                 allowed.project_ids.end()) {
    refused = fmt::format("project {}", scope.project_id);
  }
  if (!refused.empty()) {
    AddIssue(
        kScopeNotAllowed, file, entry.position,
        fmt::format("whoever pushed may not subscribe to the events of this scope: {}", refused),
        "have somebody push who may, or remove `scope`");
    return false;
  }
  if (entry.confidential && !allowed.confidential) {
    AddIssue(kConfidentialNotAllowed, file, entry.position,
             "whoever pushed may not subscribe to confidential events",
             "have somebody push who may, or remove `confidential`");
    return false;
  }
  return true;
}

// The entries of `file` that the pusher may have; a file that is included twice is judged once.
std::vector<matcher::Entry> Assembler::Permitted(const std::string& file,
                                                 const std::vector<matcher::Entry>& entries) {
  const auto [known, is_new] = permitted_.try_emplace(file);
  if (is_new) {
    for (const matcher::Entry& entry : entries) {
      if (IsPermitted(file, entry)) known->second.push_back(entry);
    }
  }
  return known->second;
}

// The parser bounds each file; the CI file and the event list make one subscription together.
void Assembler::DropSurplusPatterns(const std::string& file, std::vector<matcher::Entry>* entries,
                                    size_t already_there) {
  size_t count = already_there;
  for (size_t i = 0; i < entries->size(); ++i) {
    count += PatternCount((*entries)[i]);
    if (count <= static_cast<size_t>(kPatternsPerSubscriptionMax)) continue;
    AddIssue(kTooManyPatterns, file, (*entries)[i].position,
             fmt::format("more than {} patterns in `{}` and `{}` together; this entry and those "
                         "after it are not applied",
                         kPatternsPerSubscriptionMax, ci_path_, kEventListPath),
             "use `*` or `**`, or move entries into files of `.gitlab/ci/events/`");
    entries->resize(i);
    return;
  }
}

void Assembler::DropUnusableEntries(const std::string& file,
                                    const std::vector<matcher::InputBinding>& include_inputs,
                                    std::string_view spec_inputs_json,
                                    std::vector<matcher::Entry>* entries) {
  std::erase_if(*entries, [&](const matcher::Entry& entry) {
    std::string problem =
        CheckRequestInputs(include_inputs, entry.inputs, spec_inputs_json, paths_of_inputs_);
    if (problem.empty()) return false;
    AddIssue(kBadInput, file, entry.position, std::move(problem),
             "the entry is not applied: give it `inputs`, or give the input a `default`");
    return true;
  });
}

bool Assembler::IncludeInputsFit(const LocalInclude& include, std::string_view spec_inputs_json) {
  const std::vector<InputProblem> problems =
      CheckInputs(include.inputs, spec_inputs_json, paths_of_inputs_);
  for (const InputProblem& problem : problems) {
    AddIssue(kBadInput, ci_path_, problem.position, problem.message,
             fmt::format("see `spec: inputs` of `{}`", yaml::Shorten(include.path)));
  }
  return problems.empty();
}

void Assembler::AddDraft(const std::string& path, std::vector<matcher::Entry> entries,
                         std::vector<matcher::InputBinding> inputs,
                         std::string_view spec_inputs_json) {
  if (entries.empty()) return;
  SubscriptionDraft draft;
  draft.path = path;
  draft.inputs_digest = InputsDigest(inputs);
  draft.include_inputs = std::move(inputs);
  draft.spec_inputs_json = spec_inputs_json;
  draft.workflow_id = WorkflowId(entries, draft.hoisted_rules, spec_inputs_json);
  draft.entries = std::move(entries);
  const Key key{path, draft.inputs_digest};
  drafts_.try_emplace(key, std::move(draft));
}

void Assembler::AddCiFile() {
  const std::string list_path(kEventListPath);
  const CommitFile ci_file = Get(ci_path_, FileRole::kCiFile);
  const CommitFile event_list =
      ci_path_ == list_path ? CommitFile{} : Get(list_path, FileRole::kEventList);
  std::vector<matcher::Entry> entries;
  const std::string_view spec_inputs =
      ci_file.live != nullptr ? std::string_view(ci_file.live->spec_inputs_json) : "{}";
  if (ci_file.live != nullptr) {
    entries = Permitted(ci_path_, ci_file.live->entries);
    DropUnusableEntries(ci_path_, {}, spec_inputs, &entries);
  }
  size_t patterns = 0;
  for (const matcher::Entry& entry : entries) patterns += PatternCount(entry);

  if (event_list.live != nullptr && !event_list.live->entries.empty()) {
    if (!Exists(ci_path_)) {
      AddIssue(kCiFileMissing, list_path, event_list.live->entries[0].position,
               fmt::format("the events start the pipeline of `{}`, which does not exist", ci_path_),
               "add it, or subscribe with a file of `.gitlab/ci/events/`");
      return;
    }
    std::vector<matcher::Entry> listed = Permitted(list_path, event_list.live->entries);
    DropUnusableEntries(list_path, {}, spec_inputs, &listed);
    DropSurplusPatterns(list_path, &listed, patterns);
    entries.insert(entries.end(), listed.begin(), listed.end());
  }
  AddDraft(ci_path_, std::move(entries), {},
           ci_file.live != nullptr ? ci_file.live->spec_inputs_json : "{}");
  if (ci_file.live != nullptr) AddIncludes(ci_file.live->includes);
}

void Assembler::AddIncludes(const std::vector<LocalInclude>& includes) {
  const size_t included = std::min<size_t>(includes.size(), kClosureFilesMax);
  for (size_t i = 0; i < included; ++i) AddInclude(includes[i]);
  if (included < includes.size()) {
    AddIssue(kTooManyIncludes, ci_path_, includes[included].position,
             fmt::format("{} includes; those after the first {} are not looked at", includes.size(),
                         kClosureFilesMax),
             "put subscriptions into `.gitlab/ci/events/`, where no include is needed");
  }
}

void Assembler::AddMissingInclude(const LocalInclude& include) {
  interest_.insert(include.path);
  std::vector<std::string> nearest;
  if (missing_paths_++ < kMissingPathsWithSuggestionMax) {
    nearest = NearestTexts(include.path, paths_, 1);
  }
  AddIssue(kIncludeNotFound, ci_path_, include.position,
           fmt::format("the included file `{}` does not exist in this commit",
                       yaml::Shorten(include.path)),
           nearest.empty() ? "add the file, or remove the include"
                           : fmt::format("did you mean `{}`?", nearest[0]));
}

void Assembler::AddInclude(const LocalInclude& include) {
  if (!HasYamlExtension(include.path)) {
    AddIssue(kIncludeNotYaml, ci_path_, include.position,
             fmt::format("the included file `{}` does not end in .yml or .yaml",
                         yaml::Shorten(include.path)),
             "rename the file");
    return;
  }
  if (!Exists(include.path)) return AddMissingInclude(include);
  // Its events are those of the CI file, which are in already.
  if (include.path == ci_path_) return;
  const CommitFile file = Get(include.path, FileRole::kHeaderOnly);
  if (file.live == nullptr || !file.live->has_spec_events) return;
  subscribed_as_included_.insert(include.path);
  if (!IncludeInputsFit(include, file.live->spec_inputs_json)) return;
  std::vector<matcher::Entry> entries = Permitted(include.path, file.live->entries);
  DropUnusableEntries(include.path, include.inputs, file.live->spec_inputs_json, &entries);
  AddDraft(include.path, std::move(entries), include.inputs, file.live->spec_inputs_json);
}

void Assembler::AddEventsFolder() {
  for (auto path = std::lower_bound(paths_.begin(), paths_.end(), kEventsFolder);
       path != paths_.end() && path->starts_with(kEventsFolder); ++path) {
    if (*path == ci_path_ || !IsDirectlyIn(kEventsFolder, *path) || !HasYamlExtension(*path)) {
      continue;
    }
    const CommitFile file = Get(*path, FileRole::kHeaderOnly);
    if (subscribed_as_included_.count(*path) > 0) {
      AddIssue(
          kSubscribedAsIncluded, *path, {1, 1},
          fmt::format("`{}` includes this file, which is subscribed with that include's inputs "
                      "and not on its own",
                      ci_path_));
    } else if (file.live != nullptr) {
      std::vector<matcher::Entry> entries = Permitted(*path, file.live->entries);
      DropUnusableEntries(*path, {}, file.live->spec_inputs_json, &entries);
      AddDraft(*path, std::move(entries), {}, file.live->spec_inputs_json);
    }
  }
}

void Assembler::Finish() {
  for (auto& [key, draft] : drafts_) {
    if (assembly_.drafts.size() < static_cast<size_t>(kSubscriptionsPerProjectMax)) {
      assembly_.drafts.push_back(std::move(draft));
      continue;
    }
    AddIssue(kTooManySubscriptions, key.first, {1, 1},
             fmt::format("the project has more than {} subscriptions; this one is not applied",
                         kSubscriptionsPerProjectMax),
             "put entries that start the same pipeline into one file");
  }
  const auto place = [](const Issue& issue) {
    return std::tie(issue.file, issue.line, issue.column);
  };
  std::stable_sort(assembly_.issues.begin(), assembly_.issues.end(),
                   [&](const Issue& a, const Issue& b) { return place(a) < place(b); });
  // An entry of a file that is included several times may be wrong in each of them.
  const auto same = std::unique(assembly_.issues.begin(), assembly_.issues.end(),
                                [&](const Issue& a, const Issue& b) {
                                  return place(a) == place(b) && a.code == b.code &&
                                         a.code == kBadInput.text && a.message == b.message;
                                });
  assembly_.issues.erase(same, assembly_.issues.end());
  assembly_.needs_content.assign(needs_content_.begin(), needs_content_.end());
  assembly_.paths_of_interest.assign(interest_.begin(), interest_.end());
}

Assembly Assembler::Run() {
  ReadManifest();
  WarnOfMisspelledPaths();
  AddCiFile();
  AddEventsFolder();
  Finish();
  return std::move(assembly_);
}

}  // namespace

std::optional<FileRole> RoleByPath(std::string_view path, std::string_view ci_config_path) {
  if (path == (ci_config_path.empty() ? kDefaultCiConfigPath : ci_config_path)) {
    return FileRole::kCiFile;
  }
  if (path == kEventListPath) return FileRole::kEventList;
  if (IsDirectlyIn(kEventsFolder, path) && HasYamlExtension(path)) return FileRole::kHeaderOnly;
  return std::nullopt;
}

Assembly Assemble(const AssembleRequest& request) { return Assembler(request).Run(); }

}  // namespace cievents::ci_yaml
