#include "services/event_matcher/feed_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "services/lib/ci_yaml/parsed_file.h"
#include "services/lib/store/config_store.h"
#include "services/lib/store/testing/test_database.h"

namespace cievents::event_matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kProject = 7;

std::string EntriesJson(const std::string& pattern) {
  matcher::Entry entry;
  entry.patterns.push_back(*matcher::Pattern::Parse(pattern));
  return ci_yaml::EntriesToJson({entry});
}

class FeedFollowerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = store::ConfigStore::Create(database_.dsn(), 4);
    ASSERT_TRUE(made.ok()) << made.status();
    store_ = *std::move(made);
  }
  void StartFollower() {
    FeedFollower::Options options;
    options.dsn = database_.dsn();
    options.on_loaded = [this] { ++loaded_; };
    options.check_interval = check_interval_;
    shards_.SetLayout({1, 1, {""}}, 1);
    follower_ = std::make_unique<FeedFollower>(options, index_, shards_, roots_);
    follower_->Start();
  }

  // Replaces the project's set by one subscription a pattern ("" = entries that nobody can read).
  void Push(int64_t project_id, const std::vector<std::string>& patterns) {
    const auto ids = store_->Transact(project_id, [&](const store::LockedProject& locked) {
      store::PushPlan plan;
      plan.project = locked.project;
      plan.project.project_id = project_id;
      plan.project.namespace_ids = {70, 71};
      plan.project.default_branch = "main";
      plan.project.commit_sha = "c" + std::to_string(++pushes_);
      plan.project.push_sequence = pushes_;
      plan.result = "applied";
      plan.changes_set = true;
      for (const std::string& pattern : patterns) {
        store::SubscriptionWrite write;
        write.path = pattern + std::to_string(pushes_) + ".yml";
        write.inputs_digest = "d";
        write.workflow_id = "w";
        write.entries_json = pattern.empty() ? R"([{"what": "is this"}])" : EntriesJson(pattern);
        write.inputs_json = R"({"a":1})";
        write.spec_inputs_json = R"({"a":{"type":"number"},"b":{"default":"b"}})";
        write.owner_user_id = 3;
        plan.writes.push_back(write);
      }
      for (const store::StoredSubscription& row : locked.subscriptions) {
        if (!row.ended) plan.ended.push_back(row.subscription_id);
      }
      return plan;
    });
    ASSERT_TRUE(ids.ok()) << ids.status();
  }
  // How many subscriptions an event of the project fires.
  size_t Fires(const std::string& name, int64_t project_id = kProject) {
    const std::vector<std::string> names = {name};
    const std::vector<int64_t> namespaces = {70, 71};
    matcher::EventView event;
    event.names = names;
    event.project_id = project_id;
    event.namespace_ids = namespaces;
    fired_.clear();
    matcher_.MatchEvent(event, [this](const matcher::Match& match) {
      Fired fired{std::string(match.ref()), match.commit_sha(), match.root_namespace_id(),
                  match.owner_user_id(), ""};
      std::string reason;
      EXPECT_TRUE(match.ResolveInputs(&fired.inputs_json, &reason)) << reason;
      fired_.push_back(fired);
    });
    return fired_.size();
  }
  bool SoonFires(const std::string& name, size_t count = 1) {
    return store::Eventually([&] { return Fires(name) == count; });
  }

  void Sql(const std::string& sql) { ASSERT_EQ(store::Sql(database_.dsn(), sql), ""); }
  // A round that began after now has ended.
  bool IsChecked() {
    const uint64_t checks = follower_->stats().checks;
    return store::Eventually([&] { return follower_->stats().checks >= checks + 2; });
  }

  store::TestDatabase database_;
  std::chrono::milliseconds check_interval_ = FeedFollower::kCheckInterval;
  std::unique_ptr<store::ConfigStore> store_;
  struct Fired {
    std::string ref;
    std::string commit_sha;
    int64_t root_namespace_id;
    int64_t owner_user_id;
    std::string inputs_json;
  };
  matcher::Index index_;
  matcher::Matcher matcher_{index_};  // of the test's thread
  std::vector<Fired> fired_;
  std::atomic<int> loaded_ = 0;
  int pushes_ = 0;
  ShardMap shards_{0, 1};
  ProjectRoots roots_;
  std::unique_ptr<FeedFollower> follower_;
};

