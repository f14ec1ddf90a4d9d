// Goal: nothing that is sent crashes the server or is taken for something else; every refusal says
// what is wrong. Method: tables of bad inputs over real gRPC and the command line; after each test
// the server must still do its job, and at the end of the binary it must stop with exit code 0.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/lib/base/sha256.h"
#include "tests/integration/project.h"
#include "tests/support/json.h"

namespace cievents::integration {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class BadInputTest : public ::testing::Test {
 protected:
  void TearDown() override {
    Project project;
    project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/still-alive]}\n---\n");
    EXPECT_EQ(project.Push().result(), config::v1::PUSH_RESULT_APPLIED);
    EXPECT_EQ(project.Fires("custom/still-alive"), 1);
  }
};

struct BadFile {
  const char* name;
  std::string path;
  std::string content;
  const char* code;
  int line;
  const char* says;  // in the message or the suggestion
};

const std::vector<BadFile>& BadFiles() {
  static const std::string kFolderFile = ".gitlab/ci/events/a.yml";
  static const std::string kCiFile = ".gitlab-ci.yml";
  static const auto* files = new std::vector<BadFile>{
      {"malformed YAML", kFolderFile, "spec:\n  events: [issue/created\n---\n", "yaml-syntax", 3,
       ""},
      {"an alias where a quoted pattern was meant", kFolderFile,
       "spec:\n  events:\n    - */published\n---\n", "yaml-syntax", 3, "quote"},
      {"a key that is nearly right", kFolderFile,
       "spec:\n  events:\n    - naem: issue/created\n      rules: []\n---\n", "missing-name", 4,
       "name"},
      {"an unknown key of spec", kFolderFile, "spec:\n  event: [issue/created]\n---\n",
       "unknown-key", 2, "events"},
      {"an unknown key of an entry", kFolderFile,
       "spec:\n  events:\n    - name: issue/created\n      scpoe: group\n---\n", "unknown-key", 4,
       "scope"},
      {"upper case", kFolderFile, "spec: {events: [Issue/Created]}\n---\n", "bad-pattern", 1,
       "issue/created"},
      {"a glob inside a segment", kFolderFile, "spec: {events: ['iss*/created']}\n---\n",
       "bad-pattern", 1, "segment"},
      {"`**` in the middle", kFolderFile, "spec: {events: ['custom/**/x']}\n---\n", "bad-pattern",
       1, "last"},
      {"nine segments", kFolderFile, "spec: {events: [a/b/c/d/e/f/g/h/i]}\n---\n", "bad-pattern", 1,
       "8"},
      {"a pattern of 129 bytes", kFolderFile,
       "spec: {events: [custom/" + std::string(122, 'x') + "]}\n---\n", "bad-pattern", 1, "128"},
      {"a map without a name", kFolderFile, "spec:\n  events:\n    - inputs: {a: 1}\n---\n",
       "missing-name", 3, "name"},
      {"null in the list", kFolderFile, "spec:\n  events:\n    - issue/created\n    - ~\n---\n",
       "wrong-type", 4, ""},
      {"a duplicate key", kFolderFile,
       "spec:\n  events: [tag/created]\n  events: [tag/deleted]\n---\n", "yaml-duplicate-key", 3,
       "events"},
      {"an empty list of rules", kFolderFile,
       "spec:\n  events:\n    - name: issue/created\n      rules: []\n---\n", "empty-rules", 4, ""},
      {"invalid UTF-8", kFolderFile, "spec: {events: [issue/\xff]}\n---\n", "yaml-not-utf8", 1, ""},
      {"a header over its limit", kFolderFile,
       "spec:\n  events: [issue/created]\n#" + std::string(64 * 1024, 'x') + "\n---\n",
       "header-too-large", 1, "65536"},
      {"nesting without end", kFolderFile, "spec: " + std::string(200, '[') + "\n---\n",
       "yaml-too-deep", 1, "64"},
      {"an expansion bomb", kCiFile,
       "a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
       "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
       "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
       "yaml-too-many-nodes", 0, ""},
      {"a CI file over its limit", kCiFile, "a: b\n#" + std::string(2 * 1024 * 1024, 'x') + "\n",
       "file-too-large", 1, "2097152"},
      {"a CI file that is a list", kCiFile, "- job\n", "wrong-type", 1, "map"},
      {"51 patterns", kFolderFile,
       [] {
         std::string text = "spec:\n  events:\n";
         for (int i = 0; i < 51; ++i) text += fmt::format("    - custom/e{}\n", i);
         return text + "---\n";
       }(),
       "too-many-patterns", 53, "50"},
      {"an include of what is not there", kCiFile, "include: ci/a.yml\n", "include-not-found", 1,
       "ci/a.yml"},
      {"an include of what is no YAML", kCiFile, "include: ci/a.txt\n", "include-not-yaml", 1,
       ".yml"},
  };
  return *files;
}

