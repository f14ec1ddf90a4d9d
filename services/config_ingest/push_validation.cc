#include "services/config_ingest/push_validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "matcher/base/string_map.h"

namespace cievents::config_ingest {
namespace {

class Checker {
 public:
  void Require(bool holds, std::string message) {
    if (!holds)
      issues_.push_back({Severity::kError, "invalid-push", "", 0, 0, std::move(message), ""});
  }
  void RequireText(std::string_view field, std::string_view text, size_t bytes_max) {
    Require(text.size() <= bytes_max,
            fmt::format("{} has {} bytes; the limit is {}", field, text.size(), bytes_max));
    Require(text.find('\0') == std::string_view::npos,
            fmt::format("{} holds a NUL character", field));
  }
  bool full() const { return issues_.size() >= 20; }  // enough to act on
  std::vector<Issue> Take() { return std::move(issues_); }

 private:
  std::vector<Issue> issues_;
};

void CheckPath(std::string_view field, std::string_view path, Checker* check) {
  check->Require(!path.empty(), fmt::format("{}: a path is empty", field));
  check->RequireText(field, path, kPathBytesMax);
  check->Require(
      path.empty() || path.front() != '/',
      fmt::format("{}: '{}' starts with '/'; paths are relative to the repository's root", field,
                  path));
}

void CheckManifest(const Push& push, Checker* check) {
  check->Require(push.manifest.size() <= kManifestEntriesMax,
                 fmt::format("manifest has {} files; the limit is {}: send only .yml and .yaml",
                             push.manifest.size(), kManifestEntriesMax));
  if (push.manifest.size() > kManifestEntriesMax) return;
  StringSet paths;
  for (const ManifestFile& file : push.manifest) {
    if (check->full()) return;
    CheckPath("manifest", file.path, check);
    check->Require(!file.blob_id.empty() && file.blob_id.size() <= kBlobIdBytesMax,
                   fmt::format("manifest: the blob id of '{}' must have 1 to {} bytes", file.path,
                               kBlobIdBytesMax));
    check->RequireText("manifest.blob_id", file.blob_id, kBlobIdBytesMax);
    check->Require(paths.insert(file.path).second,
                   fmt::format("manifest: '{}' stands twice", file.path));
  }
  size_t bytes = 0;
  for (const auto& [path, content] : push.contents) {
    if (check->full()) return;
    bytes += content.size();
    check->Require(
        paths.contains(path),
        fmt::format("files: '{}' is not in the manifest; list it there with its blob id", path));
  }
  check->Require(
      bytes <= kContentsBytesMax,
      fmt::format("files: {} bytes together; the limit is {}", bytes, kContentsBytesMax));
}

}  // namespace

std::vector<Issue> ValidatePush(const Push& push) {
  Checker check;
  check.Require(push.project_id > 0, "project_id must be greater than 0");
  check.Require(
      !push.namespace_ids.empty() && push.namespace_ids.size() <= kNamespacesMax,
      fmt::format("namespace_ids must list the project's 1 to {} ancestor groups, root first",
                  kNamespacesMax));
  check.Require(std::all_of(push.namespace_ids.begin(), push.namespace_ids.end(),
                            [](int64_t id) { return id > 0; }),
                "namespace_ids must all be greater than 0");
  check.Require(!push.default_branch.empty(), "default_branch is missing");
  check.Require(!push.commit_sha.empty(), "commit_sha is missing");
  check.Require(push.push_sequence >= 0,
                "push_sequence must not be negative (0 = the stored one plus 1)");
  check.Require(push.push_sequence <= kPushSequenceMax,
                fmt::format("push_sequence {} is over the limit of {}", push.push_sequence,
                            kPushSequenceMax));
  check.Require(push.run_as_user_id >= 0, "run_as_user_id must not be negative");
  check.Require(push.permissions.project_ids.size() <= kPermittedProjectsMax,
                fmt::format("permissions.project_ids has {} ids; the limit is {}: give those that "
                            "the files name",
                            push.permissions.project_ids.size(), kPermittedProjectsMax));
  check.RequireText("commit_sha", push.commit_sha, kCommitShaBytesMax);
  check.RequireText("default_branch", push.default_branch, kRefBytesMax);
  check.RequireText("ref", push.ref, kRefBytesMax);
  check.RequireText("project_path", push.project_path, kPathBytesMax);
  check.RequireText("previous_commit_sha", push.previous_commit_sha, kCommitShaBytesMax);
  if (!push.ci_config_path.empty()) CheckPath("ci_config_path", push.ci_config_path, &check);
  check.Require(
      push.changed_paths.size() <= kChangedPathsMax,
      fmt::format("changed_paths has {} paths; the limit is {}: send the manifest instead",
                  push.changed_paths.size(), kChangedPathsMax));
  for (const std::string& path : push.changed_paths) {
    if (check.full()) break;
    check.RequireText("changed_paths", path, 4 * kPathBytesMax);
  }
  check.Require(push.has_manifest || (push.manifest.empty() && push.contents.empty()),
                "manifest or files are given but has_manifest is false");
  CheckManifest(push, &check);
  return check.Take();
}

}  // namespace cievents::config_ingest
