#include "services/lib/store/config_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "matcher/base/status.h"
#include "matcher/slots.h"
#include "services/lib/store/subscription_feed.h"
#include "services/lib/store/testing/test_database.h"

namespace cievents::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

PushPlan Plan(int64_t project_id, int64_t push_sequence) {
  PushPlan plan;
  plan.project.project_id = project_id;
  plan.project.namespace_ids = {70, 71};
  plan.project.project_path = "group/sub/project";
  plan.project.default_branch = "main";
  plan.project.ci_config_path = ".gitlab-ci.yml";
  plan.project.push_sequence = push_sequence;
  plan.project.commit_sha = fmt::format("c{}", push_sequence);
  plan.sequence = push_sequence;
  plan.commit_sha = plan.project.commit_sha;
  plan.project.run_as_user_id = 3;
  plan.project.allowed_scopes = {"group", "project:9"};
  plan.result = "applied";
  return plan;
}

SubscriptionWrite Write(int64_t subscription_id, const std::string& path,
                        const std::string& digest) {
  SubscriptionWrite write;
  write.subscription_id = subscription_id;
  write.path = path;
  write.inputs_digest = digest;
  write.workflow_id = "w";
  write.entries_json = R"([{"b": 1.50, "a": 1e5, "text": "é\u00e9\n"}])";
  write.inputs_json = R"({"z":12345678901234567890.0,"a":1})";
  write.spec_inputs_json = R"({"z":{"type":"number", "default":1.50},"a":null})";
  write.hoisted_rules_json = R"({"workflow":[ {"events":[],"if":"$A","when":"never"}]})";
  write.owner_user_id = 3;
  return write;
}

class ConfigStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = ConfigStore::Create(database_.dsn(), 8);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  std::vector<int64_t> Push(const PushPlan& plan) {
    const auto ids =
        store_->Transact(plan.project.project_id, [&plan](const LockedProject&) { return plan; });
    EXPECT_TRUE(ids.ok()) << ids.status();
    return ids.ok() ? *ids : std::vector<int64_t>();
  }
  LockedProject Read(int64_t project_id) {
    auto found = store_->Read(project_id);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *std::move(found) : LockedProject();
  }

  TestDatabase database_;
  std::unique_ptr<ConfigStore> store_;
};

TEST_F(ConfigStoreTest, AFirstPushMakesTheProject) {
  EXPECT_FALSE(Read(7).exists);
  PushPlan plan = Plan(7, 1);
  plan.files = {{".gitlab-ci.yml", "ci_file", "b1", R"({"b":1.0})", "b0", "{}"},
                {"gone.yml", "header_only", "", "", "", ""}};
  plan.writes = {Write(0, "b.yml", "d1"), Write(0, "a.yml", "d1")};
  std::optional<LockedProject> seen;
  const auto ids = store_->Transact(7, [&](const LockedProject& locked) {
    seen = locked;
    return plan;
  });
  ASSERT_TRUE(ids.ok()) << ids.status();
  EXPECT_FALSE(seen->exists);
  EXPECT_EQ(seen->project.project_id, 7);
  ASSERT_THAT(*ids, SizeIs(2));

  const LockedProject found = Read(7);
  ASSERT_TRUE(found.exists);
  EXPECT_THAT(found.project.namespace_ids, ElementsAre(70, 71));
  EXPECT_EQ(found.project.project_path, "group/sub/project");
  EXPECT_EQ(found.project.default_branch, "main");
  EXPECT_EQ(found.project.ci_config_path, ".gitlab-ci.yml");
  EXPECT_EQ(found.project.push_sequence, 1);
  EXPECT_EQ(found.project.commit_sha, "c1");
  EXPECT_EQ(found.project.run_as_user_id, 3);
  EXPECT_THAT(found.project.allowed_scopes, ElementsAre("group", "project:9"));
  EXPECT_FALSE(found.project.deleted);
  ASSERT_THAT(found.files, SizeIs(2));
  EXPECT_EQ(found.files[0].path, ".gitlab-ci.yml");
  EXPECT_EQ(found.files[0].role, "ci_file");
  EXPECT_EQ(found.files[0].parsed_json, R"({"b":1.0})");
  EXPECT_EQ(found.files[0].good_blob_id, "b0");
  EXPECT_EQ(found.files[1].blob_id, "");
  ASSERT_THAT(found.subscriptions, SizeIs(2));
  EXPECT_EQ(found.subscriptions[0].path, "a.yml");
  EXPECT_EQ(found.subscriptions[0].subscription_id, (*ids)[1]) << "ids in the order of the writes";
  EXPECT_EQ(found.subscriptions[0].entries_json, plan.writes[1].entries_json) << "bit by bit";
  EXPECT_EQ(found.subscriptions[0].inputs_json, plan.writes[1].inputs_json) << "bit by bit";
  EXPECT_EQ(found.subscriptions[0].spec_inputs_json, plan.writes[1].spec_inputs_json)
      << "bit by bit";
  EXPECT_EQ(found.subscriptions[0].hoisted_rules_json, plan.writes[1].hoisted_rules_json)
      << "bit by bit";
  EXPECT_EQ(found.subscriptions[0].owner_user_id, plan.writes[1].owner_user_id);
  EXPECT_EQ(Sql(database_.dsn(), "SELECT slot, root_namespace_id FROM cievents.projects"),
            fmt::format("{}|70", matcher::SlotOf(70)));
}

