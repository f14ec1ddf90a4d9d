// The main job over the command line and over gRPC: push, emit, lease, complete.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "tests/integration/project.h"
#include "tests/support/json.h"

namespace cievents::integration {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::vector<std::string> Strings(const support::Json& list) {
  std::vector<std::string> texts;
  for (const support::Json& item : list.items()) texts.push_back(item.string());
  return texts;
}

constexpr char kWebhook[] = R"({"object_kind": "issue", "user": {"id": 5, "username": "ada"},
  "project": {"id": 1}, "object_attributes": {"iid": 3, "action": "open", "title": "T"}})";

TEST(CommandLineTest, PushEmitLeaseAndCompleteSpeakTheJsonThatScriptsRelyOn) {
  const support::DevServer& server = Server();
  const support::TempFolder folder;
  folder.Write(
      "repo/.gitlab-ci.yml",
      "include:\n  - {local: ci/on-issue.yml, inputs: {team: red}}\ntest: {script: make}\n");
  folder.Write("repo/ci/on-issue.yml", "spec: {events: [issue/*]}\n---\n");
  folder.Write("repo/.gitlab/ci/events/typo.yml", "spec: {events: [issue/opend]}\n---\n");
  const std::string webhook = folder.Write("webhook.json", kWebhook);
  const std::string project = std::to_string(Project().id());

  const support::Finished push =
      server.Cli({"push", "--json", "--project-id", project, "--namespace-ids", "901,902",
                  "--user-id", "7", "--dir", folder / "repo"});
  ASSERT_EQ(push.exit_code, 0) << push.err << push.out;
  const support::Json pushed(push.out);
  EXPECT_THAT(pushed.keys(),
              IsSupersetOf({"result", "added", "updated", "removed", "issues", "subscriptions"}));
  EXPECT_EQ(pushed["result"].string(), "applied");
  EXPECT_EQ(pushed["added"].number(), 2);
  ASSERT_THAT(pushed["issues"].items(), SizeIs(1));
  const support::Json issue = pushed["issues"].items()[0];
  EXPECT_THAT(issue.keys(), IsSupersetOf({"file", "line", "column", "severity", "code", "message",
                                          "suggestion"}));
  EXPECT_EQ(issue["severity"].string(), "warning");
  EXPECT_THAT(issue["suggestion"].string(), HasSubstr("issue/"));
  AwaitMatcher();

  const support::Finished list =
      server.Cli({"subscriptions", "list", "--json", "--project-id", project});
  ASSERT_EQ(list.exit_code, 0) << list.err;
  const std::vector<support::Json> subscriptions = support::JsonLines(list.out);
  ASSERT_THAT(subscriptions, SizeIs(2));
  for (const support::Json& subscription : subscriptions) {
    EXPECT_THAT(subscription.keys(),
                IsSupersetOf({"subscription_id", "project_id", "path", "patterns", "conditions",
                              "inputs", "workflow_id"}));
  }

  const support::Finished emit = server.Cli({"emit", "--json", "--webhook", webhook, "--project-id",
                                             project, "--namespace-ids", "901,902"});
  ASSERT_EQ(emit.exit_code, 0) << emit.err << emit.out;
  const support::Json outcome(emit.out);
  EXPECT_THAT(outcome.keys(), IsSupersetOf({"id", "outcome", "names", "matched", "ack"}));
  EXPECT_EQ(outcome["outcome"].string(), "accepted");
  EXPECT_EQ(outcome["ack"].string(), "durable");
  EXPECT_EQ(outcome["matched"].number(), 1);
  EXPECT_THAT(Strings(outcome["names"]), Contains("issue/created"));
  EXPECT_THAT(outcome["id"].string(), SizeIs(36)) << "a fresh UUID";

  const support::Finished requests =
      server.Cli({"requests", "list", "--json", "--project-id", project});
  ASSERT_EQ(requests.exit_code, 0) << requests.err;
  const std::vector<support::Json> listed = support::JsonLines(requests.out);
  ASSERT_THAT(listed, SizeIs(1));
  const support::Json& request = listed[0];
  EXPECT_THAT(request.keys(),
              IsSupersetOf({"request_id", "event_id", "event_name", "project_id", "subscription_id",
                            "path", "ref", "inputs", "state", "workflow_id"}));
  EXPECT_EQ(request["event_id"].string(), outcome["id"].string());
  EXPECT_EQ(request["path"].string(), "ci/on-issue.yml");
  EXPECT_EQ(request["inputs"].text(), R"({"team":"red"})");
  EXPECT_EQ(request["state"].string(), "ready");
  EXPECT_EQ(request["ref"].string(), "main");
  EXPECT_EQ(request["request_id"].string(), fmt::format("{}:{}", outcome["event_uid"].string(),
                                                        request["subscription_id"].number()));

  const support::Finished lease =
      server.Cli({"requests", "lease", "--json", "--max", "10000", "--complete"});
  ASSERT_EQ(lease.exit_code, 0) << lease.err;
  const support::Finished show =
      server.Cli({"requests", "show", "--json", request["request_id"].string()});
  ASSERT_EQ(show.exit_code, 0) << show.err;
  const support::Json shown(show.out);
  EXPECT_EQ(shown["state"].string(), "created");
  EXPECT_GT(shown["pipeline_id"].number(), 0);
  EXPECT_THAT(lease.out, HasSubstr(request["request_id"].string()));
}