TEST_F(BadInputTest, EveryBadFileIsAnsweredWithCodePlaceAndAdvice) {
  for (const BadFile& bad : BadFiles()) {
    SCOPED_TRACE(bad.name);
    Project project;
    project.Set(bad.path, bad.content);
    const auto response = PushWithClient(project.Request(), project.files());
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->result(), config::v1::PUSH_RESULT_APPLIED_WITH_ERRORS);
    EXPECT_EQ(response->subscriptions_size(), 0);
    const config::v1::Issue issue = FindIssue(*response, bad.code);
    ASSERT_EQ(issue.code(), bad.code) << ::testing::PrintToString(IssueCodes(*response));
    EXPECT_EQ(issue.severity(), config::v1::SEVERITY_ERROR);
    EXPECT_EQ(issue.file(), bad.path);
    if (bad.line > 0) {
      EXPECT_EQ(issue.line(), bad.line);
    }
    EXPECT_THAT(issue.message() + " " + issue.suggestion(), HasSubstr(bad.says));
    EXPECT_FALSE(issue.message().empty());
  }
}

TEST_F(BadInputTest, MoreThan200SubscriptionsAreCutInPathOrderWithAnErrorEach) {
  Project project;
  for (int i = 0; i < 202; ++i) {
    project.Set(fmt::format(".gitlab/ci/events/{:03}.yml", i), "spec: {events: [custom/x]}\n---\n");
  }
  const auto response = PushWithClient(project.Request(), project.files());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->result(), config::v1::PUSH_RESULT_APPLIED_WITH_ERRORS);
  EXPECT_EQ(response->added(), 200);
  EXPECT_THAT(IssueCodes(*response),
              ::testing::ElementsAre("too-many-subscriptions at .gitlab/ci/events/200.yml:1",
                                     "too-many-subscriptions at .gitlab/ci/events/201.yml:1"));
}

struct BadPush {
  const char* name;
  std::function<void(PushConfigRequest*)> spoil;
  const char* says;
};