TEST_F(FeedFollowerTest, TheFirstLoadBringsEverythingThatIsThere) {
  Push(kProject, {"custom/a", "custom/b"});
  Push(8, {"custom/a"});
  StartFollower();
  ASSERT_TRUE(store::Eventually([this] { return loaded_ == 1; }));
  EXPECT_EQ(index_.stats().projects, 2u) << "in the index before it is said to be loaded";
  EXPECT_EQ(Fires("custom/a"), 1u);
  EXPECT_EQ(fired_[0].commit_sha, "c1");
  EXPECT_EQ(fired_[0].ref, "main");
  EXPECT_EQ(fired_[0].root_namespace_id, 70);
  EXPECT_EQ(fired_[0].owner_user_id, 3);
  EXPECT_EQ(fired_[0].inputs_json, R"({"a":1,"b":"b"})") << "what the include gives, and a default";
}

TEST_F(FeedFollowerTest, PushesAreFollowedAsTheyCome) {
  StartFollower();
  ASSERT_TRUE(store::Eventually([this] { return loaded_ == 1; }));
  EXPECT_EQ(Fires("custom/a"), 0u);
  Push(kProject, {"custom/a"});
  EXPECT_TRUE(SoonFires("custom/a"));
  Push(kProject, {"custom/b", "custom/*"});
  EXPECT_TRUE(SoonFires("custom/b", 2));
  EXPECT_EQ(Fires("custom/a"), 1u) << "the old set is gone as a whole";
  Push(kProject, {});
  EXPECT_TRUE(SoonFires("custom/b", 0));
  std::vector<int64_t> namespaces;
  EXPECT_TRUE(matcher_.FindNamespaces(kProject, &namespaces)) << "an empty project stays known";
  EXPECT_THAT(namespaces, ElementsAre(70, 71));
  EXPECT_EQ(follower_->stats().loads, 1u);
  EXPECT_EQ(follower_->stats().changes, 3u);
}

TEST_F(FeedFollowerTest, ADeletedProjectLeavesTheIndex) {
  Push(kProject, {"custom/a"});
  StartFollower();
  ASSERT_TRUE(SoonFires("custom/a"));
  store::Sql(database_.dsn(),
             "UPDATE cievents.projects SET deleted_at = now() WHERE project_id = 7; "
             "SELECT cievents.mark_project_changed(7)");
  EXPECT_TRUE(store::Eventually([this] { return index_.stats().projects == 0; }));
}

TEST_F(FeedFollowerTest, ASubscriptionThatCannotBeReadIsLeftOutAndTheOthersFire) {
  Push(kProject, {"custom/a", "", "custom/b"});
  StartFollower();
  EXPECT_TRUE(SoonFires("custom/a"));
  EXPECT_EQ(Fires("custom/b"), 1u);
  EXPECT_EQ(index_.stats().subscriptions, 2u);
  Push(8, {""});
  Push(kProject, {"custom/c"});
  EXPECT_TRUE(SoonFires("custom/c")) << "one bad row does not stop the feed";
}

TEST_F(FeedFollowerTest, APostgresThatRestartsMeansAFullLoadWhileTheOldSetServes) {
  Push(kProject, {"custom/a"});
  StartFollower();
  ASSERT_TRUE(SoonFires("custom/a"));
  ASSERT_TRUE(store::Cluster().KillAll().ok());
  const uint64_t polls = follower_->stats().polls;
  EXPECT_EQ(Fires("custom/a"), 1u) << "the old set";
  ASSERT_TRUE(store::Cluster().Restart().ok());
  ASSERT_TRUE(store::Eventually([this] { return follower_->stats().loads >= 2; }));
  EXPECT_EQ(Fires("custom/a"), 1u);
  // The store's idle connections died too; it notices by itself.
  Push(kProject, {"custom/b"});
  EXPECT_TRUE(SoonFires("custom/b"));
  EXPECT_EQ(Fires("custom/a"), 0u);
  EXPECT_EQ(loaded_, 1) << "said once, for the first load";
  EXPECT_GT(follower_->stats().polls, polls);
}

