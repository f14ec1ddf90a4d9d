#include "services/config_ingest/lifecycle.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "services/config_ingest/push.h"

namespace cievents::config_ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A project in memory: what the store would hold.
class LifecycleTest : public ::testing::Test {
 protected:
  ProjectCall Call(ProjectAction action, int64_t sequence) {
    ProjectCall call;
    call.action = action;
    call.project_id = 7;
    call.sequence = sequence;
    if (action == ProjectAction::kUpsert || action == ProjectAction::kTransfer) {
      call.namespace_ids = {1, 2};
      call.project_path = "a/b/p";
    }
    return call;
  }
  ProjectCall Transfer(int64_t sequence, std::vector<int64_t> namespace_ids) {
    ProjectCall call = Call(ProjectAction::kTransfer, sequence);
    call.namespace_ids = std::move(namespace_ids);
    return call;
  }
  ProjectCall Archive(int64_t sequence, bool archived, bool ci_disabled = false) {
    ProjectCall call = Call(ProjectAction::kArchive, sequence);
    call.archived = archived;
    call.ci_disabled = ci_disabled;
    return call;
  }

  // The record of what it did; "stale" if nothing, "-" if nothing that is recorded.
  std::string Apply(const ProjectCall& call) {
    const auto change = PlanProjectCall(call, row_);
    if (!change.ok()) return std::string(change.status().message());
    if (change->writes_nothing) return "stale";
    row_ = {true, change->project, {}, {}};
    EXPECT_EQ(change->changes_set, !change->result.empty());
    return change->result.empty() ? "-" : change->result;
  }
  void ApplyPush(int64_t sequence, std::vector<int64_t> namespace_ids) {
    Push push;
    push.project_id = 7;
    push.push_sequence = sequence;
    push.namespace_ids = std::move(namespace_ids);
    push.project_path = "pushed/p";
    if (row_.exists && sequence != 0 && sequence <= row_.project.push_sequence) return;
    row_ = {true, ProjectAfter(push, row_.project), {}, {}};
  }
  bool scopes_suspended() const { return row_.project.permission_namespace_ids.has_value(); }

  void Forget() {
    row_ = store::LockedProject();
    row_.project.project_id = 7;
  }
  void SetUp() override { Forget(); }

  store::LockedProject row_;
};

TEST_F(LifecycleTest, OnlyAnUpsertMakesAProjectKnown) {
  for (const ProjectAction action :
       {ProjectAction::kTransfer, ProjectAction::kArchive, ProjectAction::kDelete}) {
    EXPECT_THAT(Apply(Call(action, 3)), HasSubstr("project 7 is not known"));
    EXPECT_EQ(PlanProjectCall(Call(action, 3), row_).status().code(), absl::StatusCode::kNotFound);
  }
  EXPECT_EQ(Apply(Call(ProjectAction::kUpsert, 3)), "upserted");
  EXPECT_THAT(row_.project.namespace_ids, ElementsAre(1, 2));
  EXPECT_EQ(row_.project.HighestSequence(), 3);
  EXPECT_EQ(Apply(Call(ProjectAction::kUpsert, 3)), "stale") << "the same again";
  EXPECT_EQ(Apply(Call(ProjectAction::kUpsert, 4)), "-") << "nobody asks for what is as it was";
}

TEST_F(LifecycleTest, ZeroIsTheHighestNumberPlusOne) {
  Apply(Call(ProjectAction::kUpsert, 10));
  ApplyPush(0, {1, 2});
  EXPECT_EQ(row_.project.push_sequence, 11);
  Apply(Archive(0, true));
  EXPECT_EQ(row_.project.availability_sequence, 12);
  Apply(Call(ProjectAction::kDelete, 0));
  EXPECT_EQ(row_.project.existence_sequence, 13);
  ApplyPush(0, {1, 2});
  EXPECT_FALSE(row_.project.deleted);
  EXPECT_EQ(row_.project.push_sequence, 14);
}

TEST_F(LifecycleTest, AMoveSuspendsOtherScopesUntilAPushRepeatsTheirPermission) {
  ApplyPush(1, {1, 2});
  EXPECT_FALSE(scopes_suspended());
  EXPECT_EQ(Apply(Transfer(2, {1, 2})), "-") << "a rename";
  EXPECT_EQ(row_.project.project_path, "a/b/p");
  EXPECT_FALSE(scopes_suspended());
  EXPECT_EQ(Apply(Transfer(3, {9})), "moved");
  EXPECT_TRUE(scopes_suspended());
  EXPECT_THAT(row_.project.namespace_ids, ElementsAre(9));
  ApplyPush(4, {9});
  EXPECT_FALSE(scopes_suspended());
}

TEST_F(LifecycleTest, ALatePushGivesItsPermissionsForWhereTheProjectWas) {
  ApplyPush(1, {1, 2});
  Apply(Transfer(5, {9}));
  ApplyPush(4, {1, 2});
  EXPECT_EQ(row_.project.push_sequence, 4) << "its manifest is the newest";
  EXPECT_THAT(row_.project.namespace_ids, ElementsAre(9)) << "and the newer place stays";
  EXPECT_EQ(row_.project.project_path, "a/b/p");
  EXPECT_TRUE(scopes_suspended());
}

TEST_F(LifecycleTest, AMoveBackGivesThePermissionsBack) {
  ApplyPush(1, {1, 2});
  Apply(Transfer(2, {9}));
  EXPECT_EQ(Apply(Transfer(3, {1, 2})), "moved");
  EXPECT_FALSE(scopes_suspended());
}

