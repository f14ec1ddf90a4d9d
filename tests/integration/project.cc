#include "tests/integration/project.h"

#include <fmt/format.h>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "services/lib/base/sha256.h"
#include "tests/support/wait.h"

namespace cievents::integration {
namespace {

int64_t NextId() {
  static int64_t last = 1000;
  return ++last;
}

// Pushes a project that the matcher cannot know and waits until it does.
void AwaitNewProject() {
  const Project project;
  const auto pushed = Call(project.Request());
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  const bool seen = support::WaitUntil([&] {
    Event event = MakeEvent("custom/is-it-known");
    event.set_project_id(project.id());
    return Publish(event).reason() != events::v1::OUTCOME_REASON_UNKNOWN_PROJECT;
  });
  ASSERT_TRUE(seen) << "the matcher does not follow the feed";
}

}  // namespace

void AwaitMatcher() {
  // Changes are seen in the order of their commits, but those of one poll in any order: the second
  // project comes in a later poll than the first, and so after everything that was pushed before.
  AwaitNewProject();
  AwaitNewProject();
}

Event MakeEvent(std::string_view name) {
  Event event;
  event.set_id(fmt::format("event-{}", NextId()));
  event.set_source("integration");
  event.add_names(std::string(name));
  const int64_t now_ms = absl::ToUnixMillis(absl::Now());
  event.mutable_time()->set_seconds(now_ms / 1000);
  event.mutable_time()->set_nanos(static_cast<int32_t>(now_ms % 1000) * 1'000'000);
  event.set_data(R"({"n": 1})");
  return event;
}

EventOutcome Publish(const Event& event) {
  events::v1::PublishEventsRequest request;
  *request.add_events() = event;
  const auto response = Call(request);
  EXPECT_TRUE(response.ok()) << response.status();
  if (!response.ok() || response->outcomes_size() != 1) {
    ADD_FAILURE() << "one event must have one outcome";
    return {};
  }
  return response->outcomes(0);
}

std::vector<std::string> IssueCodes(const PushConfigResponse& response) {
  std::vector<std::string> codes;
  for (const config::v1::Issue& issue : response.issues()) {
    codes.push_back(fmt::format("{} at {}:{}", issue.code(), issue.file(), issue.line()));
  }
  return codes;
}

config::v1::Issue FindIssue(const PushConfigResponse& response, std::string_view code) {
  for (const config::v1::Issue& issue : response.issues()) {
    if (issue.code() == code) return issue;
  }
  return {};
}

std::string ResultName(const PushConfigResponse& response) {
  return config::v1::PushResult_Name(response.result());
}

Project::Project() : id_(NextId()), root_id_(NextId()) {}

PushConfigRequest Project::Request() const {
  PushConfigRequest request;
  request.set_project_id(id_);
  request.add_namespace_ids(root_id_);
  request.set_project_path(fmt::format("group/project-{}", id_));
  request.set_default_branch("main");
  request.set_commit_sha(fmt::format("c{}", NextId()));
  request.set_run_as_user_id(7);
  request.set_has_manifest(true);
  for (const auto& [path, content] : files_) {
    config::v1::ManifestEntry* entry = request.add_manifest();
    entry->set_path(path);
    entry->set_blob_id(Sha256Hex(content));
  }
  return request;
}

PushConfigResponse Project::Push(const PushConfigRequest& request) const {
  const auto response = PushWithClient(request, files_);
  EXPECT_TRUE(response.ok()) << response.status();
  if (!response.ok()) return {};
  AwaitMatcher();
  return *response;
}

Event Project::MakeEvent(std::string_view name) const {
  Event event = integration::MakeEvent(name);
  event.set_project_id(id_);
  event.add_namespace_ids(root_id_);
  return event;
}

int Project::Fires(const Event& event) const {
  const EventOutcome outcome = Publish(event);
  if (outcome.kind() != events::v1::OUTCOME_KIND_ACCEPTED) {
    ADD_FAILURE() << outcome.DebugString();
    return -1;
  }
  return outcome.matched_count();
}

std::vector<config::v1::Subscription> Project::Subscriptions() const {
  ListSubscriptionsRequest request;
  request.set_project_id(id_);
  request.set_page_size(1000);
  const auto response = Call(request);
  EXPECT_TRUE(response.ok()) << response.status();
  if (!response.ok()) return {};
  return {response->subscriptions().begin(), response->subscriptions().end()};
}

std::map<std::string, int64_t> Project::Ids() const {
  std::map<std::string, int64_t> ids;
  for (const config::v1::Subscription& subscription : Subscriptions()) {
    ids[subscription.path() + " " + subscription.inputs_json()] = subscription.subscription_id();
  }
  return ids;
}

std::vector<PipelineRequest> Project::Requests() const {
  admin::v1::ListPipelineRequestsRequest request;
  request.set_project_id(id_);
  request.set_page_size(1000);
  const auto response = Call(request);
  EXPECT_TRUE(response.ok()) << response.status();
  if (!response.ok()) return {};
  return {response->requests().begin(), response->requests().end()};
}

}  // namespace cievents::integration
