#include "services/lib/ci_yaml/closure.h"

#include <fmt/format.h>

#include <algorithm>

#include "services/lib/base/sha256.h"
#include "services/lib/ci_yaml/includes.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {
namespace {

// A wildcard may find thousands of files too many.
constexpr int kSurplusReportedMax = 20;

bool HasYamlExtension(std::string_view path) {
  return path.ends_with(".yml") || path.ends_with(".yaml");
}

bool MentionsInputs(const LocalInclude& include) {
  if (include.path.find("$[[") != std::string::npos) return true;
  for (const matcher::InputBinding& input : include.inputs) {
    if (input.value_json.find("inputs.") != std::string::npos) return true;
  }
  return include.rules.has_value() &&
         std::any_of(include.rules->begin(), include.rules->end(), [](const IncludeRule& rule) {
           return rule.if_text.has_value() && rule.if_text->find("inputs.") != std::string::npos;
         });
}

// Those of `files` that are reached from `index`, what includes before what is included, the last
// include first: the reverse of the order in which GitLab merges. Where a file would be merged
// several times, the last one decides.
void CollectReversed(const std::vector<ClosureFile>& files, size_t index, std::vector<bool>* seen,
                     std::vector<size_t>* order) {
  if ((*seen)[index]) return;
  (*seen)[index] = true;
  order->push_back(index);
  const std::vector<size_t>& includes = files[index].includes;
  for (auto include = includes.rbegin(); include != includes.rend(); ++include) {
    CollectReversed(files, *include, seen, order);
  }
}

}  // namespace

std::string InputsDigest(const std::vector<matcher::InputBinding>& inputs) {
  return Sha256Hex(InputsToJson(inputs));
}

Closure::Closure(CommitView* commit, const CommitFile& ci_file) : commit_(*commit) {
  files_.push_back({commit_.ci_path(), {}, InputsDigest({}), ci_file, "", {}, {}});
  if (ci_file.live == nullptr) {
    all_are_merged_ = false;
    return;
  }
  Visit(0, 0);
}

void Closure::AddIssue(const IssueCode& code, size_t from, const LocalInclude& include,
                       std::string message, std::string suggestion) {
  commit_.AddIssue(code, files_[from].path, include.position, std::move(message),
                   std::move(suggestion));
}

// The recursion is as deep as files include each other: kClosureDepthMax.
void Closure::Visit(size_t index, int depth) {
  const ParsedFile& live = *files_[index].file.live;
  if (live.has_unread_includes) all_are_merged_ = false;
  VariantInputs inputs(files_[index].inputs, live.spec_inputs_json);
  for (const LocalInclude& include : live.includes) {
    if (++examined_ > kIncludesExaminedMax) {
      all_are_merged_ = false;
      if (examined_ == kIncludesExaminedMax + 1) {
        AddIssue(kTooManyIncludes, index, include,
                 fmt::format("more than {} includes; this one and those after it are not looked at",
                             kIncludesExaminedMax),
                 "use wildcards, or put subscriptions into `.gitlab/ci/events/`");
      }
      return;
    }
    // A request may give the CI file other inputs than its defaults, and so other includes.
    if (index == 0 && MentionsInputs(include)) all_are_merged_ = false;
    Follow(index, include, depth + 1, &inputs);
  }
}

std::string Closure::ResolvePath(size_t from, const LocalInclude& include,
                                 const VariantInputs& inputs) {
  const absl::StatusOr<std::string> text = inputs.ResolvePath(include.path);
  if (!text.ok()) {
    const bool is_wrong = text.status().code() == absl::StatusCode::kInvalidArgument;
    AddIssue(is_wrong ? kBadInclude : kIncludeNotFollowed, from, include,
             fmt::format("the path `{}` is not followed: {}", yaml::Shorten(include.path),
                         std::string(text.status().message())),
             is_wrong ? "give the input, or give it a `default`" : "write the path out");
    return "";
  }
  const IncludePath path = ReadIncludePath(*text, PathBlocks::kResolved);
  if (path.kind == IncludePath::Kind::kLocal) return std::string(path.path);
  const bool is_wrong =
      path.kind == IncludePath::Kind::kEmpty || path.kind == IncludePath::Kind::kTooLong;
  AddIssue(is_wrong ? kBadInclude : kIncludeNotFollowed, from, include,
           fmt::format("the path `{}` is not followed: with its inputs it is {}",
                       yaml::Shorten(include.path),
                       path.kind == IncludePath::Kind::kEmpty     ? "empty"
                       : path.kind == IncludePath::Kind::kTooLong ? "too long"
                                                                  : NameOfKind(path.kind)));
  return "";
}