TEST_F(LifecycleTest, ALateTransferDoesNotUndoWhatANewerPushSaid) {
  ApplyPush(6, {9});
  EXPECT_EQ(Apply(Transfer(5, {3})), "stale");
  EXPECT_THAT(row_.project.namespace_ids, ElementsAre(9));
  EXPECT_FALSE(scopes_suspended());
}

TEST_F(LifecycleTest, AnArchivingThatComesAfterANewerTransferOrPushStillCounts) {
  ApplyPush(1, {1, 2});
  Apply(Transfer(4, {9}));
  ApplyPush(5, {9});
  EXPECT_EQ(Apply(Archive(3, true)), "archived");
  EXPECT_TRUE(row_.project.archived);
  EXPECT_EQ(Apply(Archive(2, false)), "stale");
  EXPECT_EQ(Apply(Archive(6, false, true)), "reactivated");
  EXPECT_TRUE(row_.project.ci_disabled);
  EXPECT_EQ(Apply(Archive(7, false, false)), "reactivated");
  EXPECT_EQ(Apply(Archive(8, false, true)), "ci_disabled");
}

TEST_F(LifecycleTest, APushOlderThanADeletionNeverBringsTheProjectBack) {
  ApplyPush(1, {1, 2});
  EXPECT_EQ(Apply(Call(ProjectAction::kDelete, 5)), "deleted");
  ApplyPush(4, {1, 2});
  EXPECT_TRUE(row_.project.deleted);
  EXPECT_EQ(Apply(Transfer(6, {9})), "moved") << "says where it is, not that it exists";
  EXPECT_TRUE(row_.project.deleted);
  ApplyPush(7, {9});
  EXPECT_FALSE(row_.project.deleted);
  EXPECT_EQ(Apply(Call(ProjectAction::kDelete, 6)), "stale") << "older than that push";
  EXPECT_EQ(Apply(Call(ProjectAction::kDelete, 8)), "deleted");
  EXPECT_EQ(Apply(Call(ProjectAction::kUpsert, 9)), "restored");
}

// Whatever the order, and with repetitions: the facts are those of the highest numbers.
TEST_F(LifecycleTest, TheEndDoesNotDependOnTheOrder) {
  std::mt19937_64 random(20261122);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::function<void()>> steps;
    for (int64_t n = 2; n <= 8; ++n) {
      const int64_t place = static_cast<int64_t>(random() % 3) + 1;
      switch (random() % 5) {
        case 0:
          steps.push_back([this, n, place] { ApplyPush(n, {place}); });
          break;
        case 1:
          steps.push_back([this, n, place] { Apply(Transfer(n, {place})); });
          break;
        case 2:
          steps.push_back([this, n, place] { Apply(Archive(n, place == 1, place == 2)); });
          break;
        case 3:
          steps.push_back([this, n] { Apply(Call(ProjectAction::kUpsert, n)); });
          break;
        default:
          steps.push_back([this, n] { Apply(Call(ProjectAction::kDelete, n)); });
      }
    }
    const auto run = [&] {
      Forget();
      ApplyPush(1, {1});
      for (const auto& step : steps) step();
      const store::StoredProject& p = row_.project;
      std::string permission = "as now";
      if (p.permission_namespace_ids.has_value()) {
        permission = fmt::format("{}", fmt::join(*p.permission_namespace_ids, ","));
      }
      return fmt::format("{} {} archived {} {} deleted {} permission {} push {}",
                         fmt::join(p.namespace_ids, ","), p.project_path, p.archived, p.ci_disabled,
                         p.deleted, permission, p.push_sequence);
    };
    const std::string in_order = run();
    const auto ordered = steps;
    for (int shuffle = 0; shuffle < 5; ++shuffle) {
      steps.push_back(ordered[random() % ordered.size()]);
      std::shuffle(steps.begin(), steps.end(), random);
      ASSERT_EQ(run(), in_order) << "round " << round;
    }
  }
}

TEST(ValidateProjectCallTest, WhatIsWrongIsSaid) {
  ProjectCall call;
  EXPECT_THAT(ValidateProjectCall(call).message(), HasSubstr("project_id must be greater than 0"));
  call.project_id = 7;
  EXPECT_THAT(ValidateProjectCall(call).message(), HasSubstr("namespace_ids must list"));
  call.namespace_ids = std::vector<int64_t>(33, 1);
  EXPECT_THAT(ValidateProjectCall(call).message(), HasSubstr("1 to 32 ancestor groups"));
  call.namespace_ids = {1, -2};
  EXPECT_THAT(ValidateProjectCall(call).message(), HasSubstr("greater than 0"));
  call.namespace_ids = std::vector<int64_t>(32, 1);
  EXPECT_TRUE(ValidateProjectCall(call).ok());
  call.project_path = std::string(1025, 'a');
  EXPECT_THAT(ValidateProjectCall(call).message(), HasSubstr("the limit is 1024"));
  call.project_path = std::string("a\0b", 3);
  EXPECT_THAT(ValidateProjectCall(call).message(), HasSubstr("NUL"));
  call.project_path = "a";
  call.sequence = -1;
  EXPECT_THAT(ValidateProjectCall(call).message(), HasSubstr("sequence -1"));
  call.sequence = (int64_t{1} << 62) + 1;
  EXPECT_EQ(ValidateProjectCall(call).code(), absl::StatusCode::kInvalidArgument);
  call.sequence = int64_t{1} << 62;
  EXPECT_TRUE(ValidateProjectCall(call).ok());
  call.action = ProjectAction::kDelete;
  call.namespace_ids = {};
  EXPECT_TRUE(ValidateProjectCall(call).ok()) << "it says no place";
}

}  // namespace
}  // namespace cievents::config_ingest
