#include "services/lib/ci_yaml/commit_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "services/lib/base/nearest.h"

namespace cievents::ci_yaml {
namespace {

// Suggestions cost a comparison with every path of the commit.
constexpr int kSuggestedPathsMax = 3;

// Paths that are compared with wildcards and globs in one assembly: a hundred of the worst ones.
constexpr int64_t kComparisonsMax = 100 * kManifestFilesMax;

}  // namespace

CommitView::CommitView(const AssembleRequest& request)
    : request_(request),
      paths_(request.manifest_paths),
      comparisons_left_(kComparisonsMax),
      suggestions_left_(kSuggestedPathsMax) {
  if (!request.ci_config_path.empty()) ci_path_ = request.ci_config_path;
  std::sort(paths_.begin(), paths_.end());
  paths_.erase(std::unique(paths_.begin(), paths_.end()), paths_.end());
  if (paths_.size() <= static_cast<size_t>(kManifestFilesMax)) return;
  is_truncated_ = true;
  AddIssue(kTooManyFiles, paths_[kManifestFilesMax], {},
           fmt::format("the commit has {} YAML files; of more than {} the last in path order are "
                       "not looked at, from this one on",
                       paths_.size(), kManifestFilesMax),
           "move YAML that is no CI configuration to other projects");
  paths_.resize(kManifestFilesMax);
}

bool CommitView::Exists(std::string_view path) const {
  return std::binary_search(paths_.begin(), paths_.end(), path);
}

CommitFile CommitView::Get(const std::string& path, FileRole role) {
  AddInterest(path);
  CommitFile file;
  if (!Exists(path)) return file;
  switch (request_.lookup(path, role, &file)) {
    case FilePresence::kAbsent:
      return {};
    case FilePresence::kUnknown:
      needs_content_.insert(path);
      return {nullptr, file.live};
    case FilePresence::kGiven:
      break;
  }
  if (file.parsed != nullptr && with_issues_.insert(path).second) {
    for (Issue issue : file.parsed->issues) {
      issue.file = path;  // the cache is by content, and the same content may stand elsewhere
      issues_.push_back(std::move(issue));
    }
  }
  return file;
}

template <typename Visit>
void CommitView::VisitMatches(const PathGlob& glob, Visit visit) {
  const std::string& prefix = glob.literal_prefix();
  auto path = std::lower_bound(paths_.begin(), paths_.end(), prefix);
  for (; path != paths_.end() && path->starts_with(prefix); ++path) {
    if (comparisons_left_-- <= 0) return;
    if (glob.Matches(*path) && !visit(*path)) return;
  }
}

std::vector<std::string> CommitView::FilesOf(const std::string& wildcard) {
  const auto [known, is_new] = wildcards_.try_emplace(wildcard);
  std::vector<std::string>& files = known->second;
  if (!is_new) return files;
  const PathGlob glob = PathGlob::OfInclude(wildcard);
  AddPrefixInterest(glob.literal_prefix());
  VisitMatches(glob, [&](const std::string& path) {
    files.push_back(path);
    return true;
  });
  return files;
}

Truth CommitView::IsThere(std::string_view text) {
  if (const auto known = globs_.find(text); known != globs_.end()) return known->second;
  const PathGlob glob = PathGlob::OfExists(text);
  if (glob.is_literal()) {
    AddInterest(text);
  } else {
    AddPrefixInterest(glob.literal_prefix());
  }
  bool is_there = false;
  VisitMatches(glob, [&](const std::string&) {
    is_there = true;
    return false;
  });
  const bool all_are_known =
      glob.is_valid() && glob.is_yaml_only() && !is_truncated_ && !is_exhausted();
  const Truth truth = is_there ? Truth::kTrue : all_are_known ? Truth::kFalse : Truth::kUnknown;
  globs_.emplace(text, truth);
  return truth;
}

std::string CommitView::NearestPath(const std::string& path) {
  if (suggestions_left_-- <= 0) return "";
  const std::vector<std::string> nearest = NearestTexts(path, paths_, 1);
  return nearest.empty() ? "" : nearest[0];
}

void CommitView::AddIssue(const IssueCode& code, const std::string& file,
                          matcher::Position position, std::string message, std::string suggestion) {
  issues_.push_back({code.severity, std::string(code.text), file, position.line, position.column,
                     std::move(message), std::move(suggestion)});
}

void CommitView::AddIssues(std::vector<Issue> issues) {
  issues_.insert(issues_.end(), std::make_move_iterator(issues.begin()),
                 std::make_move_iterator(issues.end()));
}

void CommitView::Finish(Assembly* assembly) {
  const auto place = [](const Issue& issue) {
    return std::tie(issue.file, issue.line, issue.column);
  };
  std::stable_sort(issues_.begin(), issues_.end(),
                   [&](const Issue& a, const Issue& b) { return place(a) < place(b); });
  // What is wrong in a file that is included several times may be wrong in each of them.
  const auto same =
      std::unique(issues_.begin(), issues_.end(), [&](const Issue& a, const Issue& b) {
        return place(a) == place(b) && a.code == b.code && a.message == b.message &&
               a.code != kTooManySubscriptions.text;  // there is one a subscription
      });
  issues_.erase(same, issues_.end());
  assembly->issues = std::move(issues_);
  assembly->needs_content.assign(needs_content_.begin(), needs_content_.end());
  assembly->paths_of_interest.assign(interest_.begin(), interest_.end());
}

}  // namespace cievents::ci_yaml