TEST_F(ConfigStoreTest, AnErrorOfThePlanRollsBackAndIsReturned) {
  const auto ids = store_->Transact(7, [](const LockedProject&) -> absl::StatusOr<PushPlan> {
    return absl::NotFoundError("a file is needed");
  });
  EXPECT_EQ(ids.status(), absl::NotFoundError("a file is needed"));
  EXPECT_FALSE(Read(7).exists);
}

TEST_F(ConfigStoreTest, AKeyThatReturnsGetsItsIdAndCreationBack) {
  PushPlan plan = Plan(7, 1);
  plan.writes = {Write(0, "a.yml", "d1")};
  const int64_t id = Push(plan).at(0);
  const std::string created = Sql(database_.dsn(), "SELECT created_at FROM cievents.subscriptions");
  PushPlan ending = Plan(7, 2);
  ending.ended = {id};
  Push(ending);
  ASSERT_THAT(Read(7).subscriptions, SizeIs(1));
  EXPECT_TRUE(Read(7).subscriptions[0].ended);

  PushPlan returning = Plan(7, 3);
  returning.writes = {Write(id, "a.yml", "d1")};
  EXPECT_THAT(Push(returning), ElementsAre(id));
  EXPECT_FALSE(Read(7).subscriptions[0].ended);
  EXPECT_EQ(Sql(database_.dsn(), "SELECT created_at FROM cievents.subscriptions"), created);

  Push(ending);
  PushPlan unaware = Plan(7, 4);
  unaware.writes = {Write(0, "a.yml", "d1")};
  EXPECT_THAT(Push(unaware), ElementsAre(id)) << "also if the caller takes it for new";
}

TEST_F(ConfigStoreTest, AnIdMayTakeTheKeyOfATombstone) {
  PushPlan plan = Plan(7, 1);
  plan.writes = {Write(0, "a.yml", "d1"), Write(0, "a.yml", "d2")};
  const std::vector<int64_t> ids = Push(plan);
  PushPlan ending = Plan(7, 2);
  ending.ended = {ids[1]};
  Push(ending);
  PushPlan moving = Plan(7, 3);
  moving.writes = {Write(ids[0], "a.yml", "d2")};
  EXPECT_THAT(Push(moving), ElementsAre(ids[0]));
  const LockedProject found = Read(7);
  ASSERT_THAT(found.subscriptions, SizeIs(2));
  EXPECT_EQ(found.subscriptions[0].inputs_digest, "d2");
  EXPECT_FALSE(found.subscriptions[0].ended);
  EXPECT_TRUE(found.subscriptions[1].ended) << "the tombstone keeps its row, without the key";
}

TEST_F(ConfigStoreTest, KeysMayWanderWithinOnePush) {
  PushPlan plan = Plan(7, 1);
  plan.writes = {Write(0, "a.yml", "d1"), Write(0, "a.yml", "d2"), Write(0, "a.yml", "d3")};
  const std::vector<int64_t> ids = Push(plan);
  PushPlan moving = Plan(7, 2);
  moving.ended = {ids[2]};
  // The first two change places; a new one takes the key of the one that ends.
  moving.writes = {Write(ids[0], "a.yml", "d2"), Write(ids[1], "a.yml", "d1"),
                   Write(0, "b.yml", "d3")};
  Push(moving);
  EXPECT_EQ(Sql(database_.dsn(), fmt::format("SELECT inputs_digest FROM cievents.subscriptions"
                                             " WHERE subscription_id IN ({}, {})"
                                             " ORDER BY subscription_id",
                                             ids[0], ids[1])),
            "d2\nd1");
  PushPlan replacing = Plan(7, 3);
  replacing.ended = {ids[0]};
  replacing.writes = {Write(ids[1], "a.yml", "d2")};
  EXPECT_THAT(Push(replacing), ElementsAre(ids[1]));
}