TEST(CommandLineTest, LintSaysWhatAPushWouldSayAndWhere) {
  const support::TempFolder folder;
  folder.Write(".gitlab/ci/events/a.yml", "spec:\n  evnets: [issue/created]\n---\n");
  const support::Finished text = Server().Cli({"lint", "--project-dir", folder.path()});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.out, HasSubstr(".gitlab/ci/events/a.yml:2:3: error: "));
  const support::Finished lint = Server().Cli({"lint", "--json", "--project-dir", folder.path()});
  EXPECT_EQ(lint.exit_code, 1);
  const support::Json json(lint.out);
  EXPECT_THAT(json.keys(), IsSupersetOf({"issues", "subscriptions"}));
  ASSERT_THAT(json["issues"].items(), SizeIs(1));
  EXPECT_THAT(json["issues"].items()[0].keys(), IsSupersetOf({"file", "line", "column", "severity",
                                                              "code", "message", "suggestion"}));
}

TEST(CommandLineTest, TheReadyFileHasTheKeysThatScriptsRead) {
  const support::Json ready(Server().ready().text);
  EXPECT_THAT(ready.keys(), IsSupersetOf({"grpc", "http", "metrics", "postgres", "pid"}));
  EXPECT_THAT(ready["grpc"].string(), StartsWith("127.0.0.1:"));
  EXPECT_TRUE(ready["http"].is_null());
  EXPECT_THAT(ready["metrics"].string(), StartsWith("http://127.0.0.1:"));
  EXPECT_THAT(ready["postgres"].string(), StartsWith("postgresql://"));
  EXPECT_EQ(ready["pid"].number(), Server().process().pid());
}

TEST(CommandLineTest, ClientVerbsFindARunningDevInTheirFolder) {
  const support::TempFolder folder;
  folder.Write(".cievents/ready.json", Server().ready().text);
  support::ProcessOptions options;
  options.arguments = {support::CieventsBinary(), "requests", "list", "--limit", "1"};
  options.environment["CIEVENTS_ENDPOINT"] = "";
  options.folder = folder.path();
  EXPECT_EQ(support::Run(options).exit_code, 0);
  options.folder = folder / ".cievents";
  const support::Finished lost = support::Run(options);
  EXPECT_EQ(lost.exit_code, 2);
  EXPECT_THAT(lost.err, HasSubstr("--endpoint"));
}

TEST(CommandLineTest, AServerOutOfReachIsExitCodeThree) {
  const support::Finished finished =
      Server().Cli({"subscriptions", "list", "--endpoint", "127.0.0.1:1", "--timeout", "0"});
  EXPECT_EQ(finished.exit_code, 3) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("127.0.0.1:1"));
}

// Leases until this project's requests are among them: other tests leave work behind.
std::vector<PipelineRequest> LeaseOf(const Project& project, const std::string& owner) {
  std::vector<PipelineRequest> leased;
  while (true) {
    LeasePipelineRequestsRequest request;
    request.set_owner(owner);
    request.set_max_requests(1000);
    const auto response = Call(request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok() || response->requests_size() == 0) return leased;
    for (const PipelineRequest& one : response->requests()) {
      if (one.project_id() == project.id()) leased.push_back(one);
    }
  }
}

CompletePipelineRequestRequest Completion(const PipelineRequest& leased, const std::string& owner,
                                          pipelines::v1::CompletionKind kind) {
  CompletePipelineRequestRequest request;
  request.set_request_id(leased.request_id());
  request.set_owner(owner);
  request.set_attempt(leased.attempt());
  request.set_kind(kind);
  if (kind == pipelines::v1::COMPLETION_KIND_CREATED) request.set_pipeline_id(4711);
  if (kind != pipelines::v1::COMPLETION_KIND_CREATED) request.set_reason("GitLab said 503");
  return request;
}

