// `cievents push --from-dir`: many checkouts, several at a time. What has not changed since its
// last push is answered from one statement, so a run that was broken off is simply started again.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <thread>

#include "matcher/base/mutex.h"
#include "matcher/base/status.h"
#include "services/cli/checkout.h"
#include "services/cli/commands.h"
#include "services/cli/print.h"
#include "services/cli/progress.h"
#include "services/cli/project_list.h"
#include "services/cli/push_request.h"
#include "services/cli/terminal.h"
#include "services/lib/base/json_writer.h"

namespace cievents::cli {
namespace {

namespace wire = cievents::config::v1;

absl::StatusOr<wire::PushConfigResponse> PushOne(client::Client& client,
                                                 const PushOptions& project) {
  CIEVENTS_ASSIGN_OR_RETURN(wire::PushConfigRequest request, MakePushRequest(project));
  CIEVENTS_ASSIGN_OR_RETURN(const std::vector<CheckoutFile> files, ListYamlFiles(project.dir));
  request.set_commit_sha(project.commit.empty() ? DigestOfFiles(files) : project.commit);
  // The same commit again differs in no path. If it is not the stored one, the manifest is asked
  // for.
  const auto manifest = [&files]() -> absl::StatusOr<std::vector<wire::ManifestEntry>> {
    return MakeManifest(files);
  };
  if (project.force || project.dry_run) {
    for (wire::ManifestEntry& entry : MakeManifest(files)) {
      *request.add_manifest() = std::move(entry);
    }
    request.set_has_manifest(true);
  } else {
    request.set_previous_commit_sha(request.commit_sha());
  }
  return client.PushConfig(std::move(request), {[&project](const std::string& path) {
                                                  return ReadCheckoutFile(project.dir, path);
                                                },
                                                manifest});
}

std::string OutcomeToJson(const PushOptions& project,
                          const absl::StatusOr<wire::PushConfigResponse>& response) {
  JsonWriter json;
  json.BeginObject();
  json.Key("dir");
  json.String(project.dir);
  json.Key("project_id");
  json.Int(project.project_id);
  if (response.ok()) {
    json.Key("push");
    json.Raw(PushToJson(*response));
  } else {
    json.Key("error");
    json.String(std::string(response.status().message()));
  }
  json.EndObject();
  return json.Take();
}

// Pushes the projects, `jobs` at a time, and counts what became of them.
class BulkPush {
 public:
  BulkPush(const PushOptions& options, client::Client& client, std::vector<PushOptions> projects)
      : options_(options),
        client_(client),
        projects_(std::move(projects)),
        progress_(Progress::KindOfStderr(), projects_.size()) {}

  int Run() {
    std::vector<std::thread> workers;
    const size_t count = std::min(projects_.size(), static_cast<size_t>(options_.jobs));
    for (size_t i = 0; i < count; ++i) workers.emplace_back([this] { Work(); });
    for (std::thread& worker : workers) worker.join();
    return Summarise();
  }

 private:
  void Work() {
    while (!is_out_of_reach_) {
      const size_t i = next_.fetch_add(1);
      if (i >= projects_.size()) return;
      Enter(projects_[i], PushOne(client_, projects_[i]));
    }
  }

  void Enter(const PushOptions& project, const absl::StatusOr<wire::PushConfigResponse>& response) {
    MutexLock lock(mutex_);
    const bool failed = !response.ok() || ExitCodeOf(*response) != kExitOk;
    if (!response.ok() && (response.status().code() == absl::StatusCode::kUnavailable ||
                           response.status().code() == absl::StatusCode::kDeadlineExceeded)) {
      // It was tried for the whole --timeout: the others would fare no better.
      is_out_of_reach_ = true;
    }
    failed_ += failed ? 1 : 0;
    ++results_[response.ok() ? ResultName(response->result()) : "failed"];
    if (options_.client.json) std::printf("%s\n", OutcomeToJson(project, response).c_str());
    progress_.Advance(failed ? Progress::Outcome::kFailed : Progress::Outcome::kFine);
    if (failed) SayWhy(project, response);
  }

  void SayWhy(const PushOptions& project, const absl::StatusOr<wire::PushConfigResponse>& response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const std::string who =
        fmt::format("{} (project {})", Printable(project.dir), project.project_id);
    if (!response.ok()) {
      progress_.Say(fmt::format("{}: {}", who, std::string(response.status().message())));
      return;
    }
    for (const wire::Issue& issue : response->issues()) {
      if (issue.severity() != wire::SEVERITY_ERROR) continue;
      progress_.Say(Printable(fmt::format("{}: {}:{}:{}: {} [{}]", who, issue.file(), issue.line(),
                                          issue.column(), issue.message(), issue.code())));
    }
  }

  int Summarise() {
    MutexLock lock(mutex_);
    size_t pushed = 0;
    std::string counts;
    for (const auto& [name, count] : results_) {
      pushed += count;
      counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count, name);
    }
    const size_t left = projects_.size() - pushed;
    if (left > 0) counts += fmt::format(", {} not tried: run the command again", left);
    std::fprintf(options_.client.json ? stderr : stdout, "%zu projects: %s\n", projects_.size(),
                 counts.empty() ? "none" : counts.c_str());
    if (is_out_of_reach_) return kExitUnreachable;
    return failed_ > 0 ? kExitFindings : kExitOk;
  }

  const PushOptions& options_;
  client::Client& client_;
  const std::vector<PushOptions> projects_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> is_out_of_reach_ = false;

  Mutex mutex_;
  Progress progress_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, size_t> results_ ABSL_GUARDED_BY(mutex_);
  size_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

int RunBulkPush(const PushOptions& options) {
  if (options.project_id != 0 || options.sequence != 0 || !options.commit.empty()) {
    return Fail(absl::InvalidArgumentError(
        "--from-dir: --project-id, --sequence and --commit are of one project; put them into the "
        "list of projects"));
  }
  absl::StatusOr<std::vector<PushOptions>> projects = FindProjects(options);
  if (!projects.ok()) return Fail(projects.status());
  const auto client = MakeClient(options.client);
  if (!client.ok()) return Fail(client.status());
  return BulkPush(options, **client, *std::move(projects)).Run();
}

}  // namespace cievents::cli