TEST_F(ConfigStoreTest, AForeignIdIsRefusedWhole) {
  PushPlan plan = Plan(7, 1);
  plan.writes = {Write(0, "a.yml", "d1")};
  const int64_t id = Push(plan).at(0);
  const auto ids = store_->Transact(8, [id](const LockedProject&) {
    PushPlan foreign = Plan(8, 1);
    foreign.writes = {Write(id, "a.yml", "d1")};
    return foreign;
  });
  EXPECT_EQ(ids.status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(Read(8).exists);
}

TEST_F(ConfigStoreTest, FilesAreReplaced) {
  PushPlan plan = Plan(7, 1);
  plan.files = {{"a.yml", "ci_file", "b1", "{}", "", ""},
                {"b.yml", "header_only", "b2", "{}", "", ""}};
  Push(plan);
  plan = Plan(7, 2);
  plan.files = {{"b.yml", "header_only", "b3", "{}", "b2", "{}"},
                {"c.yml", "event_list", "b4", "", "", ""}};
  Push(plan);
  const LockedProject found = Read(7);
  ASSERT_THAT(found.files, SizeIs(2));
  EXPECT_EQ(found.files[0].path, "b.yml");
  EXPECT_EQ(found.files[0].blob_id, "b3");
  EXPECT_EQ(found.files[1].path, "c.yml");
}

TEST_F(ConfigStoreTest, MatchersSeeAPushOnlyIfItChangesTheSet) {
  Push(Plan(7, 1));
  auto feed = SubscriptionFeed::Connect(database_.dsn());
  ASSERT_TRUE(feed.ok());
  ASSERT_TRUE((*feed)->Load().ok());
  Push(Plan(7, 2));
  EXPECT_THAT(*(*feed)->Poll(), IsEmpty());
  PushPlan changing = Plan(7, 3);
  changing.writes = {Write(0, "a.yml", "d1")};
  changing.changes_set = true;
  Push(changing);
  const auto changed = (*feed)->Poll();
  ASSERT_TRUE(changed.ok());
  ASSERT_THAT(*changed, SizeIs(1));
  EXPECT_THAT((*changed)[0].namespace_ids, ElementsAre(70, 71));
  EXPECT_THAT((*changed)[0].subscriptions, SizeIs(1));
}

TEST_F(ConfigStoreTest, TheRecordOfAPushKeepsItsIssues) {
  PushPlan plan = Plan(7, 1);
  plan.result = "applied_with_errors";
  plan.added = 1;
  plan.updated = 2;
  plan.removed = 3;
  plan.issues = {{Severity::kError, "unknown-key", "a.yml", 4, 5, "no \"such\" key", "name"}};
  Push(plan);
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT project_path, push_sequence, commit_sha, result, added, updated, removed,"
                " issues FROM cievents_admin.config_pushes"),
            "group/sub/project|1|c1|applied_with_errors|1|2|3|1");
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT severity, code, file, line, \"column\", message, suggestion"
                " FROM cievents_admin.config_issues"),
            "error|unknown-key|a.yml|4|5|no \"such\" key|name");
}

TEST_F(ConfigStoreTest, TheLastTwentyPushesOfAProjectAreKept) {
  for (int i = 1; i <= 25; ++i) Push(Plan(7, i));
  Push(Plan(8, 1));
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT project_id, count(*), min(push_sequence) FROM"
                " cievents.config_pushes GROUP BY 1 ORDER BY 1"),
            "7|20|6\n8|1|1");
}

