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

  store::TestDatabase database_;
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