TEST_F(BadInputTest, EveryMalformedPushIsInvalidAndAppliesNothing) {
  const std::vector<BadPush> cases = {
      {"no project", [](auto* push) { push->set_project_id(0); }, "project_id"},
      {"a negative project", [](auto* push) { push->set_project_id(-7); }, "project_id"},
      {"no namespaces", [](auto* push) { push->clear_namespace_ids(); }, "namespace_ids"},
      {"namespace 0", [](auto* push) { push->add_namespace_ids(0); }, "namespace_ids"},
      {"33 namespaces",
       [](auto* push) {
         for (int i = 0; i < 32; ++i) push->add_namespace_ids(i + 1);
       },
       "32"},
      {"no default branch", [](auto* push) { push->clear_default_branch(); }, "default_branch"},
      {"no commit", [](auto* push) { push->clear_commit_sha(); }, "commit_sha"},
      {"a long commit", [](auto* push) { push->set_commit_sha(std::string(65, 'a')); }, "64"},
      {"a negative sequence", [](auto* push) { push->set_push_sequence(-1); }, "push_sequence"},
      {"a negative user", [](auto* push) { push->set_run_as_user_id(-1); }, "run_as_user_id"},
      {"NUL in the branch", [](auto* push) { push->set_default_branch(std::string("a\0b", 3)); },
       "NUL"},
      {"an absolute path",
       [](auto* push) { push->mutable_manifest(0)->set_path("/etc/passwd.yml"); }, "'/'"},
      {"an empty path", [](auto* push) { push->mutable_manifest(0)->set_path(""); }, "empty"},
      {"no blob id", [](auto* push) { push->mutable_manifest(0)->set_blob_id(""); }, "blob id"},
      {"a path twice", [](auto* push) { *push->add_manifest() = push->manifest(0); }, "twice"},
      {"a file outside the manifest",
       [](auto* push) {
         auto* file = push->add_files();
         file->set_path("other.yml");
         file->set_content("a: b");
       },
       "other.yml"},
      {"a manifest that is not announced", [](auto* push) { push->set_has_manifest(false); },
       "has_manifest"},
      {"too many changed paths",
       [](auto* push) {
         for (int i = 0; i < 10'001; ++i) push->add_changed_paths("a");
       },
       "10000"},
  };
  for (const BadPush& bad : cases) {
    SCOPED_TRACE(bad.name);
    Project project;
    project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
    PushConfigRequest request = project.Request();
    bad.spoil(&request);
    const auto response = Call(request);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->result(), config::v1::PUSH_RESULT_INVALID);
    ASSERT_GE(response->issues_size(), 1);
    EXPECT_EQ(response->issues(0).code(), "invalid-push");
    std::string all;
    for (const auto& issue : response->issues()) all += issue.message() + "\n";
    EXPECT_THAT(all, HasSubstr(bad.says));
    EXPECT_THAT(project.Subscriptions(), IsEmpty());
  }
}

TEST_F(BadInputTest, AManifestOverItsLimitIsCutInPathOrderWithAnError) {
  Project project;
  PushConfigRequest request = project.Request();
  for (int i = 0; i < 10'001; ++i) {
    auto* entry = request.add_manifest();
    entry->set_path(fmt::format("yaml/{:05}.yml", i));
    entry->set_blob_id("b");
  }
  const auto response = Call(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->result(), config::v1::PUSH_RESULT_APPLIED_WITH_ERRORS);
  EXPECT_EQ(FindIssue(*response, "too-many-files").file(), "yaml/10000.yml");
}

TEST_F(BadInputTest, ContentsOverTheirLimitAreInvalidAndAMessageOverItsOwnIsRefused) {
  const auto push = [](int files) {
    Project project;
    for (int i = 0; i < files; ++i) {
      project.Set(fmt::format(".gitlab/ci/events/{:02}.yml", i),
                  "spec: {events: [custom/x]}\n---\n" + std::string(2'000'000, 'x'));
    }
    PushConfigRequest request = project.Request();
    for (const auto& [path, content] : project.files()) {
      auto* file = request.add_files();
      file->set_path(path);
      file->set_content(content);
    }
    return Call(request);
  };
  const auto taken = push(33);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->result(), config::v1::PUSH_RESULT_APPLIED) << taken->DebugString();
  EXPECT_EQ(taken->added(), 33);
  const auto invalid = push(34);
  ASSERT_TRUE(invalid.ok()) << invalid.status();
  EXPECT_EQ(invalid->result(), config::v1::PUSH_RESULT_INVALID);
  EXPECT_THAT(invalid->issues(0).message(), HasSubstr("67108864"));
  EXPECT_EQ(push(42).status().code(), absl::StatusCode::kResourceExhausted);
}

struct BadEvent {
  const char* name;
  std::function<void(Event*)> spoil;
  events::v1::OutcomeReason reason;
  const char* says;
};