TEST_F(ConfigStoreTest, AStalePushLeavesOnlyItsRecord) {
  Push(Plan(7, 5));
  PushPlan stale = Plan(7, 4);
  stale.result = "stale";
  stale.write_nothing_but_record = true;
  stale.files = {{"a.yml", "ci_file", "b1", "{}", "", ""}};
  Push(stale);
  EXPECT_EQ(Read(7).project.push_sequence, 5);
  EXPECT_THAT(Read(7).files, IsEmpty());
  EXPECT_EQ(Sql(database_.dsn(), "SELECT result FROM cievents.config_pushes ORDER BY push_id"),
            "applied\nstale");
  stale.project.project_id = 9;
  Push(stale);
  EXPECT_FALSE(Read(9).exists) << "a project does not become known by being refused";
}

TEST_F(ConfigStoreTest, ADeletedProjectIsATombstoneAndMayReturn) {
  PushPlan plan = Plan(7, 1);
  plan.project.deleted = true;
  Push(plan);
  EXPECT_TRUE(Read(7).project.deleted);
  Push(Plan(7, 2));
  EXPECT_FALSE(Read(7).project.deleted);
}

TEST_F(ConfigStoreTest, AMovedProjectTakesItsSubscriptionsAlong) {
  PushPlan plan = Plan(7, 1);
  plan.writes = {Write(0, "a.yml", "d1")};
  Push(plan);
  PushPlan moved = Plan(7, 2);
  moved.project.namespace_ids = {90};
  Push(moved);
  EXPECT_EQ(Sql(database_.dsn(), "SELECT root_namespace_id FROM cievents.subscriptions"), "90");
}

TEST_F(ConfigStoreTest, APushThatTouchesNothingOfInterestOnlyMoves) {
  PushPlan plan = Plan(7, 5);
  plan.files = {{"a.yml", "ci_file", "b1", "{}", "", ""}, {"ci/*", "prefix", "", "", "", ""}};
  Push(plan);
  void (*moves_to)(StoredProject*) = nullptr;
  const auto move = [&](int64_t project, const char* previous, int64_t sequence,
                        const std::vector<std::string>& paths) {
    StoredProject after = plan.project;
    after.project_id = project;
    after.commit_sha = "c6";
    after.push_sequence = sequence;
    if (moves_to != nullptr) moves_to(&after);
    const auto moved = store_->MoveUnchanged(after, previous, paths);
    EXPECT_TRUE(moved.ok()) << moved.status();
    return moved.ok() && moved->has_value();
  };
  EXPECT_FALSE(move(7, "other", 6, {"README.md"})) << "it follows another commit";
  EXPECT_FALSE(move(7, "c5", 5, {"README.md"})) << "stale";
  EXPECT_FALSE(move(7, "c5", 6, {"README.md", "a.yml"})) << "a file of interest";
  EXPECT_FALSE(move(7, "c5", 6, {"ci/deep/new.yml"})) << "YAML below a prefix of interest";
  EXPECT_FALSE(move(8, "c5", 6, {})) << "unknown project";
  // What else a push says of the project must be as stored, or the set may have to change.
  for (const auto change : {+[](StoredProject* project) { project->namespace_ids = {77}; },
                            +[](StoredProject* project) { project->default_branch = "trunk"; },
                            +[](StoredProject* project) { project->ci_config_path = "ci.yml"; },
                            +[](StoredProject* project) { project->project_path = "other"; },
                            +[](StoredProject* project) { project->allowed_scopes = {"group"}; }}) {
    moves_to = change;
    EXPECT_FALSE(move(7, "c5", 6, {"README.md"})) << "the project has changed";
  }
  moves_to = nullptr;
  EXPECT_EQ(Read(7).project.commit_sha, "c5");
  EXPECT_TRUE(move(7, "c5", 6, {"README.md", "ci/a.txt", "with \"quotes\", {braces}"}));
  EXPECT_EQ(Read(7).project.commit_sha, "c6");
  EXPECT_EQ(Read(7).project.push_sequence, 6);
  EXPECT_TRUE(move(7, "c6", 0, {"README.md"})) << "0 = the highest number plus 1";
  EXPECT_EQ(Read(7).project.push_sequence, 7);
}

TEST_F(ConfigStoreTest, PushesOfOneProjectTakeTurns) {
  constexpr int kThreads = 6;
  constexpr int kPushes = 10;
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int push = 0; push < kPushes; ++push) {
        const auto ids = store_->Transact(7, [](const LockedProject& locked) {
          return Plan(7, locked.project.push_sequence + 1);
        });
        if (!ids.ok()) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(Read(7).project.push_sequence, kThreads * kPushes);
}

