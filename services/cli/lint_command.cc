// `cievents lint`: what a push would say, without a server. Same code path: ParseFile and Assemble.
// With --target=stock-gitlab also what today's GitLab would refuse.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <tuple>

#include "matcher/base/status.h"
#include "matcher/base/string_map.h"
#include "services/cli/checkout.h"
#include "services/cli/commands.h"
#include "services/cli/print.h"
#include "services/cli/terminal.h"
#include "services/lib/ci_yaml/assemble.h"
#include "services/lib/ci_yaml/stock_gitlab.h"

namespace cievents::cli {
namespace {

namespace fs = std::filesystem;

// All permissions: who pushes is not known here.
ci_yaml::Permissions Everything() {
  ci_yaml::Permissions permissions;
  permissions.group = true;
  permissions.instance = true;
  permissions.confidential = true;
  return permissions;
}

// A file is looked at in one role, or in two if it is an event list that is included.
using ParsedFiles = StringMap<std::unique_ptr<ci_yaml::ParsedFile>>;

void SortByPlace(std::vector<Issue>* issues) {
  std::stable_sort(issues->begin(), issues->end(), [](const Issue& a, const Issue& b) {
    return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
  });
}

absl::StatusOr<ci_yaml::Assembly> AssembleCheckout(const LintOptions& options,
                                                   const std::vector<CheckoutFile>& files,
                                                   const Catalogue& catalogue) {
  ParsedFiles parsed;
  std::vector<Issue> refused;  // by today's GitLab
  absl::Status failed;
  ci_yaml::AssembleRequest request;
  request.permissions = Everything();
  request.catalogue = &catalogue;
  request.unused_files = ci_yaml::UnusedFiles::kReport;
  for (const CheckoutFile& file : files) request.manifest_paths.push_back(file.path);
  request.lookup = [&](std::string_view path, ci_yaml::FileRole role, ci_yaml::CommitFile* file) {
    const std::string key = fmt::format("{}:{}", static_cast<int>(role), path);
    auto it = parsed.find(key);
    if (it == parsed.end()) {
      const auto content = ReadCheckoutFile(options.project_dir, std::string(path));
      if (!content.ok()) {
        failed = content.status();
        return ci_yaml::FilePresence::kAbsent;
      }
      if (options.target == "stock-gitlab") {
        for (Issue& issue : ci_yaml::CheckForStockGitlab(role, path, *content)) {
          refused.push_back(std::move(issue));
        }
      }
      it = parsed
               .emplace(key, std::make_unique<ci_yaml::ParsedFile>(
                                 ci_yaml::ParseFile(role, path, *content, catalogue)))
               .first;
    }
    file->parsed = it->second.get();
    file->live = HasErrors(file->parsed->issues) ? nullptr : file->parsed;
    return ci_yaml::FilePresence::kGiven;
  };
  ci_yaml::Assembly assembly = ci_yaml::Assemble(request);
  if (!failed.ok()) return failed;
  assembly.issues.insert(assembly.issues.end(), refused.begin(), refused.end());
  SortByPlace(&assembly.issues);
  return assembly;
}

// Keeps what concerns the given files; a file that nothing of the project reads is read by its own.
absl::Status KeepPaths(const LintOptions& options, const Catalogue& catalogue,
                       ci_yaml::Assembly* assembly) {
  std::vector<Issue> kept;
  for (const std::string& given : options.paths) {
    const std::string path =
        fs::path(given).is_absolute()
            ? fs::path(given).lexically_relative(fs::absolute(options.project_dir)).generic_string()
            : fs::path(given).lexically_normal().generic_string();
    const auto& read = assembly->paths_of_interest;
    if (std::find(read.begin(), read.end(), path) == read.end()) {
      CIEVENTS_ASSIGN_OR_RETURN(const std::string content,
                                ReadCheckoutFile(options.project_dir, path));
      const ci_yaml::FileRole role =
          ci_yaml::RoleByPath(path, "").value_or(ci_yaml::FileRole::kHeaderOnly);
      const ci_yaml::ParsedFile file = ci_yaml::ParseFile(role, path, content, catalogue);
      kept.insert(kept.end(), file.issues.begin(), file.issues.end());
      continue;
    }
    std::copy_if(assembly->issues.begin(), assembly->issues.end(), std::back_inserter(kept),
                 [&](const Issue& issue) { return issue.file == path; });
  }
  assembly->issues = std::move(kept);
  std::erase_if(assembly->drafts, [&](const ci_yaml::SubscriptionDraft& draft) {
    return std::find(options.paths.begin(), options.paths.end(), draft.path) == options.paths.end();
  });
  return absl::OkStatus();
}

}  // namespace

int RunLint(const LintOptions& options) {
  const auto catalogue = LoadCatalogue(options.event_catalogue);
  if (!catalogue.ok()) return Fail(catalogue.status());
  const auto files = ListYamlFiles(options.project_dir);
  if (!files.ok()) return Fail(files.status());
  auto assembly = AssembleCheckout(options, *files, **catalogue);
  if (!assembly.ok()) return Fail(assembly.status());
  if (!options.paths.empty()) {
    if (const absl::Status kept = KeepPaths(options, **catalogue, &*assembly); !kept.ok()) {
      return Fail(kept);
    }
  }
  if (options.json) {
    std::printf("%s\n", LintToJson(assembly->issues, assembly->drafts.size()).c_str());
  } else {
    for (const Issue& issue : assembly->issues) {
      PrintIssue(issue);
    }
    std::printf("%zu subscriptions, %zu issues\n", assembly->drafts.size(),
                assembly->issues.size());
  }
  return HasErrors(assembly->issues) ? kExitFindings : kExitOk;
}

}  // namespace cievents::cli