std::vector<BadEvent> BadEvents() {
  using namespace events::v1;  // NOLINT: names of a table
  const auto shift = [](int64_t seconds) {
    return [seconds](Event* event) {
      event->mutable_time()->set_seconds(event->time().seconds() + seconds);
    };
  };
  return {
      {"no id", [](auto* e) { e->clear_id(); }, OUTCOME_REASON_INVALID, "id"},
      {"a long id", [](auto* e) { e->set_id(std::string(256, 'x')); }, OUTCOME_REASON_INVALID,
       "255"},
      {"no source", [](auto* e) { e->clear_source(); }, OUTCOME_REASON_INVALID, "source"},
      {"no names", [](auto* e) { e->clear_names(); }, OUTCOME_REASON_INVALID, "names"},
      {"nine names",
       [](auto* e) {
         for (int i = 0; i < 8; ++i) e->add_names(fmt::format("custom/n{}", i));
       },
       OUTCOME_REASON_INVALID, "8"},
      {"a pattern as a name", [](auto* e) { e->set_names(0, "custom/*"); }, OUTCOME_REASON_INVALID,
       "names[0]"},
      {"no time", [](auto* e) { e->clear_time(); }, OUTCOME_REASON_INVALID, "time"},
      {"impossible nanoseconds", [](auto* e) { e->mutable_time()->set_nanos(1'000'000'000); },
       OUTCOME_REASON_INVALID, "time"},
      {"the year 10000", [](auto* e) { e->mutable_time()->set_seconds(253402300800); },
       OUTCOME_REASON_INVALID, "time"},
      {"older than the window", shift(-24 * 3600 - 5), OUTCOME_REASON_EXPIRED, "24h"},
      {"far in the future", shift(305), OUTCOME_REASON_FROM_THE_FUTURE, "clock"},
      {"NUL in the subject", [](auto* e) { e->set_subject(std::string("a\0b", 3)); },
       OUTCOME_REASON_INVALID, "subject"},
      {"a negative project", [](auto* e) { e->set_project_id(-1); }, OUTCOME_REASON_INVALID,
       "project_id"},
      {"namespace 0", [](auto* e) { e->add_namespace_ids(0); }, OUTCOME_REASON_INVALID,
       "namespace_ids[1]"},
      {"a payload that is not UTF-8", [](auto* e) { e->set_data("\"\xff\""); },
       OUTCOME_REASON_INVALID, "data"},
      {"a payload over its limit", [](auto* e) { e->set_data(std::string(1024 * 1024 + 1, ' ')); },
       OUTCOME_REASON_INVALID, "1048576"},
      {"an access level that GitLab has not",
       [](auto* e) { e->mutable_actor()->set_access_level(999); }, OUTCOME_REASON_INVALID,
       "access_level"},
  };
}

TEST_F(BadInputTest, EveryBadEventIsRefusedAloneAndSaysWhy) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  for (const BadEvent& bad : BadEvents()) {
    SCOPED_TRACE(bad.name);
    events::v1::PublishEventsRequest request;
    *request.add_events() = project.MakeEvent("custom/x");
    *request.add_events() = project.MakeEvent("custom/x");
    *request.add_events() = project.MakeEvent("custom/x");
    bad.spoil(request.mutable_events(1));
    const auto response = Call(request);
    ASSERT_TRUE(response.ok()) << response.status();
    ASSERT_EQ(response->outcomes_size(), 3);
    EXPECT_EQ(response->outcomes(0).matched_count(), 1);
    EXPECT_EQ(response->outcomes(2).kind(), events::v1::OUTCOME_KIND_ACCEPTED);
    const EventOutcome& outcome = response->outcomes(1);
    EXPECT_EQ(outcome.kind(), events::v1::OUTCOME_KIND_REJECTED);
    EXPECT_EQ(outcome.reason(), bad.reason) << outcome.DebugString();
    EXPECT_THAT(outcome.message(), HasSubstr(bad.says));
    EXPECT_EQ(outcome.ack(), events::v1::ACK_LEVEL_UNSPECIFIED);
    EXPECT_EQ(outcome.event_uid(), "");
  }
  EXPECT_THAT(project.Requests(), SizeIs(2 * BadEvents().size()));
}

TEST_F(BadInputTest, EventsAtTheEdgesOfTheWindowAreTaken) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  for (const int64_t seconds : {-24 * 3600 + 30, 270}) {
    Event event = project.MakeEvent("custom/x");
    event.mutable_time()->set_seconds(event.time().seconds() + seconds);
    const EventOutcome outcome = Publish(event);
    EXPECT_EQ(outcome.kind(), events::v1::OUTCOME_KIND_ACCEPTED) << outcome.DebugString();
    EXPECT_EQ(outcome.matched_count(), seconds > 0 ? 1 : 0)
        << "an event from before the subscription does not fire it";
  }
}