TEST(GrpcFlowTest, ALeaseCarriesAllThatAWorkerNeedsAndCompletingItEndsIt) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/order/shipped]}\n---\n");
  const PushConfigResponse pushed = project.Push();
  ASSERT_EQ(pushed.result(), config::v1::PUSH_RESULT_APPLIED);
  Event event = project.MakeEvent("custom/order/shipped");
  event.add_names("custom/order/changed");
  event.set_data("{ \"price\": 1.50 }");
  event.set_subject("orders/7");
  event.set_correlation_id("corr");
  event.set_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  const EventOutcome outcome = Publish(event);
  ASSERT_EQ(outcome.kind(), events::v1::OUTCOME_KIND_ACCEPTED) << outcome.DebugString();

  const std::vector<PipelineRequest> leased = LeaseOf(project, "worker-a");
  ASSERT_THAT(leased, SizeIs(1));
  const PipelineRequest& request = leased[0];
  EXPECT_EQ(request.request_id(),
            fmt::format("{}:{}", outcome.event_uid(), pushed.subscriptions(0).subscription_id()));
  EXPECT_EQ(request.root_namespace_id(), project.root_id());
  EXPECT_EQ(request.path(), ".gitlab/ci/events/a.yml");
  EXPECT_EQ(request.ref(), "main");
  EXPECT_EQ(request.workflow_id(), pushed.subscriptions(0).workflow_id());
  EXPECT_EQ(request.inputs_json(), "{}");
  EXPECT_EQ(request.run_as_user_id(), 7);
  EXPECT_EQ(request.event_id(), event.id());
  EXPECT_EQ(request.event_source(), "integration");
  EXPECT_EQ(request.event_name(), "custom/order/shipped");
  EXPECT_THAT(request.event_names(), ElementsAre("custom/order/shipped", "custom/order/changed"));
  EXPECT_EQ(request.event_project_id(), project.id());
  EXPECT_EQ(request.event_time().seconds(), event.time().seconds());
  EXPECT_EQ(request.event_time().nanos(), event.time().nanos());
  EXPECT_EQ(request.event_data(), "{ \"price\": 1.50 }") << "byte for byte";
  EXPECT_EQ(request.event_subject(), "orders/7");
  EXPECT_EQ(request.correlation_id(), "corr");
  EXPECT_EQ(request.traceparent(), event.traceparent());
  EXPECT_EQ(request.attempt(), 1);
  EXPECT_EQ(request.state(), "active");
  EXPECT_GE(request.lease_end_time().seconds(), event.time().seconds() + 30);

  const auto done = Call(Completion(request, "worker-a", pipelines::v1::COMPLETION_KIND_CREATED));
  ASSERT_TRUE(done.ok()) << done.status();
  admin::v1::GetPipelineRequestRequest get;
  get.set_request_id(request.request_id());
  const auto after = Call(get);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->request().state(), "created");
  EXPECT_EQ(after->request().pipeline_id(), 4711);
  EXPECT_EQ(after->request().event_data(), "") << "payloads only in leases";
}

TEST(GrpcFlowTest, OnlyTheHolderOfALeaseCanCompleteIt) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  ASSERT_EQ(project.Fires("custom/x"), 1);
  const std::vector<PipelineRequest> leased = LeaseOf(project, "worker-b");
  ASSERT_THAT(leased, SizeIs(1));
  using pipelines::v1::COMPLETION_KIND_CREATED;

  const auto stranger = Call(Completion(leased[0], "somebody-else", COMPLETION_KIND_CREATED));
  EXPECT_EQ(stranger.status().code(), absl::StatusCode::kFailedPrecondition) << stranger.status();
  CompletePipelineRequestRequest other_attempt =
      Completion(leased[0], "worker-b", COMPLETION_KIND_CREATED);
  other_attempt.set_attempt(2);
  EXPECT_EQ(Call(other_attempt).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(project.Requests().at(0).state(), "active") << "nothing was changed";

  pipelines::v1::ExtendLeasesRequest extend;
  extend.set_owner("worker-b");
  extend.mutable_lease_duration()->set_seconds(300);
  const auto extended = Call(extend);
  ASSERT_TRUE(extended.ok()) << extended.status();
  EXPECT_GE(extended->extended_count(), 1);
  EXPECT_TRUE(Call(Completion(leased[0], "worker-b", COMPLETION_KIND_CREATED)).ok());
  const auto twice = Call(Completion(leased[0], "worker-b", COMPLETION_KIND_CREATED));
  EXPECT_EQ(twice.status().code(), absl::StatusCode::kFailedPrecondition) << twice.status();
}