// Push puts projects below namespace 70, which is shard 1's of two.
TEST_F(FeedFollowerTest, OfAnotherShardsProjectsOnlyTheRootsAreKept) {
  ASSERT_EQ(matcher::ShardOfSlot(matcher::SlotOf(70), 2), 1);
  ShardMap shards(0, 2);
  shards.SetLayout({1, 2, {"", ""}}, 1);
  Push(kProject, {"custom/a"});
  FeedFollower follower({database_.dsn()}, index_, shards, roots_);
  follower.Start();
  ASSERT_TRUE(store::Eventually([&] { return roots_.OfProject(kProject) == 70; }));
  Push(8, {"custom/a"});
  EXPECT_TRUE(store::Eventually([&] { return roots_.OfProject(8) == 70; }));
  EXPECT_EQ(roots_.OfGroup(71), 70) << "the root of a subgroup";
  EXPECT_EQ(index_.stats().subscriptions, 0u);
  EXPECT_EQ(shards.view()->loaded, matcher::SlotsOfShard(0, 2));
}

TEST_F(FeedFollowerTest, AnotherLayoutIsLoadedAndWhatIsNotWantedAnyMoreIsDropped) {
  ShardMap shards(0, 2);
  shards.SetLayout({1, 2, {"", ""}}, 1);
  Push(kProject, {"custom/a"});
  FeedFollower follower({database_.dsn()}, index_, shards, roots_);
  follower.Start();
  ASSERT_TRUE(store::Eventually([&] { return shards.view()->loaded.any(); }));
  EXPECT_EQ(Fires("custom/a"), 0u);
  shards.SetLayout({2, 1, {""}}, 1);
  ASSERT_TRUE(store::Eventually([&] { return shards.view()->loaded.all(); }));
  EXPECT_EQ(Fires("custom/a"), 1u);
  EXPECT_FALSE(roots_.OfProject(kProject).has_value());
  shards.SetLayout({3, 2, {"", ""}}, 3);
  ASSERT_TRUE(store::Eventually([&] { return roots_.OfProject(kProject) == 70; }));
  ASSERT_TRUE(store::Eventually([&] { return follower.stats().loads == 3; }));
  EXPECT_EQ(Fires("custom/a"), 0u);
}

// Rows that were changed by hand, without a mark for the feed.
TEST_F(FeedFollowerTest, WhatTheFeedMissedIsFoundByComparing) {
  check_interval_ = std::chrono::milliseconds(20);
  for (int64_t project = 1; project <= 6; ++project) Push(project, {"custom/a"});
  Push(1000, {"custom/a"});
  StartFollower();
  ASSERT_TRUE(store::Eventually([this] { return loaded_ == 1; }));
  ASSERT_TRUE(IsChecked());
  EXPECT_EQ(follower_->stats().repaired, 0u);

  Sql("UPDATE cievents.subscriptions SET suspended = true WHERE project_id = 1");
  EXPECT_TRUE(store::Eventually([this] { return Fires("custom/a", 1) == 0; }));
  Sql("UPDATE cievents.projects SET default_branch = 'trunk' WHERE project_id = 2");
  EXPECT_TRUE(
      store::Eventually([this] { return Fires("custom/a", 2) == 1 && fired_[0].ref == "trunk"; }));
  Sql("UPDATE cievents.subscriptions SET ended_at = now() WHERE project_id = 3");
  EXPECT_TRUE(store::Eventually([this] { return Fires("custom/a", 3) == 0; }));
  // Tombstones without a mark, and none at all; the last of all projects, too.
  Sql("UPDATE cievents.projects SET deleted_at = now() WHERE project_id = 4");
  EXPECT_TRUE(store::Eventually([this] { return Fires("custom/a", 4) == 0; }));
  Sql("DELETE FROM cievents.subscriptions WHERE project_id = 1000;"
      " DELETE FROM cievents.config_files WHERE project_id = 1000;"
      " DELETE FROM cievents.projects WHERE project_id = 1000");
  EXPECT_TRUE(store::Eventually([this] { return Fires("custom/a", 1000) == 0; }));
  // One that nobody was told of.
  Sql("UPDATE cievents.projects SET deleted_at = NULL WHERE project_id = 4");
  EXPECT_TRUE(store::Eventually([this] { return Fires("custom/a", 4) == 1; }));

  ASSERT_TRUE(IsChecked());
  EXPECT_EQ(follower_->stats().repaired, 6u) << "each once, and no other";
  EXPECT_EQ(Fires("custom/a", 5), 1u);
  EXPECT_EQ(follower_->stats().loads, 1u);
}