// Field `number` of length-delimited wire type.
std::string Delimited(int number, const std::string& bytes) {
  std::string field(1, static_cast<char>(number << 3 | 2));
  for (size_t size = bytes.size();; size >>= 7) {
    if (size < 128) {
      field += static_cast<char>(size);
      break;
    }
    field += static_cast<char>((size & 127) | 128);
  }
  return field + bytes;
}

events::v1::PublishEventsResponse PublishRaw(const std::vector<std::string>& events) {
  std::string bytes;
  for (const std::string& event : events) bytes += Delimited(1, event);
  const auto answer = CallRaw(kPublishEvents, bytes);
  EXPECT_TRUE(answer.ok()) << answer.status();
  events::v1::PublishEventsResponse response;
  if (answer.ok()) {
    EXPECT_TRUE(response.ParseFromString(*answer));
  }
  return response;
}

TEST_F(BadInputTest, InvalidUtf8AndGarbageInABatchAreRefusedAlone) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  const std::string good_1 = project.MakeEvent("custom/x").SerializeAsString();
  const std::string good_2 = project.MakeEvent("custom/x").SerializeAsString();
  // protobuf does not write invalid UTF-8, so the bytes are changed afterwards.
  Event not_utf8 = project.MakeEvent("custom/x");
  not_utf8.set_subject("QQQQ");
  std::string spoilt = not_utf8.SerializeAsString();
  spoilt.replace(spoilt.find("QQQQ"), 4, "\xc3\x28\xff\xfe");
  const auto response =
      PublishRaw({good_1, spoilt, "\xff\xff\xff garbage", good_2, good_1.substr(0, 20)});
  ASSERT_EQ(response.outcomes_size(), 5);
  using events::v1::OUTCOME_KIND_ACCEPTED;
  using events::v1::OUTCOME_KIND_REJECTED;
  EXPECT_EQ(response.outcomes(0).kind(), OUTCOME_KIND_ACCEPTED);
  EXPECT_EQ(response.outcomes(1).kind(), OUTCOME_KIND_REJECTED);
  EXPECT_THAT(response.outcomes(1).message(), AllOf(HasSubstr("subject"), HasSubstr("UTF-8")));
  EXPECT_EQ(response.outcomes(2).kind(), OUTCOME_KIND_REJECTED);
  EXPECT_THAT(response.outcomes(2).message(), HasSubstr("cievents.events.v1.Event"));
  EXPECT_EQ(response.outcomes(3).kind(), OUTCOME_KIND_ACCEPTED);
  EXPECT_EQ(response.outcomes(4).kind(), OUTCOME_KIND_REJECTED);
  EXPECT_THAT(project.Requests(), SizeIs(2));
}

TEST_F(BadInputTest, AMessageThatIsNoBatchIsAnErrorOfTheCall) {
  const auto answer = CallRaw(kPublishEvents, "\xff\xff\xff\xff");
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kInvalidArgument) << answer.status();
}

TEST_F(BadInputTest, ABatchMustHaveOneTo1024EventsAndAtMost4MiB) {
  events::v1::PublishEventsRequest request;
  auto response = Call(request);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kInvalidArgument) << response.status();
  EXPECT_THAT(std::string(response.status().message()), HasSubstr("1 to 1024"));

  for (int i = 0; i < 1024; ++i) *request.add_events() = MakeEvent("custom/nobody-listens");
  response = Call(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->outcomes_size(), 1024);
  *request.add_events() = MakeEvent("custom/nobody-listens");
  response = Call(request);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kInvalidArgument) << response.status();
  EXPECT_THAT(std::string(response.status().message()), HasSubstr("1025"));

  request.Clear();
  for (int i = 0; i < 5; ++i) {
    *request.add_events() = MakeEvent("custom/nobody-listens");
    request.mutable_events(i)->set_data(std::string(1024 * 1024 - 2, ' ') + "{}");
  }
  response = Call(request);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kResourceExhausted) << response.status();
  request.mutable_events()->RemoveLast();
  response = Call(request);
  EXPECT_TRUE(response.ok()) << "4 MiB of payload and the framing: " << response.status();
}