TEST(GrpcFlowTest, ARetryComesBackWithTheNextAttemptAndADeadOneStays) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  ASSERT_EQ(project.Fires("custom/x"), 1);
  std::vector<PipelineRequest> leased = LeaseOf(project, "worker-c");
  ASSERT_THAT(leased, SizeIs(1));
  CompletePipelineRequestRequest retry =
      Completion(leased[0], "worker-c", pipelines::v1::COMPLETION_KIND_RETRY);
  retry.mutable_retry_after()->set_seconds(0);
  ASSERT_TRUE(Call(retry).ok());

  ASSERT_TRUE(support::WaitUntil([&] {
    leased = LeaseOf(project, "worker-c");
    return !leased.empty();
  }));
  EXPECT_EQ(leased[0].attempt(), 2);
  ASSERT_TRUE(Call(Completion(leased[0], "worker-c", pipelines::v1::COMPLETION_KIND_DEAD)).ok());
  const std::vector<PipelineRequest> requests = project.Requests();
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_EQ(requests[0].state(), "dead");
  EXPECT_EQ(requests[0].reason(), "GitLab said 503");
  EXPECT_THAT(LeaseOf(project, "worker-c"), IsEmpty());
}

TEST(GrpcFlowTest, LargePayloadsAreLeasedInAnswersThatADefaultClientTakes) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  LeaseOf(project, "sweeper");  // what other tests left
  // Small ones first: what was seen of them says nothing about the next.
  std::vector<Event> events;
  for (int i = 0; i < 50; ++i) {
    events.push_back(project.MakeEvent("custom/x"));
    if (i >= 30) events.back().set_data("\"" + std::string(900'000, 'x') + "\"");
    ASSERT_EQ(Publish(events.back()).kind(), events::v1::OUTCOME_KIND_ACCEPTED);
  }
  std::map<std::string, size_t> leased_bytes;
  while (true) {
    LeasePipelineRequestsRequest request;
    request.set_owner("worker-of-large-ones");
    request.set_max_requests(1000);
    const auto response = Call(request);
    ASSERT_TRUE(response.ok()) << response.status();
    if (response->requests_size() == 0) break;
    EXPECT_LT(response->ByteSizeLong(), size_t{4} * 1024 * 1024);
    for (const PipelineRequest& one : response->requests()) {
      EXPECT_TRUE(leased_bytes.emplace(one.event_id(), one.event_data().size()).second);
    }
  }
  for (const Event& event : events) EXPECT_EQ(leased_bytes[event.id()], event.data().size());
}

TEST(GrpcFlowTest, WorkersAtTheSameTimeNeverGetTheSameRequest) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  constexpr size_t kEvents = 400;
  events::v1::PublishEventsRequest batch;
  for (size_t i = 0; i < kEvents; ++i) *batch.add_events() = project.MakeEvent("custom/x");
  ASSERT_TRUE(Call(batch).ok());
  std::vector<std::vector<PipelineRequest>> taken(4);
  std::vector<std::thread> workers;
  for (size_t i = 0; i < taken.size(); ++i) {
    workers.emplace_back([&project, &taken, i] {
      const std::string owner = fmt::format("parallel-{}", i);
      // An empty answer may only mean that the others hold what is left for a moment.
      for (int empty = 0; empty < 3;) {
        LeasePipelineRequestsRequest request;
        request.set_owner(owner);
        request.set_max_requests(7);
        const auto response = Call(request);
        ASSERT_TRUE(response.ok()) << response.status();
        empty = response->requests_size() == 0 ? empty + 1 : 0;
        for (const PipelineRequest& one : response->requests()) {
          if (one.project_id() != project.id()) continue;
          taken[i].push_back(one);
          ASSERT_TRUE(Call(Completion(one, owner, pipelines::v1::COMPLETION_KIND_CREATED)).ok());
        }
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  std::set<std::string> ids;
  size_t count = 0;
  for (const auto& requests : taken) {
    for (const PipelineRequest& one : requests) {
      EXPECT_EQ(one.attempt(), 1);
      ids.insert(one.request_id());
      ++count;
    }
  }
  EXPECT_EQ(count, kEvents);
  EXPECT_THAT(ids, SizeIs(kEvents));
}

TEST(GrpcFlowTest, RequestsAreListedByPagesWithoutGapOrRepeat) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  for (int i = 0; i < 7; ++i) ASSERT_EQ(project.Fires("custom/x"), 1);
  admin::v1::ListPipelineRequestsRequest request;
  request.set_project_id(project.id());
  request.set_page_size(3);
  std::vector<std::string> seen;
  do {
    const auto page = Call(request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->requests_size(), 3);
    for (const PipelineRequest& one : page->requests()) seen.push_back(one.request_id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(seen, SizeIs(7));
  EXPECT_THAT(std::set<std::string>(seen.begin(), seen.end()), SizeIs(7));
  std::vector<std::string> newest_first = seen;
  std::sort(newest_first.rbegin(), newest_first.rend());
  EXPECT_EQ(seen, newest_first);
}

TEST(GrpcFlowTest, TheSameEventSentAgainIsADuplicateAndMakesNoSecondRequest) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  const Event event = project.MakeEvent("custom/x");
  const EventOutcome first = Publish(event);
  const EventOutcome second = Publish(event);
  EXPECT_EQ(first.kind(), events::v1::OUTCOME_KIND_ACCEPTED);
  EXPECT_EQ(second.kind(), events::v1::OUTCOME_KIND_DUPLICATE);
  EXPECT_EQ(second.ack(), events::v1::ACK_LEVEL_DURABLE);
  EXPECT_EQ(first.event_uid(), second.event_uid());
  EXPECT_THAT(project.Requests(), SizeIs(1));
}

TEST(GrpcFlowTest, AReceivedAckIsSaidAndTheRequestComesSoon) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  events::v1::PublishEventsRequest request;
  request.set_ack(events::v1::ACK_LEVEL_RECEIVED);
  *request.add_events() = project.MakeEvent("custom/x");
  const auto response = Call(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->outcomes(0).kind(), events::v1::OUTCOME_KIND_ACCEPTED);
  EXPECT_EQ(response->outcomes(0).ack(), events::v1::ACK_LEVEL_RECEIVED);
  EXPECT_TRUE(support::WaitUntil([&] { return project.Requests().size() == 1; }));
}

TEST(GrpcFlowTest, TheClientLibrarySplitsWhatIsTooLargeForOneCall) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  std::vector<Event> events;
  for (int i = 0; i < 600; ++i) {
    events.push_back(project.MakeEvent(i % 100 == 0 ? "custom/x" : "custom/y"));
    events.back().set_data("\"" + std::string(20'000, 'x') + "\"");  // 12 MB in all
  }
  const auto outcomes = PublishWithClient(events);
  ASSERT_TRUE(outcomes.ok()) << outcomes.status();
  ASSERT_THAT(*outcomes, SizeIs(600));
  for (size_t i = 0; i < outcomes->size(); ++i) {
    ASSERT_EQ((*outcomes)[i].kind(), events::v1::OUTCOME_KIND_ACCEPTED);
    ASSERT_EQ((*outcomes)[i].matched_count(), i % 100 == 0 ? 1 : 0) << i;
  }
  EXPECT_THAT(project.Requests(), SizeIs(6));
}

TEST(GrpcFlowTest, AncestorsOfAKnownProjectAreFilledInForGroupScope) {
  Project listener;
  listener.Set(".gitlab/ci/events/a.yml",
               "spec: {events: [{name: custom/x, scope: group}]}\n---\n");
  PushConfigRequest push = listener.Request();
  push.mutable_permissions()->set_group_scope(true);
  ASSERT_EQ(listener.Push(push).result(), config::v1::PUSH_RESULT_APPLIED);
  Project source;  // in the same group
  PushConfigRequest known = source.Request();
  known.clear_namespace_ids();
  known.add_namespace_ids(listener.root_id());
  source.Push(known);

  Event event = MakeEvent("custom/x");
  event.set_project_id(source.id());
  const EventOutcome outcome = Publish(event);
  EXPECT_EQ(outcome.matched_count(), 1);
  EXPECT_EQ(outcome.reason(), events::v1::OUTCOME_REASON_UNSPECIFIED);
  ASSERT_THAT(listener.Requests(), SizeIs(1));
  EXPECT_EQ(listener.Requests()[0].event_project_id(), source.id());
  EXPECT_EQ(listener.Requests()[0].project_id(), listener.id());
}

}  // namespace
}  // namespace cievents::integration
