#include "services/lib/ci_yaml/assemble.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "services/lib/ci_yaml/closure.h"
#include "services/lib/ci_yaml/commit_view.h"
#include "services/lib/ci_yaml/hoisting.h"
#include "services/lib/ci_yaml/inputs.h"
#include "services/lib/ci_yaml/issue_codes.h"
#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/ci_yaml/text_checks.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {
namespace {

bool HasYamlExtension(std::string_view path) {
  return path.ends_with(".yml") || path.ends_with(".yaml");
}

bool IsDirectlyIn(std::string_view folder, std::string_view path) {
  return path.starts_with(folder) && path.find('/', folder.size()) == std::string_view::npos;
}

// As the parser counts them: names of entries and `events` of their rules.
size_t PatternCount(const matcher::Entry& entry) {
  size_t count = entry.patterns.size();
  if (!entry.rules.has_value()) return count;
  for (const matcher::RuleClause& clause : *entry.rules) count += clause.events.size();
  return count;
}

size_t PatternCount(const std::vector<matcher::Entry>& entries) {
  size_t count = 0;
  for (const matcher::Entry& entry : entries) count += PatternCount(entry);
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
  explicit Assembler(const AssembleRequest& request) : request_(request), commit_(request) {}

  Assembly Run();

 private:
  using Key = std::pair<std::string, std::string>;  // path, inputs digest

  void WarnOfMisspelledPaths();
  void AddCiFile(const CommitFile& ci_file, const Closure& closure);
  // The entries that `.gitlab-ci-event.yml` adds to those of the CI file.
  void AddEventList(std::string_view spec_inputs_json, std::vector<matcher::Entry>* entries);
  // The entries and rules that stand in `workflow` and in jobs.
  Hoisted HoistRules(const CommitFile& ci_file, const Closure& closure);
  void AddIncludedFile(const ClosureFile& included);
  void AddEventsFolder(const Closure& closure);
  void WarnOfUnusedFiles(const Closure& closure);
  std::vector<matcher::Entry> Permitted(const std::string& file,
                                        const std::vector<matcher::Entry>& entries);
  bool IsPermitted(const std::string& file, const matcher::Entry& entry);
  void DropSurplusPatterns(const std::string& file, size_t already_there,
                           std::vector<matcher::Entry>* entries);
  // Drops the entries of `file` that can never make a request, with an error each.
  void DropUnusableEntries(const std::string& file,
                           const std::vector<matcher::InputBinding>& include_inputs,
                           std::string_view spec_inputs_json, std::vector<matcher::Entry>* entries);
  bool InputsFit(const ClosureFile& included);
  void WarnOfEventInputs(const std::string& file, const std::vector<matcher::Entry>& entries,
                         std::string_view spec_inputs_json);
  void AddDraft(SubscriptionDraft draft);
  void Finish();

  const AssembleRequest& request_;
  CommitView commit_;
  Assembly assembly_;
  std::map<std::string, std::vector<matcher::Entry>> permitted_;  // by file
  std::map<Key, SubscriptionDraft> drafts_;
  matcher::EventPathTable paths_of_inputs_;
};

void Assembler::WarnOfMisspelledPaths() {
  for (const std::string& path : commit_.paths()) {
    const std::string right = RightSpelling(path);
    if (right.empty() || path == commit_.ci_path()) continue;
    commit_.AddInterest(path);
    commit_.AddIssue(kMisspelledPath, path, {1, 1},
                     "this path has no meaning: the file subscribes nothing",
                     fmt::format("rename it to `{}`", right));
  }
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
    commit_.AddIssue(
        kScopeNotAllowed, file, entry.position,
        fmt::format("whoever pushed may not subscribe to the events of this scope: {}", refused),
        "have somebody push who may, or remove `scope`");
    return false;
  }
  if (entry.confidential && !allowed.confidential) {
    commit_.AddIssue(kConfidentialNotAllowed, file, entry.position,
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
void Assembler::DropSurplusPatterns(const std::string& file, size_t already_there,
                                    std::vector<matcher::Entry>* entries) {
  const auto patterns_max = static_cast<size_t>(kPatternsPerSubscriptionMax);
  size_t count = already_there;
  for (size_t i = 0; i < entries->size(); ++i) {
    const size_t before = count;
    count += PatternCount((*entries)[i]);
    if (count <= patterns_max) continue;
    commit_.AddIssue(
        kTooManyPatterns, file, (*entries)[i].position,
        fmt::format("more than {} patterns start the pipeline of `{}`; the surplus of this "
                    "entry, and those after it, are not applied",
                    kPatternsPerSubscriptionMax, commit_.ci_path()),
        "use `*` or `**`, or move entries into files of `.gitlab/ci/events/`");
    // The entry of hoisted rules has all of their patterns; others are whole, or not there.
    const bool is_cut = !(*entries)[i].rules.has_value() && before < patterns_max;
    if (is_cut) {
      std::vector<matcher::Pattern>& patterns = (*entries)[i].patterns;
      patterns.erase(patterns.begin() + static_cast<std::ptrdiff_t>(patterns_max - before),
                     patterns.end());
    }
    entries->resize(is_cut ? i + 1 : i);
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
    commit_.AddIssue(kBadInput, file, entry.position, std::move(problem),
                     "the entry is not applied: give it `inputs`, or give the input a `default`");
    return true;
  });
}

// Of inputs that one file gives and another declares: the parser sees neither together.
void Assembler::WarnOfEventInputs(const std::string& file,
                                  const std::vector<matcher::Entry>& entries,
                                  std::string_view spec_inputs_json) {
  IssueSink sink(file);
  CheckEventInputs(entries, spec_inputs_json, &sink);
  commit_.AddIssues(sink.Take());
}

bool Assembler::InputsFit(const ClosureFile& included) {
  const std::vector<InputProblem> problems =
      CheckInputs(included.inputs, included.file.live->spec_inputs_json, paths_of_inputs_);
  for (const InputProblem& problem : problems) {
    commit_.AddIssue(kBadInput, included.included_from, problem.position, problem.message,
                     fmt::format("see `spec: inputs` of `{}`", yaml::Shorten(included.path)));
  }
  return problems.empty();
}

void Assembler::AddDraft(SubscriptionDraft draft) {
  if (draft.entries.empty()) return;
  draft.inputs_digest = InputsDigest(draft.include_inputs);
  draft.workflow_id = WorkflowId(draft.entries, draft.hoisted_rules, draft.spec_inputs_json);
  const Key key{draft.path, draft.inputs_digest};
  drafts_.try_emplace(key, std::move(draft));
}

Hoisted Assembler::HoistRules(const CommitFile& ci_file, const Closure& closure) {
  if (ci_file.live == nullptr) return {};
  HoistRequest request;
  request.bodies = closure.Bodies();
  request.all_includes_are_merged = closure.all_includes_are_merged();
  return Hoist(request, *request_.catalogue);
}

void Assembler::AddEventList(std::string_view spec_inputs_json,
                             std::vector<matcher::Entry>* entries) {
  const std::string path(kEventListPath);
  if (commit_.ci_path() == path) return;
  const CommitFile list = commit_.Get(path, FileRole::kEventList);
  if (list.live == nullptr || list.live->entries.empty()) return;
  if (!commit_.Exists(commit_.ci_path())) {
    commit_.AddIssue(kCiFileMissing, path, list.live->entries[0].position,
                     fmt::format("the events start the pipeline of `{}`, which does not exist",
                                 commit_.ci_path()),
                     "add it, or subscribe with a file of `.gitlab/ci/events/`");
    return;
  }
  std::vector<matcher::Entry> listed = Permitted(path, list.live->entries);
  DropUnusableEntries(path, {}, spec_inputs_json, &listed);
  // Places in a version that is not this commit's would mislead.
  if (list.parsed == list.live) WarnOfEventInputs(path, listed, spec_inputs_json);
  DropSurplusPatterns(path, PatternCount(*entries), &listed);
  entries->insert(entries->end(), listed.begin(), listed.end());
}

void Assembler::AddCiFile(const CommitFile& ci_file, const Closure& closure) {
  const std::string& path = commit_.ci_path();
  SubscriptionDraft draft;
  draft.path = path;
  if (ci_file.live != nullptr) {
    draft.spec_inputs_json = ci_file.live->spec_inputs_json;
    draft.entries = Permitted(path, ci_file.live->entries);
    DropUnusableEntries(path, {}, draft.spec_inputs_json, &draft.entries);
  }
  Hoisted hoisted = HoistRules(ci_file, closure);
  DropUnusableEntries(path, {}, draft.spec_inputs_json, &hoisted.entries);
  DropSurplusPatterns(path, PatternCount(draft.entries), &hoisted.entries);
  draft.entries.insert(draft.entries.end(), hoisted.entries.begin(), hoisted.entries.end());
  AddEventList(draft.spec_inputs_json, &draft.entries);
  // What is left to pipeline creation is of no interest where no event starts the pipeline, and
  // places in a version that is not this commit's would mislead.
  const bool subscribes = !draft.entries.empty();
  std::erase_if(hoisted.issues, [&](const Issue& issue) {
    return (!subscribes && issue.severity == Severity::kInfo) || !closure.IsCurrent(issue.file);
  });
  commit_.AddIssues(std::move(hoisted.issues));
  draft.hoisted_rules = std::move(hoisted.rules);
  AddDraft(std::move(draft));
}

void Assembler::AddIncludedFile(const ClosureFile& included) {
  const ParsedFile& live = *included.file.live;
  if (!InputsFit(included)) return;
  matcher::Entry given;
  given.inputs = included.inputs;
  WarnOfEventInputs(included.included_from, {given}, included.file.live->spec_inputs_json);
  SubscriptionDraft draft;
  draft.path = included.path;
  draft.include_inputs = included.inputs;
  draft.spec_inputs_json = live.spec_inputs_json;
  draft.entries = Permitted(included.path, live.entries);
  DropUnusableEntries(included.path, included.inputs, live.spec_inputs_json, &draft.entries);
  AddDraft(std::move(draft));
}

void Assembler::AddEventsFolder(const Closure& closure) {
  const std::vector<std::string>& paths = commit_.paths();
  for (auto path = std::lower_bound(paths.begin(), paths.end(), kEventsFolder);
       path != paths.end() && path->starts_with(kEventsFolder); ++path) {
    if (*path == commit_.ci_path() || !IsDirectlyIn(kEventsFolder, *path)) continue;
    if (!HasYamlExtension(*path)) continue;
    if (closure.Contains(*path)) {
      commit_.AddIssue(kSubscribedAsIncluded, *path, {1, 1},
                       fmt::format("an include of `{}` reaches this file: it counts with that "
                                   "include's inputs, and not on its own",
                                   commit_.ci_path()));
      continue;
    }
    const CommitFile file = commit_.Get(*path, FileRole::kHeaderOnly);
    if (file.live == nullptr) continue;
    SubscriptionDraft draft;
    draft.path = *path;
    draft.spec_inputs_json = file.live->spec_inputs_json;
    draft.entries = Permitted(*path, file.live->entries);
    DropUnusableEntries(*path, {}, file.live->spec_inputs_json, &draft.entries);
    AddDraft(std::move(draft));
  }
}

void Assembler::WarnOfUnusedFiles(const Closure& closure) {
  for (const std::string& path : commit_.paths()) {
    if (RoleByPath(path, commit_.ci_path()).has_value() || closure.Contains(path)) continue;
    if (!RightSpelling(path).empty()) continue;  // was said already
    CommitFile file;
    if (request_.lookup(path, FileRole::kHeaderOnly, &file) != FilePresence::kGiven) continue;
    if (file.parsed == nullptr || !file.parsed->has_spec_events) continue;
    commit_.AddIssue(kNotIncluded, path, {1, 1},
                     "the file has `spec: events`, and nothing includes it: it subscribes nothing",
                     fmt::format("include it from `{}`, or move it into `{}`", commit_.ci_path(),
                                 kEventsFolder));
  }
}

void Assembler::Finish() {
  for (auto& [key, draft] : drafts_) {
    if (assembly_.drafts.size() < static_cast<size_t>(kSubscriptionsPerProjectMax)) {
      assembly_.drafts.push_back(std::move(draft));
      continue;
    }
    commit_.AddIssue(kTooManySubscriptions, key.first, {1, 1},
                     fmt::format("the project has more than {} subscriptions; this one is not "
                                 "applied",
                                 kSubscriptionsPerProjectMax),
                     "put entries that start the same pipeline into one file");
  }
  commit_.Finish(&assembly_);
}

Assembly Assembler::Run() {
  WarnOfMisspelledPaths();
  const CommitFile ci_file = commit_.Get(commit_.ci_path(), FileRole::kCiFile);
  const Closure closure(&commit_, ci_file);
  AddCiFile(ci_file, closure);
  for (size_t i = 1; i < closure.files().size(); ++i) {
    if (closure.files()[i].is_leaf()) AddIncludedFile(closure.files()[i]);
  }
  AddEventsFolder(closure);
  if (request_.unused_files == UnusedFiles::kReport) WarnOfUnusedFiles(closure);
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
