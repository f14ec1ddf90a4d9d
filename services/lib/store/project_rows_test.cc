// The life cycle of a project in SQL: one row changes, and every matcher is told in one step.
#include "services/lib/store/project_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "matcher/base/status.h"
#include "matcher/slots.h"
#include "services/lib/store/subscription_feed.h"
#include "services/lib/store/testing/test_database.h"

namespace cievents::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

class ProjectRowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = ConfigStore::Create(database_.dsn(), 2);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    auto feed = SubscriptionFeed::Connect(database_.dsn());
    ASSERT_TRUE(feed.ok()) << feed.status();
    feed_ = *std::move(feed);
    ASSERT_TRUE(feed_->Load().ok());
  }

  // A push of project 7 with two subscriptions.
  void Push() {
    const auto ids = store_->Transact(7, [](const LockedProject& locked) {
      PushPlan plan;
      plan.project = locked.project;
      plan.project.namespace_ids = {70, 71};
      plan.project.push_sequence = 1;
      plan.result = "applied";
      for (const char* path : {"a.yml", "b.yml"}) {
        SubscriptionWrite write;
        write.path = path;
        write.inputs_digest = "d";
        write.entries_json = "[]";
        write.inputs_json = "{}";
        plan.writes.push_back(write);
      }
      plan.changes_set = true;
      return plan;
    });
    ASSERT_TRUE(ids.ok()) << ids.status();
  }
  void Change(const std::string& result, const std::function<void(StoredProject*)>& change) {
    const absl::Status status = store_->ChangeProject(7, [&](const LockedProject& before) {
      EXPECT_THAT(before.subscriptions, IsEmpty()) << "only the row is read";
      ProjectChange changed;
      changed.project = before.project;
      change(&changed.project);
      changed.changes_set = true;
      changed.result = result;
      changed.sequence = 9;
      return changed;
    });
    ASSERT_TRUE(status.ok()) << status;
  }
  FeedProject Poll() {
    auto changes = feed_->Poll();
    EXPECT_TRUE(changes.ok()) << changes.status();
    EXPECT_THAT(*changes, SizeIs(1));
    return changes.ok() && changes->size() == 1 ? changes->front() : FeedProject();
  }
  StoredProject Row() {
    const auto found = store_->Read(7);
    EXPECT_TRUE(found.ok() && found->exists);
    return found.ok() ? found->project : StoredProject();
  }

  TestDatabase database_;
  std::unique_ptr<ConfigStore> store_;
  std::unique_ptr<SubscriptionFeed> feed_;
};

TEST_F(ProjectRowsTest, EveryFactIsKept) {
  Change("upserted", [](StoredProject* project) {
    project->namespace_ids = {70, 71};
    project->project_path = "a/b";
    project->archived = true;
    project->ci_disabled = true;
    project->location_sequence = 4;
    project->availability_sequence = 5;
    project->existence_sequence = 6;
    project->permission_namespace_ids = {3, 4};
  });
  const StoredProject row = Row();
  EXPECT_THAT(row.namespace_ids, ElementsAre(70, 71));
  EXPECT_EQ(row.project_path, "a/b");
  EXPECT_TRUE(row.archived && row.ci_disabled && !row.deleted);
  EXPECT_EQ(row.location_sequence, 4);
  EXPECT_EQ(row.availability_sequence, 5);
  EXPECT_EQ(row.existence_sequence, 6);
  EXPECT_EQ(row.HighestSequence(), 6);
  EXPECT_THAT(row.permission_namespace_ids, Optional(ElementsAre(3, 4)));
  Change("", [](StoredProject* project) { project->permission_namespace_ids.reset(); });
  EXPECT_FALSE(Row().permission_namespace_ids.has_value());
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT push_sequence, commit_sha, result FROM cievents_admin.config_pushes"),
            "9||upserted")
      << "no result, no record";
}

TEST_F(ProjectRowsTest, ADeletedProjectsSubscriptionsAreNotLiveAndReturnWithIt) {
  Push();
  const FeedProject before = Poll();
  ASSERT_THAT(before.subscriptions, SizeIs(2));
  Change("deleted", [](StoredProject* project) { project->deleted = true; });
  const FeedProject deleted = Poll();
  EXPECT_TRUE(deleted.deleted);
  EXPECT_THAT(deleted.subscriptions, IsEmpty());
  EXPECT_THAT(*store_->ListSubscriptions(7, 0, 10), IsEmpty());
  Change("restored", [](StoredProject* project) { project->deleted = false; });
  const FeedProject restored = Poll();
  ASSERT_THAT(restored.subscriptions, SizeIs(2));
  EXPECT_EQ(restored.subscriptions[0].subscription_id, before.subscriptions[0].subscription_id);
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT result, added, removed FROM cievents.config_pushes ORDER BY push_id"),
            "applied|0|0\ndeleted|0|2\nrestored|2|0");
}