TEST_F(ConfigStoreTest, WhatPostgresCannotHoldIsRefused) {
  const auto code = [&](const PushPlan& plan) {
    return store_->Transact(7, [&plan](const LockedProject&) { return plan; }).status().code();
  };
  PushPlan plan = Plan(7, 1);
  plan.project.default_branch = std::string("a\0b", 3);
  EXPECT_EQ(code(plan), absl::StatusCode::kInvalidArgument);
  plan = Plan(7, 1);
  plan.project.allowed_scopes = {"two\nlines"};
  EXPECT_EQ(code(plan), absl::StatusCode::kInvalidArgument);
  plan = Plan(7, 1);
  plan.writes = {Write(0, std::string("a\0b", 3), "d1")};
  EXPECT_EQ(code(plan), absl::StatusCode::kInvalidArgument);
  plan = Plan(7, 1);
  plan.writes = {Write(0, "a.yml", "d1")};
  plan.writes[0].entries_json = "[";
  EXPECT_EQ(code(plan), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(Read(7).exists);
}

TEST_F(ConfigStoreTest, ListsLiveSubscriptionsInPages) {
  PushPlan plan = Plan(8, 1);
  plan.writes = {Write(0, "c.yml", "d1"), Write(0, "a.yml", "d1"), Write(0, "b.yml", "d1")};
  const std::vector<int64_t> ids = Push(plan);
  PushPlan ending = Plan(8, 2);
  ending.ended = {ids[2]};
  Push(ending);
  plan = Plan(7, 1);
  plan.writes = {Write(0, "z.yml", "d1")};
  Push(plan);
  std::vector<std::string> paths;
  int64_t after = 0;
  while (true) {
    const auto page = store_->ListSubscriptions(std::nullopt, after, 1);
    ASSERT_TRUE(page.ok()) << page.status();
    if (page->empty()) break;
    ASSERT_THAT(*page, SizeIs(1));
    after = page->front().subscription.subscription_id;
    paths.push_back(
        fmt::format("{}:{}", page->front().project_id, page->front().subscription.path));
  }
  EXPECT_THAT(paths, ElementsAre("7:z.yml", "8:a.yml", "8:c.yml"));
  const auto of_project = store_->ListSubscriptions(8, 0, 100);
  ASSERT_TRUE(of_project.ok());
  EXPECT_THAT(*of_project, SizeIs(2));
}

TEST_F(ConfigStoreTest, AConnectionThatDiedWhileIdleIsReplacedUnnoticed) {
  Push(Plan(7, 1));
  Sql(database_.dsn(),
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
      " WHERE application_name = 'cievents-config'"
      " AND datname = current_database()");
  ASSERT_TRUE(Eventually([&] {
    return Sql(database_.dsn(),
               "SELECT count(*) FROM pg_stat_activity"
               " WHERE application_name = 'cievents-config'"
               " AND datname = current_database()") == "0";
  }));
  EXPECT_TRUE(Read(7).exists);
}

TEST_F(ConfigStoreTest, AConnectionThatDiesMidwayIsUnavailableForThatCallOnly) {
  const auto ids = store_->Transact(7, [&](const LockedProject&) {
    Sql(database_.dsn(),
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'cievents-config'"
        " AND datname = current_database()");
    return Plan(7, 1);
  });
  EXPECT_EQ(ids.status().code(), absl::StatusCode::kUnavailable) << ids.status();
  EXPECT_FALSE(Read(7).exists);
}

TEST_F(ConfigStoreTest, AServerOutOfReachIsUnavailableAndUsedAgainWhenItReturns) {
  Push(Plan(7, 1));
  ASSERT_TRUE(Cluster().KillAll().ok());
  EXPECT_EQ(store_->Read(7).status().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(Cluster().Restart().ok());
  EXPECT_TRUE(Read(7).exists);
}

TEST_F(ConfigStoreTest, WhenAllConnectionsAreBusyItSaysSo) {
  auto small = ConfigStore::Create(database_.dsn(), 1);
  ASSERT_TRUE(small.ok());
  absl::Status inner;
  const auto ids = (*small)->Transact(7, [&](const LockedProject&) {
    inner = (*small)->Read(8).status();
    return Plan(7, 1);
  });
  EXPECT_TRUE(ids.ok()) << ids.status();
  EXPECT_EQ(inner.code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace cievents::store
