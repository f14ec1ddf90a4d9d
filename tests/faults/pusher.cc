#include "tests/faults/pusher.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "services/lib/base/sha256.h"

namespace cievents::faults {
namespace {

constexpr int kPauseMsMin = 150;
constexpr int kPauseMsMax = 700;
constexpr int kRetryPauseMsMax = 100;

// One try a call: a retry of the client's own would hide that an outcome was unknown.
client::Client::Options ClientOptions(const std::string& endpoint) {
  client::Client::Options options;
  options.endpoint = endpoint;
  options.call_timeout = absl::Seconds(5);
  options.retry_for = absl::ZeroDuration();
  return options;
}

bool OutcomeIsUnknown(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded;
}

using Key = std::pair<std::string, std::string>;  // path, inputs

}  // namespace

Pusher::Pusher(const std::string& endpoint, uint64_t seed, Ledger* ledger)
    : ledger_(ledger), random_(seed), client_(ClientOptions(endpoint)) {}

void Pusher::Wrong(const std::string& text) {
  ledger_->AddViolation(Violation::Kind::kWrong, text);
}

Pusher::Attempt Pusher::MakeAttempt(const Project& project, int64_t sequence,
                                    const Configuration& configuration) {
  Attempt attempt;
  config::v1::PushConfigRequest& request = attempt.request;
  request.set_project_id(project.project_id);
  for (const int64_t id : project.namespace_ids) request.add_namespace_ids(id);
  request.set_ref("refs/heads/main");
  request.set_default_branch("main");
  request.set_push_sequence(sequence);
  request.set_run_as_user_id(7);
  request.mutable_permissions()->set_group_scope(true);
  request.mutable_permissions()->set_instance_scope(true);
  request.mutable_permissions()->set_allow_confidential(true);
  request.set_has_manifest(true);
  std::string all;
  for (const TextFile& file : configuration.files) {
    config::v1::ManifestEntry* entry = request.add_manifest();
    entry->set_path(file.path);
    entry->set_blob_id(Sha256Hex(file.content));
    all += file.path + entry->blob_id();
    attempt.contents[file.path] = file.content;
    if (!random_.Percent(50)) continue;  // the server asks for what it lacks
    config::v1::FileContent* content = request.add_files();
    content->set_path(file.path);
    content->set_content(file.content);
  }
  request.set_commit_sha(Sha256Hex(all).substr(0, 40));
  return attempt;
}

Pusher::Result Pusher::Try(const Attempt& attempt,
                           std::vector<config::v1::Subscription>* subscriptions) {
  const auto answer = client_.PushConfig(
      attempt.request, [&attempt](const std::string& path) -> absl::StatusOr<std::string> {
        const auto content = attempt.contents.find(path);
        if (content == attempt.contents.end()) return absl::NotFoundError(path);
        return content->second;
      });
  if (!answer.ok()) {
    if (OutcomeIsUnknown(answer.status())) return Result::kUnknown;
    Wrong(fmt::format("a push to project {} fails: {}", attempt.request.project_id(),
                      answer.status().ToString()));
    return Result::kWrong;
  }
  if (answer->result() == config::v1::PUSH_RESULT_STALE) return Result::kStale;
  if (answer->result() == config::v1::PUSH_RESULT_APPLIED) {
    subscriptions->assign(answer->subscriptions().begin(), answer->subscriptions().end());
    return Result::kApplied;
  }
  Wrong(fmt::format("a push to project {} is answered {}", attempt.request.project_id(),
                    answer->ShortDebugString()));
  return Result::kWrong;
}

std::optional<std::vector<config::v1::Subscription>> Pusher::List(int64_t project_id) {
  config::v1::ListSubscriptionsRequest request;
  request.set_project_id(project_id);
  const auto answer = client_.ListSubscriptions(request);
  if (answer.ok()) {
    return std::vector<config::v1::Subscription>(answer->subscriptions().begin(),
                                                 answer->subscriptions().end());
  }
  if (!OutcomeIsUnknown(answer.status())) {
    Wrong(fmt::format("listing project {} fails: {}", project_id, answer.status().ToString()));
  }
  return std::nullopt;
}

std::optional<TimePoint> Pusher::Push(const Project& project, const Configuration& configuration,
                                      TimePoint give_up) {
  int64_t& last = sequences_[project.project_id];
  last += random_.Between(1, 3);
  const Attempt attempt = MakeAttempt(project, last, configuration);
  const TimePoint sent = Clock::now();
  bool unknown_before = false;
  while (Clock::now() < give_up) {
    std::vector<config::v1::Subscription> subscriptions;
    Result result = Try(attempt, &subscriptions);
    const TimePoint answered = Clock::now();
    if (result == Result::kWrong) return std::nullopt;
    if (result == Result::kStale) {
      if (!unknown_before) {
        Wrong(fmt::format("the first push of sequence {} to project {} is stale", last,
                          project.project_id));
        return std::nullopt;
      }
      const auto listed = List(project.project_id);
      if (!listed.has_value()) continue;
      subscriptions = *listed;
      result = Result::kApplied;
    }
    if (result == Result::kApplied) {
      ++pushes_;
      if (!Enter(project, last, sent, answered, configuration, subscriptions)) return std::nullopt;
      if (random_.Percent(20)) old_ = attempt;
      return answered;
    }
    unknown_before = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(random_.Between(10, kRetryPauseMsMax)));
  }
  Wrong(fmt::format("the push of sequence {} to project {} was never answered", last,
                    project.project_id));
  return std::nullopt;
}

