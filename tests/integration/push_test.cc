// A push is a difference: what is added, updated and removed, which ids stay, what is asked for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "services/lib/base/sha256.h"
#include "tests/integration/project.h"

namespace cievents::integration {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kEvents[] = ".gitlab/ci/events/";

std::string EventsFile(std::string_view name) { return kEvents + std::string(name); }
std::string OnEvent(std::string_view event) {
  return "spec: {events: [" + std::string(event) + "]}\n---\n";
}

std::string Counts(const PushConfigResponse& response) {
  return ResultName(response) + " +" + std::to_string(response.added()) + " ~" +
         std::to_string(response.updated()) + " -" + std::to_string(response.removed());
}

std::vector<std::string> NeedsContent(const PushConfigResponse& response) {
  return {response.needs_content().begin(), response.needs_content().end()};
}

config::v1::FileContent* AddFile(PushConfigRequest* request, const std::string& path,
                                 const std::string& content) {
  config::v1::FileContent* file = request->add_files();
  file->set_path(path);
  file->set_content(content);
  return file;
}

TEST(PushTest, IdsAreStableOverChangesOfContentAndOfOtherFiles) {
  Project project;
  project.Set(EventsFile("a.yml"), OnEvent("custom/a"))
      .Set(EventsFile("b.yml"), OnEvent("custom/b"));
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED +2 ~0 -0");
  const auto first = project.Ids();
  ASSERT_THAT(first, SizeIs(2));

  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED +0 ~0 -0") << "an equal push";
  EXPECT_EQ(project.Ids(), first);

  project.Set(EventsFile("a.yml"), OnEvent("custom/a2"));
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED +0 ~1 -0");
  EXPECT_EQ(project.Ids(), first);
  EXPECT_EQ(project.Fires("custom/a"), 0);
  EXPECT_EQ(project.Fires("custom/a2"), 1);
  EXPECT_EQ(project.Fires("custom/b"), 1);

  project.Set(EventsFile("a.yml"), "# only a comment more\n" + OnEvent("custom/a2"));
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED +0 ~0 -0") << "comments change nothing";
  EXPECT_EQ(project.Ids(), first);
}

TEST(PushTest, ARenameIsANewSubscriptionAndARemovedOneReturnsWithItsId) {
  Project project;
  project.Set(EventsFile("a.yml"), OnEvent("custom/a"))
      .Set(EventsFile("b.yml"), OnEvent("custom/b"));
  project.Push();
  const auto first = project.Ids();

  project.Remove(EventsFile("a.yml")).Set(EventsFile("c.yml"), OnEvent("custom/a"));
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED +1 ~0 -1");
  const auto renamed = project.Ids();
  EXPECT_NE(renamed.at(EventsFile("c.yml") + " {}"), first.at(EventsFile("a.yml") + " {}"));
  EXPECT_EQ(renamed.at(EventsFile("b.yml") + " {}"), first.at(EventsFile("b.yml") + " {}"));
  EXPECT_EQ(project.Fires("custom/a"), 1);

  project.Remove(EventsFile("c.yml")).Set(EventsFile("a.yml"), OnEvent("custom/other"));
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED +1 ~0 -1");
  EXPECT_EQ(project.Ids(), first) << "the tombstone gave its id back";
}

TEST(PushTest, TheLastFileGoesAndNothingFiresAnyMore) {
  Project project;
  project.Set(EventsFile("a.yml"), OnEvent("custom/a"));
  project.Push();
  EXPECT_EQ(project.Fires("custom/a"), 1);
  project.Remove(EventsFile("a.yml"));
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED +0 ~0 -1");
  EXPECT_THAT(project.Subscriptions(), IsEmpty());
  EXPECT_EQ(project.Fires("custom/a"), 0);
  EXPECT_THAT(project.Requests(), SizeIs(1)) << "what was enqueued stays";
}

TEST(PushTest, TheOnlyVariantKeepsItsIdWhenItsInputsChange) {
  Project project;
  project.Set("ci/a.yml", OnEvent("custom/a"))
      .Set(".gitlab-ci.yml", "include: {local: ci/a.yml, inputs: {env: one}}\n");
  project.Push();
  const int64_t id = project.Ids().at(R"(ci/a.yml {"env":"one"})");
  project.Set(".gitlab-ci.yml", "include: {local: ci/a.yml, inputs: {env: two}}\n");
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED +0 ~1 -0");
  EXPECT_EQ(project.Ids().at(R"(ci/a.yml {"env":"two"})"), id);

  // From now on there are several: the key (path, inputs) decides.
  project.Set(".gitlab-ci.yml",
              "include:\n  - {local: ci/a.yml, inputs: {env: two}}\n"
              "  - {local: ci/a.yml, inputs: {env: three}}\n");
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED +1 ~0 -0");
  EXPECT_EQ(project.Ids().at(R"(ci/a.yml {"env":"two"})"), id);
}

TEST(PushTest, AnOlderOrEqualSequenceIsStaleAndDroppedWhole) {
  Project project;
  project.Set(EventsFile("a.yml"), OnEvent("custom/a"));
  PushConfigRequest request = project.Request();
  request.set_push_sequence(50);
  const PushConfigResponse first = project.Push(request);
  EXPECT_EQ(first.result(), config::v1::PUSH_RESULT_APPLIED);
  EXPECT_EQ(first.push_sequence(), 50);

  project.Set(EventsFile("b.yml"), OnEvent("custom/b"));
  for (const int64_t sequence : {50, 49, 1}) {
    PushConfigRequest late = project.Request();
    late.set_push_sequence(sequence);
    const PushConfigResponse stale = project.Push(late);
    EXPECT_EQ(stale.result(), config::v1::PUSH_RESULT_STALE) << sequence;
    EXPECT_EQ(stale.push_sequence(), 50);
  }
  EXPECT_THAT(project.Subscriptions(), SizeIs(1));
  EXPECT_EQ(project.Fires("custom/b"), 0);

  PushConfigRequest next = project.Request();
  EXPECT_EQ(project.Push(next).push_sequence(), 51) << "0 is the stored one plus 1";
  EXPECT_EQ(project.Fires("custom/b"), 1);
}

TEST(PushTest, AnotherRefIsValidatedAndNeverApplied) {
  Project project;
  project.Set(EventsFile("a.yml"), OnEvent("custom/a"));
  project.Push();
  const auto before = project.Ids();
  project.Set(EventsFile("a.yml"), OnEvent("custom/a2"))
      .Set(EventsFile("b.yml"), OnEvent("custom/b"))
      .Set(EventsFile("c.yml"), OnEvent("Custom/C"));
  PushConfigRequest request = project.Request();
  request.set_ref("refs/heads/feature");
  const PushConfigResponse validated = project.Push(request);
  EXPECT_EQ(Counts(validated), "PUSH_RESULT_VALIDATED +1 ~1 -0");
  EXPECT_THAT(IssueCodes(validated), ElementsAre("bad-pattern at .gitlab/ci/events/c.yml:1"));
  std::vector<std::pair<std::string, int64_t>> listed;
  for (const auto& subscription : validated.subscriptions()) {
    listed.emplace_back(subscription.path(), subscription.subscription_id());
  }
  EXPECT_THAT(listed, ElementsAre(std::pair(EventsFile("a.yml"), before.begin()->second),
                                  std::pair(EventsFile("b.yml"), 0)))
      << "a new one has no id yet";
  EXPECT_EQ(project.Ids(), before);
  EXPECT_EQ(project.Fires("custom/b"), 0);
  EXPECT_EQ(project.Fires("custom/a"), 1);
}

TEST(PushTest, TheDefaultBranchMayBeWrittenAsAFullRef) {
  Project project;
  project.Set(EventsFile("a.yml"), OnEvent("custom/a"));
  PushConfigRequest request = project.Request();
  request.set_ref("refs/heads/main");
  EXPECT_EQ(project.Push(request).result(), config::v1::PUSH_RESULT_APPLIED);
  request = project.Request();
  request.set_ref("refs/tags/main");
  EXPECT_EQ(project.Push(request).result(), config::v1::PUSH_RESULT_VALIDATED);
}

TEST(PushTest, ADryRunStoresNothing) {
  Project project;
  project.Set(EventsFile("a.yml"), OnEvent("custom/a"));
  PushConfigRequest request = project.Request();
  request.set_dry_run(true);
  const PushConfigResponse dry = project.Push(request);
  EXPECT_EQ(Counts(dry), "PUSH_RESULT_VALIDATED +1 ~0 -0");
  EXPECT_EQ(dry.push_sequence(), 0);
  EXPECT_THAT(project.Subscriptions(), IsEmpty());
  Event event = MakeEvent("custom/a");
  event.set_project_id(project.id());
  EXPECT_EQ(Publish(event).reason(), events::v1::OUTCOME_REASON_UNKNOWN_PROJECT)
      << "not even the project is known";
  EXPECT_EQ(project.Push().push_sequence(), 1);
}

TEST(PushTest, PushesAtTheSameTimeAndInAnyOrderEndWithTheNewest) {
  Project project;
  constexpr int kPushes = 24;
  std::vector<PushConfigRequest> requests;
  for (int i = 1; i <= kPushes; ++i) {
    Project version = project;
    version.Set(EventsFile("a.yml"), OnEvent("custom/v" + std::to_string(i)));
    requests.push_back(version.Request());
    requests.back().set_push_sequence(i);
    AddFile(&requests.back(), EventsFile("a.yml"), version.files().at(EventsFile("a.yml")));
  }
  std::vector<std::thread> pushers;
  std::atomic<int> applied = 0;
  for (int thread = 0; thread < 4; ++thread) {
    pushers.emplace_back([&, thread] {
      // Every push four times, in two orders.
      for (int k = 0; k < kPushes; ++k) {
        const int i = (thread % 2 == 0 ? k * 7 : kPushes - 1 - k * 5 % kPushes) % kPushes;
        const auto response = Call(requests[static_cast<size_t>(i)]);
        ASSERT_TRUE(response.ok()) << response.status();
        if (response->result() == config::v1::PUSH_RESULT_APPLIED) {
          ++applied;
        } else {
          EXPECT_EQ(response->result(), config::v1::PUSH_RESULT_STALE);
          EXPECT_GE(response->push_sequence(), i + 1);
        }
      }
    });
  }
  for (std::thread& pusher : pushers) pusher.join();
  AwaitMatcher();
  EXPECT_GE(applied, 1);
  EXPECT_LE(applied, kPushes) << "no sequence is applied twice";
  EXPECT_THAT(project.Subscriptions(), SizeIs(1)) << "one id through all of them";
  EXPECT_EQ(project.Fires("custom/v" + std::to_string(kPushes)), 1);
  EXPECT_EQ(project.Fires("custom/v1"), 0);
}

TEST(PushProtocolTest, OnlyContentsThatTheServerLacksAreAskedFor) {
  Project project;
  project.Set(".gitlab-ci.yml", "include: ci/a.yml\n")
      .Set("ci/a.yml", OnEvent("custom/a"))
      .Set("ci/other.yml", OnEvent("custom/other"))
      .Set(EventsFile("b.yml"), OnEvent("custom/b"));
  PushConfigRequest request = project.Request();
  auto response = Call(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->result(), config::v1::PUSH_RESULT_NEEDS_CONTENT);
  EXPECT_THAT(NeedsContent(*response), UnorderedElementsAre(".gitlab-ci.yml", EventsFile("b.yml")));
  for (const std::string& path : NeedsContent(*response)) {
    AddFile(&request, path, project.files().at(path));
  }
  response = Call(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->result(), config::v1::PUSH_RESULT_NEEDS_CONTENT);
  EXPECT_THAT(NeedsContent(*response), ElementsAre("ci/a.yml"))
      << "the include is known only now, and ci/other.yml is nobody's business";
  AddFile(&request, "ci/a.yml", project.files().at("ci/a.yml"));
  response = Call(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(Counts(*response), "PUSH_RESULT_APPLIED +2 ~0 -0");

  // The same blobs again: nothing is asked for. One new blob: only that.
  response = Call(project.Request());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(Counts(*response), "PUSH_RESULT_APPLIED +0 ~0 -0");
  project.Set("ci/a.yml", OnEvent("custom/a2"));
  response = Call(project.Request());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(NeedsContent(*response), ElementsAre("ci/a.yml"));
  EXPECT_EQ(response->push_sequence(), 2) << "what is stored so far";
}

TEST(PushProtocolTest, APushThatTouchesNothingOfInterestNeedsNoManifest) {
  Project project;
  project.Set(".gitlab-ci.yml", "include: [ci/a.yml, ci/missing.yml]\n")
      .Set("ci/a.yml", OnEvent("custom/a"));
  PushConfigRequest first = project.Request();
  first.set_commit_sha("commit-1");
  first.set_push_sequence(10);
  project.Push(first);

  const auto hint = [&](const std::string& previous, int64_t sequence, const std::string& path) {
    PushConfigRequest request;
    request.set_project_id(project.id());
    request.add_namespace_ids(project.root_id());
    request.set_default_branch("main");
    request.set_commit_sha("commit-" + std::to_string(sequence));
    request.set_push_sequence(sequence);
    request.set_previous_commit_sha(previous);
    request.add_changed_paths(path);
    const auto response = Call(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? ResultName(*response) : "";
  };
  EXPECT_EQ(hint("commit-1", 11, "src/main.c"), "PUSH_RESULT_UNCHANGED");
  EXPECT_EQ(hint("commit-11", 12, "docs/a.yml"), "PUSH_RESULT_UNCHANGED")
      << "commit and sequence were stored";
  EXPECT_EQ(hint("commit-12", 12, "src/main.c"), "PUSH_RESULT_STALE");
  EXPECT_EQ(hint("commit-1", 13, "src/main.c"), "PUSH_RESULT_NEEDS_MANIFEST")
      << "not the commit that was applied last";
  EXPECT_EQ(hint("commit-12", 13, "ci/a.yml"), "PUSH_RESULT_NEEDS_MANIFEST");
  EXPECT_EQ(hint("commit-12", 13, "ci/missing.yml"), "PUSH_RESULT_NEEDS_MANIFEST")
      << "an include names it: it may have come";
  EXPECT_EQ(hint("commit-12", 13, ".gitlab/ci/events/new.yml"), "PUSH_RESULT_NEEDS_MANIFEST");
  EXPECT_EQ(hint("commit-12", 13, ".gitlab-ci-event.yml"), "PUSH_RESULT_NEEDS_MANIFEST");
  EXPECT_EQ(hint("commit-12", 13, "src/main.c"), "PUSH_RESULT_UNCHANGED");
  EXPECT_EQ(project.Fires("custom/a"), 1);
}

TEST(PushProtocolTest, AnUnknownProjectWithHintsIsAskedForItsManifest) {
  Project project;
  PushConfigRequest request = project.Request();
  request.set_has_manifest(false);
  request.clear_manifest();
  request.set_push_sequence(1);
  request.set_previous_commit_sha("before");
  request.add_changed_paths("README.md");
  const auto response = Call(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->result(), config::v1::PUSH_RESULT_NEEDS_MANIFEST);
}

TEST(BrokenFileTest, ItsLastGoodVersionStaysLiveUntilItIsFixedOrGone) {
  Project project;
  project.Set(EventsFile("a.yml"), OnEvent("custom/a"))
      .Set(EventsFile("b.yml"), OnEvent("custom/b"));
  project.Push();
  const auto ids = project.Ids();

  project.Set(EventsFile("a.yml"), "spec: {events: [custom/a\n---\n")
      .Set(EventsFile("b.yml"), OnEvent("custom/b2"));
  const PushConfigResponse broken = project.Push();
  EXPECT_EQ(Counts(broken), "PUSH_RESULT_APPLIED_WITH_ERRORS +0 ~1 -0") << "b.yml is applied";
  EXPECT_THAT(IssueCodes(broken),
              ElementsAre(HasSubstr("yaml-syntax at .gitlab/ci/events/a.yml:")));
  EXPECT_EQ(project.Fires("custom/a"), 1) << "the last good version";
  EXPECT_EQ(project.Fires("custom/b2"), 1);

  // Broken in another way: the good version is still the first one. The error is said again.
  project.Set(EventsFile("a.yml"), OnEvent("CUSTOM/A"));
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED_WITH_ERRORS +0 ~0 -0");
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED_WITH_ERRORS +0 ~0 -0") << "from the cache";
  EXPECT_EQ(project.Fires("custom/a"), 1);
  EXPECT_EQ(project.Ids(), ids);

  project.Set(EventsFile("a.yml"), OnEvent("custom/fixed"));
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED +0 ~1 -0");
  EXPECT_EQ(project.Ids(), ids);
  EXPECT_EQ(project.Fires("custom/a"), 0);
  EXPECT_EQ(project.Fires("custom/fixed"), 1);

  project.Set(EventsFile("a.yml"), "spec: {events: [custom/a\n---\n");
  project.Push();
  EXPECT_EQ(project.Fires("custom/fixed"), 1);
  project.Remove(EventsFile("a.yml"));
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED +0 ~0 -1");
  EXPECT_EQ(project.Fires("custom/fixed"), 0);
}

TEST(BrokenFileTest, AFileThatWasNeverGoodSubscribesNothing) {
  Project project;
  project.Set(EventsFile("a.yml"), "spec: {events: [custom/a\n---\n");
  EXPECT_EQ(Counts(project.Push()), "PUSH_RESULT_APPLIED_WITH_ERRORS +0 ~0 -0");
  EXPECT_THAT(project.Subscriptions(), IsEmpty());
}

TEST(BrokenFileTest, ABrokenCiFileKeepsItsIncludesButAFileThatIsGoneEnds) {
  Project project;
  project.Set(".gitlab-ci.yml", "include: [ci/a.yml, ci/b.yml]\n")
      .Set("ci/a.yml", OnEvent("custom/a"))
      .Set("ci/b.yml", OnEvent("custom/b"));
  project.Push();
  project.Set(".gitlab-ci.yml", "include: [ci/a.yml\n").Remove("ci/b.yml");
  const PushConfigResponse broken = project.Push();
  EXPECT_EQ(broken.result(), config::v1::PUSH_RESULT_APPLIED_WITH_ERRORS);
  EXPECT_EQ(broken.removed(), 1);
  EXPECT_EQ(project.Fires("custom/a"), 1);
  EXPECT_EQ(project.Fires("custom/b"), 0);
}

}  // namespace
}  // namespace cievents::integration