TEST_F(BadInputTest, AnAckLevelThatOnlyTheServerGivesCannotBeAskedFor) {
  events::v1::PublishEventsRequest request;
  *request.add_events() = MakeEvent("custom/x");
  request.set_ack(events::v1::ACK_LEVEL_DURABLE_LOCAL);
  EXPECT_EQ(Call(request).status().code(), absl::StatusCode::kInvalidArgument);
  request.set_ack(static_cast<events::v1::AckLevel>(77));
  EXPECT_EQ(Call(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(BadInputTest, AnIdThatIsUsedAgainWithAnotherPayloadIsRefused) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  Event event = project.MakeEvent("custom/x");
  EXPECT_EQ(Publish(event).kind(), events::v1::OUTCOME_KIND_ACCEPTED);
  event.set_data(R"({"n": 2})");
  const EventOutcome reused = Publish(event);
  EXPECT_EQ(reused.kind(), events::v1::OUTCOME_KIND_REJECTED);
  EXPECT_EQ(reused.reason(), events::v1::OUTCOME_REASON_ID_REUSED);
  EXPECT_EQ(reused.event_uid(), "");
  EXPECT_THAT(project.Requests(), SizeIs(1));

  events::v1::PublishEventsRequest batch;
  *batch.add_events() = project.MakeEvent("custom/x");
  *batch.add_events() = batch.events(0);
  *batch.add_events() = batch.events(0);
  batch.mutable_events(2)->set_data(R"({"n": 3})");
  const auto response = Call(batch);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->outcomes(0).kind(), events::v1::OUTCOME_KIND_ACCEPTED);
  EXPECT_EQ(response->outcomes(1).kind(), events::v1::OUTCOME_KIND_DUPLICATE);
  EXPECT_EQ(response->outcomes(2).reason(), events::v1::OUTCOME_REASON_REPEATED_IN_BATCH);
  EXPECT_THAT(project.Requests(), SizeIs(2));
}

TEST_F(BadInputTest, RequestIdsOwnersAndTokensOfNobodyAreRefused) {
  for (const char* id :
       {"", "x", "x:1", "01890a5d-ac96-774b-bcce-b302099a8057",
        "01890a5d-ac96-774b-bcce-b302099a8057:", "01890a5d-ac96-774b-bcce-b302099a8057:0",
        "01890a5d-ac96-774b-bcce-b302099a8057:-1", "01890a5d-ac96-774b-bcce-b302099a8057:1x",
        "01890a5d-ac96-774b-bcce-b302099a8057:99999999999999999999", "' OR 1=1 --:1"}) {
    admin::v1::GetPipelineRequestRequest get;
    get.set_request_id(id);
    EXPECT_EQ(Call(get).status().code(), absl::StatusCode::kInvalidArgument) << id;
    CompletePipelineRequestRequest complete;
    complete.set_request_id(id);
    complete.set_owner("o");
    complete.set_kind(pipelines::v1::COMPLETION_KIND_CREATED);
    complete.set_pipeline_id(1);
    EXPECT_EQ(Call(complete).status().code(), absl::StatusCode::kInvalidArgument) << id;
  }
  admin::v1::GetPipelineRequestRequest get;
  get.set_request_id("01890a5d-ac96-774b-bcce-b302099a8057:1");
  EXPECT_EQ(Call(get).status().code(), absl::StatusCode::kNotFound);

  for (const char* token : {"x", "-1", "1x", "99999999999999999999", "' OR 1=1"}) {
    ListSubscriptionsRequest list;
    list.set_page_token(token);
    EXPECT_EQ(Call(list).status().code(), absl::StatusCode::kInvalidArgument) << token;
    admin::v1::ListPipelineRequestsRequest requests;
    requests.set_page_token(token);
    EXPECT_EQ(Call(requests).status().code(), absl::StatusCode::kInvalidArgument) << token;
  }
}

TEST_F(BadInputTest, EveryFieldOfALeaseACompletionAndAListIsBounded) {
  const auto code = [](const auto& request) { return Call(request).status().code(); };
  using absl::StatusCode;
  LeasePipelineRequestsRequest lease;
  EXPECT_EQ(code(lease), StatusCode::kInvalidArgument) << "no owner";
  lease.set_owner(std::string(256, 'o'));
  EXPECT_EQ(code(lease), StatusCode::kInvalidArgument) << "a long owner";
  lease.set_owner("o");
  lease.set_max_requests(1001);
  EXPECT_EQ(code(lease), StatusCode::kInvalidArgument);
  lease.set_max_requests(-1);
  EXPECT_EQ(code(lease), StatusCode::kInvalidArgument);
  lease.set_max_requests(1);
  for (const int64_t seconds : {int64_t{0}, int64_t{-5}, int64_t{3601}, INT64_MAX, INT64_MIN}) {
    lease.mutable_lease_duration()->set_seconds(seconds);
    EXPECT_EQ(code(lease), StatusCode::kInvalidArgument) << seconds;
  }
  pipelines::v1::ExtendLeasesRequest extend;
  EXPECT_EQ(code(extend), StatusCode::kInvalidArgument);

  CompletePipelineRequestRequest complete;
  complete.set_owner("o");
  complete.set_request_id("01890a5d-ac96-774b-bcce-b302099a8057:1");
  EXPECT_EQ(code(complete), StatusCode::kInvalidArgument) << "no kind";
  complete.set_kind(pipelines::v1::COMPLETION_KIND_CREATED);
  EXPECT_EQ(code(complete), StatusCode::kInvalidArgument) << "created, but which pipeline?";
  complete.set_pipeline_id(1);
  EXPECT_EQ(code(complete), StatusCode::kFailedPrecondition) << "nobody leased it";
  complete.set_kind(pipelines::v1::COMPLETION_KIND_RETRY);
  EXPECT_EQ(code(complete), StatusCode::kInvalidArgument) << "no reason";
  complete.set_reason(std::string(1025, 'r'));
  EXPECT_EQ(code(complete), StatusCode::kInvalidArgument) << "a long reason";
  complete.set_reason("r");
  complete.mutable_retry_after()->set_seconds(3601);
  EXPECT_EQ(code(complete), StatusCode::kInvalidArgument) << "a long wait";

  admin::v1::ListPipelineRequestsRequest list;
  list.set_page_size(1001);
  EXPECT_EQ(code(list), StatusCode::kInvalidArgument);
  list.set_page_size(-1);
  EXPECT_EQ(code(list), StatusCode::kInvalidArgument);
  list.set_page_size(0);
  list.set_state("' OR 1=1");
  EXPECT_EQ(code(list), StatusCode::kInvalidArgument);
  list.set_state("");
  list.set_project_id(-5);
  EXPECT_NE(code(list), StatusCode::kInternal);
  ListSubscriptionsRequest subscriptions;
  subscriptions.set_page_size(1001);
  EXPECT_EQ(code(subscriptions), StatusCode::kInvalidArgument);
}

TEST_F(BadInputTest, TheCommandLineRefusesWhatIsNoEventAndSaysWhere) {
  const support::DevServer& server = Server();
  struct Case {
    const char* name;
    std::vector<std::string> arguments;
    std::string input;
    const char* says;
  };
  const std::string good =
      R"({"id": "cli-1", "source": "s", "names": ["custom/x"], "time": "2020-01-01T00:00:00Z"})";
  const std::vector<Case> cases = {
      {"a webhook that is not JSON", {"--webhook", "-"}, "{\"object_kind\": \n", "JSON"},
      {"a webhook that nothing knows",
       {"--webhook", "-"},
       "{\"object_kind\": \"dance\"}\n",
       "dance"},
      {"an event that is not JSON", {"--event", "-"}, "{id: 1}\n", "JSON"},
      {"an unknown field",
       {"--event", "-"},
       "{\"id\": \"a\", \"nmaes\": [\"custom/x\"]}\n",
       "names"},
      {"a wrong type", {"--event", "-"}, "{\"id\": 7}\n", "id"},
      {"no time",
       {"--event", "-"},
       "{\"id\": \"a\", \"source\": \"s\", \"names\": [\"custom/x\"]}\n",
       "time"},
      {"no names",
       {"--event", "-"},
       "{\"id\": \"a\", \"source\": \"s\", \"time\": \"2020-01-01T00:00:00Z\"}\n",
       "names"},
      {"an old event", {"--event", "-"}, good + "\n", "24h"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    std::vector<std::string> arguments = {"emit", "--json"};
    arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
    const support::Finished finished = server.Cli(arguments, one.input);
    EXPECT_EQ(finished.exit_code, 1) << finished.err;
    const support::Json outcome(finished.out);
    EXPECT_EQ(outcome["outcome"].string(), "rejected");
    EXPECT_EQ(outcome["ack"].string(), "none");
    EXPECT_TRUE(outcome["matched"].is_null());
    EXPECT_THAT(outcome["message"].string(), HasSubstr(one.says));
  }
}

TEST_F(BadInputTest, OneBadLineDoesNotKeepTheOthersFromBeingSent) {
  const support::Finished finished = Server().Cli(
      {"emit", "--json", "--webhook", "-", "--project-id", "1"},
      "{\"object_kind\": \"issue\", \"object_attributes\": {\"action\": \"open\"}}\nnonsense\n"
      "{\"object_kind\": \"issue\", \"object_attributes\": {\"action\": \"close\"}}\n");
  EXPECT_EQ(finished.exit_code, 1);
  const std::vector<support::Json> outcomes = support::JsonLines(finished.out);
  ASSERT_THAT(outcomes, SizeIs(3));
  EXPECT_EQ(outcomes[0]["outcome"].string(), "accepted") << outcomes[0].text();
  EXPECT_EQ(outcomes[1]["outcome"].string(), "rejected");
  EXPECT_EQ(outcomes[2]["outcome"].string(), "accepted");
}

TEST_F(BadInputTest, UsageErrorsAreExitCodeTwo) {
  const support::DevServer& server = Server();
  const std::vector<std::vector<std::string>> cases = {
      {"no-such-verb"},
      {},
      {"push", "--project-id", "1"},
      {"push", "--project-id", "-1", "--namespace-ids", "1"},
      {"push", "--project-id", "x", "--namespace-ids", "1"},
      {"push", "--project-id", "1", "--namespace-ids", "1", "--dir", "/no/such/folder"},
      {"push", "--project-id", "1", "--namespace-ids", "1", "--allowed-scopes", "planet"},
      {"emit"},
      {"emit", "--event", "/no/such/file"},
      {"emit", "--event", "/no/such/file", "--webhook", "/no/such/file"},
      {"requests", "list", "--state", "lost"},
      {"requests", "show", "not-an-id"},
      {"requests", "lease", "--max", "0"},
      {"matcher"},
      {"dev", "--port", "70000"},
  };
  for (const std::vector<std::string>& arguments : cases) {
    const support::Finished finished = server.Cli(arguments);
    EXPECT_EQ(finished.exit_code, 2) << ::testing::PrintToString(arguments) << finished.err;
    EXPECT_FALSE(finished.err.empty()) << ::testing::PrintToString(arguments);
  }
  EXPECT_EQ(server.Cli({"--help"}).exit_code, 0);
  EXPECT_EQ(server.Cli({"--version"}).exit_code, 0);
  EXPECT_EQ(server.Cli({"requests", "show", "01890a5d-ac96-774b-bcce-b302099a8057:1"}).exit_code,
            1);
}

}  // namespace
}  // namespace cievents::integration