TEST_F(FeedFollowerTest, WithoutComparingItStaysMissed) {
  check_interval_ = std::chrono::milliseconds(0);
  Push(kProject, {"custom/a"});
  StartFollower();
  ASSERT_TRUE(SoonFires("custom/a"));
  Sql("UPDATE cievents.subscriptions SET suspended = true");
  const uint64_t polls = follower_->stats().polls;
  ASSERT_TRUE(store::Eventually([&] { return follower_->stats().polls > polls + 20; }));
  EXPECT_EQ(Fires("custom/a"), 1u);
  EXPECT_EQ(follower_->stats().checks, 0u);
}

// The changes and the digests are of one snapshot.
TEST_F(FeedFollowerTest, PushesDuringTheComparingAreNoDifference) {
  check_interval_ = std::chrono::milliseconds(1);
  Push(kProject, {"custom/a"});
  StartFollower();
  ASSERT_TRUE(store::Eventually([this] { return loaded_ == 1; }));
  const uint64_t checks = follower_->stats().checks;
  for (int i = 0; follower_->stats().checks < checks + 20; ++i) {
    Push(1 + i % 5, {i % 2 == 0 ? "custom/a" : "custom/b"});
    Push(100 + i, {"custom/a"});
    ASSERT_LT(i, 10'000);
  }
  ASSERT_TRUE(IsChecked());
  EXPECT_EQ(follower_->stats().repaired, 0u);
  EXPECT_EQ(follower_->stats().loads, 1u);
}

TEST_F(FeedFollowerTest, OtherShardsProjectsAreComparedToo) {
  ShardMap shards(0, 2);
  shards.SetLayout({1, 2, {"", ""}}, 1);
  Push(kProject, {"custom/a"});
  FeedFollower::Options options;
  options.dsn = database_.dsn();
  options.check_interval = std::chrono::milliseconds(20);
  follower_ = std::make_unique<FeedFollower>(options, index_, shards, roots_);
  follower_->Start();
  ASSERT_TRUE(store::Eventually([&] { return roots_.OfProject(kProject) == 70; }));
  Sql("UPDATE cievents.projects SET namespace_ids = '{90}' WHERE project_id = 7");
  EXPECT_TRUE(store::Eventually([&] { return roots_.OfProject(kProject) == 90; }));
  follower_->Stop();
  EXPECT_EQ(follower_->stats().repaired, 1u);
}

TEST_F(FeedFollowerTest, ItStartsBeforePostgresDoes) {
  Push(kProject, {"custom/a"});
  ASSERT_TRUE(store::Cluster().KillAll().ok());
  StartFollower();
  ASSERT_TRUE(store::Cluster().Restart().ok());
  EXPECT_TRUE(SoonFires("custom/a"));
  // Said after the index has it.
  EXPECT_TRUE(store::Eventually([this] { return loaded_ == 1; }));
}

TEST_F(FeedFollowerTest, StopIsQuickTwiceIsFineAndUnstartedToo) {
  StartFollower();
  ASSERT_TRUE(store::Eventually([this] { return loaded_ == 1; }));
  follower_->Stop();
  follower_->Stop();
  const uint64_t polls = follower_->stats().polls;
  Push(kProject, {"custom/a"});
  EXPECT_EQ(Fires("custom/a"), 0u);
  EXPECT_EQ(follower_->stats().polls, polls);
  FeedFollower unstarted({database_.dsn()}, index_, shards_, roots_);
  unstarted.Stop();
}

TEST(ProjectDigestsTest, OnlyWhatIsInTheRangeOfACheckIsCompared) {
  ProjectDigests digests;
  for (const int64_t id : {10, 20, 30, 40}) {
    store::FeedProject project;
    project.project_id = id;
    project.digest = static_cast<uint64_t>(id);
    digests.Note(project);
  }
  const auto differing = [&digests](int64_t after, int64_t through,
                                    std::vector<store::FeedCheck::Digest> there) {
    return digests.Differing({{}, after, through, std::move(there)});
  };
  EXPECT_THAT(differing(0, 20, {{10, 10}, {20, 20}}), IsEmpty());
  EXPECT_THAT(differing(10, 30, {{20, 20}, {30, 30}}), IsEmpty());
  EXPECT_THAT(differing(0, 30, {{10, 10}, {20, 21}, {30, 30}}), ElementsAre(20)) << "changed";
  EXPECT_THAT(differing(0, 30, {{10, 10}, {30, 30}}), ElementsAre(20)) << "gone";
  EXPECT_THAT(differing(20, 40, {{25, 25}, {30, 30}, {40, 40}}), ElementsAre(25)) << "new";
  EXPECT_THAT(differing(20, 50, {}), ElementsAre(30, 40));
  EXPECT_THAT(differing(40, 50, {{45, 45}}), ElementsAre(45));
}

TEST(ToProjectSubscriptionsTest, EveryFieldIsCarried) {
  store::FeedProject row;
  row.project_id = 7;
  row.namespace_ids = {70};
  row.default_branch = "trunk";
  row.commit_sha = "c0ffee";
  row.subscriptions.push_back({42, "a.yml", "ab12", EntriesJson("custom/a"), R"({"env":"live"})",
                               R"({"env":{}})", R"({"workflow":[{"events":[],"when":"always"}]})",
                               3, 1'700'000'000'000, true});
  const matcher::ProjectSubscriptions set = ToProjectSubscriptions(row);
  EXPECT_EQ(set.project_id, 7);
  EXPECT_THAT(set.namespace_ids, ElementsAre(70));
  EXPECT_EQ(set.default_branch, "trunk");
  EXPECT_EQ(set.commit_sha, "c0ffee");
  ASSERT_THAT(set.subscriptions, SizeIs(1));
  const matcher::Subscription& subscription = set.subscriptions[0];
  EXPECT_EQ(subscription.subscription_id, 42);
  EXPECT_EQ(subscription.path, "a.yml");
  EXPECT_EQ(subscription.workflow_id, "ab12");
  ASSERT_THAT(subscription.entries, SizeIs(1));
  EXPECT_EQ(subscription.entries[0].patterns[0].text(), "custom/a");
  ASSERT_THAT(subscription.include_inputs, SizeIs(1));
  EXPECT_EQ(subscription.include_inputs[0].value_json, "\"live\"");
  EXPECT_EQ(subscription.spec_inputs_json, R"({"env":{}})");
  ASSERT_TRUE(subscription.hoisted_rules.workflow.has_value());
  ASSERT_THAT(*subscription.hoisted_rules.workflow, SizeIs(1));
  EXPECT_EQ(subscription.hoisted_rules.workflow->at(0).when, matcher::When::kAlways);
  EXPECT_FALSE(subscription.hoisted_rules.jobs.has_value());
  EXPECT_EQ(subscription.owner_user_id, 3);
  EXPECT_EQ(subscription.created_time_ms, 1'700'000'000'000);
  EXPECT_TRUE(subscription.suspended);
}

// Without them it would fire where its file says that nothing runs.
TEST(ToProjectSubscriptionsTest, ASubscriptionWhoseHoistedRulesCannotBeReadIsLeftOut) {
  store::FeedProject row;
  row.project_id = 7;
  for (const char* hoisted : {"{}", R"({"jobs":{}})", R"({"jobs":[]})"}) {
    store::FeedSubscription& one = row.subscriptions.emplace_back();
    one.path = hoisted;
    one.entries_json = EntriesJson("custom/a");
    one.inputs_json = "{}";
    one.spec_inputs_json = "{}";
    one.hoisted_rules_json = hoisted;
  }
  const matcher::ProjectSubscriptions set = ToProjectSubscriptions(row);
  ASSERT_THAT(set.subscriptions, SizeIs(2));
  EXPECT_EQ(set.subscriptions[0].path, "{}");
  EXPECT_EQ(set.subscriptions[1].path, R"({"jobs":[]})");
}

}  // namespace
}  // namespace cievents::event_matcher