void Closure::Follow(size_t from, const LocalInclude& include, int depth, VariantInputs* inputs) {
  Truth is_included = Truth::kTrue;
  if (include.rules.has_value()) {
    IncludeRuleContext context;
    context.exists = [this](std::string_view glob) { return commit_.IsThere(glob); };
    context.inputs = inputs;
    context.is_static_input = [inputs](std::string_view name) { return inputs->IsStatic(name); };
    is_included = IsIncluded(*include.rules, context, &rule_budget_);
    if (is_included == Truth::kFalse) return;
  }
  if (is_included == Truth::kUnknown) {
    all_are_merged_ = false;
    AddIssue(kLeftToPipelineCreation, from, include,
             "whether the rules of this include hold is known at pipeline creation only: the file "
             "counts as included");
  }
  const std::string path = ResolvePath(from, include, *inputs);
  auto given = inputs->ResolveInputs(include.inputs);
  if (!given.ok()) {
    AddIssue(given.status().code() == absl::StatusCode::kResourceExhausted ? kIncludeInputsTooLarge
                                                                           : kBadInput,
             from, include, std::string(given.status().message()),
             "the file is not followed: write its inputs out");
  }
  if (path.empty() || !given.ok()) {
    all_are_merged_ = false;
    return;
  }
  if (path.find('*') == std::string::npos) {
    return AddTarget(from, include, is_included, path, *given, depth);
  }
  const std::vector<std::string> found = commit_.FilesOf(path);
  if (commit_.is_exhausted()) {
    all_are_merged_ = false;
    AddIssue(
        kTooManyIncludes, from, include,
        fmt::format("the wildcards of all includes fit too much: not all files that `{}` names "
                    "are looked at",
                    yaml::Shorten(path)),
        "use fewer wildcards, and longer folder names before their first `*`");
  } else if (found.empty()) {
    AddIssue(kIncludeMatchesNothing, from, include,
             fmt::format("no YAML file of this commit fits `{}`", yaml::Shorten(path)),
             "`*` is any text without a `/`, `**` any text; or remove the include");
  }
  for (const std::string& file : found) AddTarget(from, include, is_included, file, *given, depth);
}

void Closure::AddMissing(size_t from, const LocalInclude& include, const std::string& path) {
  commit_.AddInterest(path);
  const std::string nearest = commit_.NearestPath(path);
  AddIssue(kIncludeNotFound, from, include,
           fmt::format("the included file `{}` does not exist in this commit", yaml::Shorten(path)),
           nearest.empty() ? "add the file, or remove the include"
                           : fmt::format("did you mean `{}`?", nearest));
}

bool Closure::IsOverLimit(size_t from, const LocalInclude& include, const std::string& path,
                          int depth) {
  const bool is_too_deep = depth > kClosureDepthMax;
  if (!is_too_deep && files_.size() <= static_cast<size_t>(kClosureFilesMax)) return false;
  all_are_merged_ = false;
  if (++surplus_ > kSurplusReportedMax) return true;
  if (is_too_deep) {
    AddIssue(kIncludesTooDeep, from, include,
             fmt::format("`{}` is included more than {} files deep; it is not looked at",
                         yaml::Shorten(path), kClosureDepthMax),
             "include it further up");
  } else {
    AddIssue(kTooManyIncludes, from, include,
             fmt::format("more than {} included files; `{}` is not looked at", kClosureFilesMax,
                         yaml::Shorten(path)),
             "put subscriptions into `.gitlab/ci/events/`, where no include is needed");
  }
  return true;
}

void Closure::AddTarget(size_t from, const LocalInclude& include, Truth is_included,
                        const std::string& path, const std::vector<matcher::InputBinding>& inputs,
                        int depth) {
  if (!HasYamlExtension(path)) {
    all_are_merged_ = false;
    AddIssue(
        kIncludeNotYaml, from, include,
        fmt::format("the included file `{}` does not end in .yml or .yaml", yaml::Shorten(path)),
        "rename the file");
    return;
  }
  if (!commit_.Exists(path)) {
    all_are_merged_ = false;
    // An include that may be left out may name a file that is there at other times.
    if (is_included == Truth::kTrue) AddMissing(from, include, path);
    commit_.AddInterest(path);
    return;
  }
  // Its events are those of the CI file, which are in already.
  if (path == commit_.ci_path()) return;
  std::string digest = InputsDigest(inputs);
  if (const auto known = index_.find({path, digest}); known != index_.end()) {
    files_[from].includes.push_back(known->second);
    return;
  }
  if (IsOverLimit(from, include, path, depth)) return;
  const size_t index = files_.size();
  index_.emplace(std::pair(path, digest), index);
  paths_.insert(path);
  files_[from].includes.push_back(index);
  const CommitFile file = commit_.Get(path, FileRole::kIncluded);
  files_.push_back(
      {path, inputs, std::move(digest), file, files_[from].path, include.position, {}});
  if (file.live == nullptr || file.live->has_spec_events) {
    all_are_merged_ = false;
    return;
  }
  Visit(index, depth);
}

bool Closure::IsCurrent(std::string_view path) const {
  return std::all_of(files_.begin(), files_.end(), [path](const ClosureFile& file) {
    return file.path != path || CommitView::IsCurrent(file.file);
  });
}

std::vector<BodyFile> Closure::Bodies() const {
  std::vector<bool> seen(files_.size());
  std::vector<size_t> order;
  CollectReversed(files_, 0, &seen, &order);
  std::vector<BodyFile> bodies;
  std::set<std::string_view> paths;
  for (const size_t index : order) {
    const ClosureFile& file = files_[index];
    if (file.file.live == nullptr || (index > 0 && file.is_leaf())) continue;
    if (paths.insert(file.path).second) bodies.push_back({file.path, &file.file.live->body});
  }
  std::reverse(bodies.begin(), bodies.end());
  return bodies;
}

}  // namespace cievents::ci_yaml