bool Pusher::Enter(const Project& project, int64_t sequence, TimePoint sent, TimePoint answered,
                   const Configuration& configuration,
                   const std::vector<config::v1::Subscription>& subscriptions) {
  std::map<Key, int64_t> ids;
  for (const config::v1::Subscription& subscription : subscriptions) {
    ids[{subscription.path(), subscription.inputs_json()}] = subscription.subscription_id();
  }
  AppliedPush push{project.project_id, sequence, sent, answered, {}, {}};
  for (const ExpectedSubscription& expected : configuration.subscriptions) {
    const auto id = ids.find({expected.path, expected.inputs_json});
    if (id == ids.end()) break;
    oracle::NaiveSubscription subscription;
    subscription.subscription_id = id->second;
    subscription.project_id = project.project_id;
    subscription.namespace_ids = project.namespace_ids;
    subscription.entries = expected.entries;
    push.subscriptions.push_back(std::move(subscription));
    push.paths.push_back(expected.path);
  }
  const bool as_expected = push.subscriptions.size() == configuration.subscriptions.size() &&
                           subscriptions.size() == configuration.subscriptions.size();
  if (!as_expected) {
    std::string text = fmt::format("push {} of project {} leads to", sequence, project.project_id);
    for (const auto& [key, id] : ids) text += fmt::format(" {}{}", key.first, key.second);
    text += ", expected";
    for (const ExpectedSubscription& expected : configuration.subscriptions) {
      text += fmt::format(" {}{}", expected.path, expected.inputs_json);
    }
    Wrong(text);
  }
  ledger_->AddPush(std::move(push));
  return as_expected;
}

void Pusher::PushOldAgain() {
  if (!old_.has_value()) return;
  std::vector<config::v1::Subscription> ignored;
  const Result result = Try(*old_, &ignored);
  if (result == Result::kUnknown) return;  // once more later
  if (result == Result::kApplied) {
    Wrong(fmt::format("push {} of project {} is applied twice", old_->request.push_sequence(),
                      old_->request.project_id()));
  }
  old_.reset();
}

void Pusher::Run(const std::vector<Project>& projects, const LoadControl& control,
                 std::chrono::seconds grace) {
  while (!control.stopping) {
    if (control.paused) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      continue;
    }
    const Project& project = random_.Of(projects);
    const Configuration configuration = RandomConfiguration(project.kind, random_);
    if (!Push(project, configuration, Clock::now() + grace).has_value()) return;
    if (random_.Percent(10)) PushOldAgain();
    std::this_thread::sleep_for(
        std::chrono::milliseconds(random_.Between(kPauseMsMin, kPauseMsMax)));
  }
}

}  // namespace cievents::faults