TEST_F(ProjectRowsTest, ArchivedOrWithoutCiAllAreSuspended) {
  Push();
  EXPECT_FALSE(Poll().subscriptions.at(0).suspended);
  Change("archived", [](StoredProject* project) { project->archived = true; });
  EXPECT_TRUE(Poll().subscriptions.at(0).suspended);
  EXPECT_TRUE(store_->ListSubscriptions(7, 0, 10)->at(0).suspended);
  Change("ci_disabled", [](StoredProject* project) {
    project->archived = false;
    project->ci_disabled = true;
  });
  EXPECT_TRUE(Poll().subscriptions.at(1).suspended);
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT DISTINCT suspended, scopes_suspended FROM"
                " cievents_admin.subscriptions_effective"),
            "t|f");
  Change("reactivated", [](StoredProject* project) { project->ci_disabled = false; });
  EXPECT_FALSE(Poll().subscriptions.at(0).suspended);
  EXPECT_FALSE(store_->ListSubscriptions(7, 0, 10)->at(0).suspended);
}

TEST_F(ProjectRowsTest, AMoveChangesRootAndSlotAndTellsThatScopesAreSuspended) {
  Push();
  EXPECT_FALSE(Poll().scopes_suspended);
  Change("moved", [](StoredProject* project) {
    project->permission_namespace_ids = project->namespace_ids;
    project->namespace_ids = {90, 91};
  });
  const FeedProject moved = Poll();
  EXPECT_TRUE(moved.scopes_suspended);
  EXPECT_THAT(moved.namespace_ids, ElementsAre(90, 91));
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT DISTINCT p.slot, p.root_namespace_id, s.root_namespace_id"
                " FROM cievents.projects p JOIN cievents.subscriptions s USING (project_id)"),
            fmt::format("{}|90|90", matcher::SlotOf(90)));
}

TEST_F(ProjectRowsTest, AMovedProjectsNextPushNeedsItsManifest) {
  Push();
  StoredProject push = Row();
  push.push_sequence = 5;
  push.commit_sha = "next";
  Change("moved", [](StoredProject* project) {
    project->permission_namespace_ids = project->namespace_ids;
    project->namespace_ids = {90};
  });
  push.namespace_ids = {90};
  EXPECT_FALSE(store_->MoveUnchanged(push, "", {})->has_value()) << "to give its permissions again";
  Change("moved", [](StoredProject* project) { project->permission_namespace_ids.reset(); });
  EXPECT_THAT(*store_->MoveUnchanged(push, "", {}), Optional(5));
}

TEST_F(ProjectRowsTest, AnErrorLeavesNoRowOfAnUnknownProject) {
  const absl::Status status =
      store_->ChangeProject(7, [](const LockedProject& before) -> absl::StatusOr<ProjectChange> {
        EXPECT_FALSE(before.exists);
        return absl::NotFoundError("not known");
      });
  EXPECT_EQ(status, absl::NotFoundError("not known"));
  EXPECT_FALSE(store_->Read(7)->exists);
}

TEST_F(ProjectRowsTest, AnUnchangedPushDoesNotWaitForTheDisk) {
  Push();
  StoredProject push = Row();
  push.push_sequence = 2;
  Sql(database_.dsn(),
      "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " INSERT INTO public.noted VALUES (current_setting('synchronous_commit')); RETURN NEW; END "
      "$$;"
      "CREATE TABLE noted (setting text);"
      "CREATE TRIGGER note BEFORE UPDATE ON cievents.projects FOR EACH ROW EXECUTE FUNCTION "
      "note()");
  EXPECT_TRUE(store_->MoveUnchanged(push, "", {})->has_value());
  Change("archived", [](StoredProject* project) { project->archived = true; });
  EXPECT_EQ(Sql(database_.dsn(), "SELECT string_agg(setting, ',') FROM noted"), "off,on,on")
      << "and what comes after it on the same connection does";
}

}  // namespace
}  // namespace cievents::store
