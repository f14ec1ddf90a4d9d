#include "services/lib/store/subscription_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "matcher/base/status.h"
#include "services/lib/store/testing/test_database.h"

namespace cievents::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::unique_ptr<SubscriptionFeed> Connect(const std::string& dsn) {
  auto feed = SubscriptionFeed::Connect(dsn);
  EXPECT_TRUE(feed.ok()) << feed.status();
  return feed.ok() ? *std::move(feed) : nullptr;
}

class SubscriptionFeedTest : public ::testing::Test {
 protected:
  void AddProject(int64_t project_id) {
    ASSERT_EQ(Sql(database_.dsn(),
                  fmt::format("INSERT INTO cievents.projects (project_id, namespace_ids,"
                              " default_branch, commit_sha) VALUES ({}, '{{70,71}}', 'main', 'c1')",
                              project_id)),
              "");
  }
  void AddSubscription(int64_t project_id, const std::string& path) {
    ASSERT_EQ(Sql(database_.dsn(),
                  fmt::format("INSERT INTO cievents.subscriptions (project_id, root_namespace_id,"
                              " path, inputs_digest, workflow_id, entries, inputs, owner_user_id)"
                              " VALUES ({}, 70, '{}', 'd', 'w1', '[{{\"b\":1.0, \"a\":1}}]',"
                              " '{{}}', 9); SELECT cievents.mark_project_changed({})",
                              project_id, path, project_id)),
              "");
  }
  std::vector<FeedProject> Poll(SubscriptionFeed& feed) {
    auto projects = feed.Poll();
    EXPECT_TRUE(projects.ok()) << projects.status();
    return projects.ok() ? *std::move(projects) : std::vector<FeedProject>();
  }

  TestDatabase database_;
};

TEST_F(SubscriptionFeedTest, LoadsEveryProjectThatExistsWithItsLiveSubscriptions) {
  AddProject(1);
  AddProject(2);
  AddProject(3);
  AddSubscription(1, "a.yml");
  AddSubscription(1, "b.yml");
  AddSubscription(1, "ended.yml");
  Sql(database_.dsn(),
      "UPDATE cievents.subscriptions SET ended_at = now() WHERE path = 'ended.yml'");
  Sql(database_.dsn(), "UPDATE cievents.projects SET deleted_at = now() WHERE project_id = 3");
  Sql(database_.dsn(), R"(UPDATE cievents.subscriptions SET spec_inputs = '{"n":{"default":1.0}}',)"
                       R"( hoisted_rules = '{"jobs": []}' WHERE path = 'a.yml')");
  const auto feed = Connect(database_.dsn());
  const auto projects = feed->Load();
  ASSERT_TRUE(projects.ok()) << projects.status();
  ASSERT_THAT(*projects, SizeIs(2));
  const FeedProject& first = projects->front();
  EXPECT_EQ(first.project_id, 1);
  EXPECT_THAT(first.namespace_ids, ElementsAre(70, 71));
  EXPECT_EQ(first.default_branch, "main");
  EXPECT_EQ(first.commit_sha, "c1");
  ASSERT_THAT(first.subscriptions, SizeIs(2));
  const FeedSubscription& subscription = first.subscriptions.front();
  EXPECT_EQ(subscription.path, "a.yml");
  EXPECT_EQ(subscription.workflow_id, "w1");
  EXPECT_EQ(subscription.entries_json, R"([{"b":1.0, "a":1}])") << "the text, bit by bit";
  EXPECT_EQ(subscription.inputs_json, "{}");
  EXPECT_EQ(subscription.spec_inputs_json, R"({"n":{"default":1.0}})") << "the text, bit by bit";
  EXPECT_EQ(first.subscriptions.back().spec_inputs_json, "{}");
  EXPECT_EQ(subscription.hoisted_rules_json, R"({"jobs": []})") << "the text, bit by bit";
  EXPECT_EQ(first.subscriptions.back().hoisted_rules_json, "{}");
  EXPECT_EQ(subscription.owner_user_id, 9);
  EXPECT_GT(subscription.created_time_ms, 1'700'000'000'000);
  EXPECT_FALSE(subscription.suspended);
  EXPECT_EQ(projects->back().project_id, 2) << "its ancestors matter without subscriptions too";
  EXPECT_THAT(projects->back().subscriptions, IsEmpty());
}

// Projects in slots 10 and 20; of the second, a subscription to another project's events too.
TEST_F(SubscriptionFeedTest, BringsTheSetsOfTheSlotsAndWhatEveryShardNeeds) {
  AddProject(1);
  AddProject(2);
  AddSubscription(1, "mine.yml");
  AddSubscription(2, "theirs.yml");
  AddSubscription(2, "instance.yml");
  AddSubscription(2, "project.yml");
  const auto sql = [this](const std::string& text) { ASSERT_EQ(Sql(database_.dsn(), text), ""); };
  sql("UPDATE cievents.projects SET slot = 10 * project_id");
  sql(R"(UPDATE cievents.subscriptions SET entries = '[{"scope":"instance"}]')"
      " WHERE path = 'instance.yml'");
  sql(R"(UPDATE cievents.subscriptions SET entries = '[{"scope":{"project":5}}]')"
      " WHERE path = 'project.yml'");
  const auto paths = [](const FeedProject& project) {
    std::vector<std::string> result;
    for (const FeedSubscription& row : project.subscriptions) result.push_back(row.path);
    return result;
  };
  std::vector<FeedProject> loaded;
  const auto feed = Connect(database_.dsn());
  ASSERT_TRUE(feed->Load(matcher::SlotSet().set(10),
                         [&loaded](FeedProject project) { loaded.push_back(std::move(project)); })
                  .ok());
  ASSERT_THAT(loaded, SizeIs(2));
  EXPECT_TRUE(loaded[0].in_slots);
  EXPECT_THAT(paths(loaded[0]), ElementsAre("mine.yml"));
  EXPECT_FALSE(loaded[1].in_slots);
  EXPECT_THAT(paths(loaded[1]), ElementsAre("instance.yml", "project.yml"));

  AddSubscription(2, "theirs too.yml");
  const auto changed = Poll(*feed);
  ASSERT_THAT(changed, SizeIs(1));
  EXPECT_FALSE(changed[0].in_slots);
  EXPECT_THAT(paths(changed[0]), ElementsAre("instance.yml", "project.yml"));

  sql("UPDATE cievents.projects SET slot = 10 WHERE project_id = 2;"
      " SELECT cievents.mark_project_changed(2)");
  const auto moved = Poll(*feed);
  ASSERT_THAT(moved, SizeIs(1));
  EXPECT_TRUE(moved[0].in_slots);
  EXPECT_THAT(moved[0].subscriptions, SizeIs(4));
}

TEST_F(SubscriptionFeedTest, APollBringsWhatChangedOnceAndWhole) {
  AddProject(1);
  AddProject(2);
  AddSubscription(1, "a.yml");
  const auto feed = Connect(database_.dsn());
  ASSERT_TRUE(feed->Load().ok());
  EXPECT_THAT(Poll(*feed), IsEmpty());

  AddSubscription(1, "b.yml");
  auto changed = Poll(*feed);
  ASSERT_THAT(changed, SizeIs(1));
  EXPECT_EQ(changed[0].project_id, 1);
  EXPECT_THAT(changed[0].subscriptions, SizeIs(2));
  EXPECT_THAT(Poll(*feed), IsEmpty());

  Sql(database_.dsn(),
      "UPDATE cievents.subscriptions SET ended_at = now() WHERE project_id = 1;"
      "SELECT cievents.mark_project_changed(1)");
  changed = Poll(*feed);
  ASSERT_THAT(changed, SizeIs(1));
  EXPECT_THAT(changed[0].subscriptions, IsEmpty()) << "now empty";
  EXPECT_FALSE(changed[0].deleted);

  Sql(database_.dsn(),
      "UPDATE cievents.projects SET deleted_at = now() WHERE project_id = 2;"
      "SELECT cievents.mark_project_changed(2)");
  changed = Poll(*feed);
  ASSERT_THAT(changed, SizeIs(1));
  EXPECT_EQ(changed[0].project_id, 2);
  EXPECT_TRUE(changed[0].deleted);
}

TEST_F(SubscriptionFeedTest, AnOpenTransactionDelaysOnlyItsOwnChange) {
  AddProject(1);
  AddProject(2);
  const auto feed = Connect(database_.dsn());
  ASSERT_TRUE(feed->Load().ok());
  PGconn* slow = PQconnectdb(database_.dsn().c_str());
  PQclear(PQexec(slow, "BEGIN; SELECT cievents.mark_project_changed(1)"));
  Sql(database_.dsn(), "SELECT cievents.mark_project_changed(2)");
  auto changed = Poll(*feed);
  ASSERT_THAT(changed, SizeIs(1));
  EXPECT_EQ(changed[0].project_id, 2);
  PQclear(PQexec(slow, "COMMIT"));
  PQfinish(slow);
  changed = Poll(*feed);
  ASSERT_THAT(changed, SizeIs(1)) << "an older transaction that commits later is not lost";
  EXPECT_EQ(changed[0].project_id, 1);
}

TEST_F(SubscriptionFeedTest, AfterALossItNeverCarriesOn) {
  AddProject(1);
  const auto feed = Connect(database_.dsn());
  EXPECT_EQ(feed->Poll().status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(feed->Load().ok());
  Sql(database_.dsn(),
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
      " WHERE application_name = 'cievents-feed'"
      " AND datname = current_database()");
  EXPECT_EQ(feed->Poll().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(feed->Poll().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(feed->Load().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Connect(database_.dsn())->Load().ok());
}

// A subscription's workflow id is its project's version, counted up under the lock of the project.
using Versions = std::map<int64_t, int>;

void Apply(const std::vector<FeedProject>& projects, Versions& versions) {
  for (const FeedProject& project : projects) {
    ASSERT_THAT(project.subscriptions, SizeIs(1));
    versions[project.project_id] = std::stoi(project.subscriptions[0].workflow_id);
  }
}

// Goal: no change is ever missed, whatever the order of commits. Method: writers with rollbacks,
// savepoints and long transactions; a reader that is replaced 30 times. Before each replacement the
// old reader must know everything that a fresh load finds.
TEST_F(SubscriptionFeedTest, ConcurrentWritersAreNeverMissed) {
  constexpr int kProjects = 50;
  constexpr int kWriters = 4;
  constexpr int kRestarts = 30;
  ASSERT_EQ(
      Sql(database_.dsn(),
          fmt::format("INSERT INTO cievents.projects (project_id) SELECT generate_series(1, {});"
                      "INSERT INTO cievents.subscriptions (project_id, root_namespace_id, path,"
                      " inputs_digest, workflow_id, entries, inputs, owner_user_id)"
                      " SELECT project_id, 0, 'a', 'd', '0', '[]', '{{}}', 0"
                      " FROM cievents.projects",
                      kProjects)),
      "");
  std::atomic<bool> stop = false;
  std::atomic<int> commits = 0;
  const auto write = [&](int writer) {
    std::mt19937 random(static_cast<unsigned>(writer));
    PGconn* connection = PQconnectdb(database_.dsn().c_str());
    const auto exec = [connection](const std::string& sql) {
      PGresult* result = PQexec(connection, sql.c_str());
      EXPECT_TRUE(PQresultStatus(result) == PGRES_COMMAND_OK ||
                  PQresultStatus(result) == PGRES_TUPLES_OK)
          << PQerrorMessage(connection);
      PQclear(result);
    };
    while (!stop) {
      const int project = 1 + static_cast<int>(random() % kProjects);
      const unsigned dice = random() % 100;
      exec("BEGIN");
      if (dice < 10) exec("SAVEPOINT s; SELECT pg_current_xact_id()");
      exec(
          fmt::format("SELECT 1 FROM cievents.projects WHERE project_id = {0} FOR UPDATE;"
                      "UPDATE cievents.subscriptions SET workflow_id = workflow_id::int + 1"
                      " WHERE project_id = {0};"
                      "SELECT cievents.mark_project_changed({0})",
                      project));
      if (dice % 33 == 7) exec("SELECT pg_sleep(0.1)");  // 3 in 100 are long
      if (dice >= 10 && dice < 20) {
        exec("ROLLBACK");
      } else {
        exec("COMMIT");
        ++commits;
      }
    }
    PQfinish(connection);
  };
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) writers.emplace_back(write, i);

  Versions known;
  auto reader = Connect(database_.dsn());
  Apply(*reader->Load(), known);
  int polls = 0;
  int behind = 0;
  for (int restart = 0; restart < kRestarts; ++restart) {
    const int until = commits + 20;
    while (commits < until) {
      Apply(Poll(*reader), known);
      ++polls;
    }
    auto fresh = Connect(database_.dsn());
    Versions loaded;
    Apply(*fresh->Load(), loaded);
    Apply(Poll(*reader), known);
    for (const auto& [project, version] : loaded) behind += known[project] < version ? 1 : 0;
    reader = std::move(fresh);
    known = loaded;
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
  Apply(Poll(*reader), known);
  EXPECT_EQ(behind, 0);
  Versions stored;
  Apply(*Connect(database_.dsn())->Load(), stored);
  EXPECT_EQ(known, stored);
  EXPECT_GT(polls, kRestarts);
  RecordProperty("commits", commits);
  RecordProperty("polls", polls);
}

TEST_F(SubscriptionFeedTest, AChecksDigestsAreThoseOfWhatWasReadUnlessTheFeedMissedSomething) {
  const auto feed = Connect(database_.dsn());
  EXPECT_EQ(feed->PollAndCheck(0, 1).status().code(), absl::StatusCode::kFailedPrecondition);
  for (const int64_t id : {1, 2, 3}) AddProject(id);
  AddSubscription(1, "a.yml");
  AddSubscription(1, "b.yml");
  std::map<int64_t, uint64_t> read;
  const auto note = [&read](const std::vector<FeedProject>& projects) {
    for (const FeedProject& project : projects) read[project.project_id] = project.digest;
  };
  const auto loaded = feed->Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  note(*loaded);
  AddSubscription(2, "c.yml");  // a change that the check itself brings
  int64_t after = 0;
  std::map<int64_t, uint64_t> checked;
  for (int64_t last : {1, 2, 3}) {
    const auto check = feed->PollAndCheck(after, 1);
    ASSERT_TRUE(check.ok()) << check.status();
    EXPECT_THAT(check->changes, SizeIs(last == 1 ? 1 : 0));
    note(check->changes);
    ASSERT_THAT(check->digests, SizeIs(1));
    EXPECT_EQ(check->after_project_id, after);
    EXPECT_EQ(check->through_project_id, last);
    checked[check->digests[0].project_id] = check->digests[0].digest;
    after = last;
  }
  EXPECT_EQ(checked, read);
  EXPECT_EQ(feed->PollAndCheck(after, 1)->through_project_id, INT64_MAX);

  Sql(database_.dsn(), "UPDATE cievents.subscriptions SET entries = '[]' WHERE path = 'b.yml'");
  Sql(database_.dsn(), "DELETE FROM cievents.projects WHERE project_id = 3");
  const auto missed = feed->PollAndCheck(0, 100);
  ASSERT_TRUE(missed.ok()) << missed.status();
  EXPECT_THAT(missed->changes, IsEmpty());
  ASSERT_THAT(missed->digests, SizeIs(2));
  EXPECT_NE(missed->digests[0].digest, read[1]);
  EXPECT_EQ(missed->digests[1].digest, read[2]);
  AddSubscription(2, "d.yml");
  const auto again = feed->PollAndRead({1, 3});
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_THAT(*again, SizeIs(3)) << "the change, too";
  EXPECT_EQ((*again)[0].project_id, 2);
  EXPECT_THAT((*again)[0].subscriptions, SizeIs(2));
  EXPECT_EQ((*again)[1].digest, missed->digests[0].digest);
  EXPECT_EQ((*again)[1].subscriptions[1].entries_json, "[]");
  EXPECT_EQ((*again)[2].project_id, 3);
  EXPECT_TRUE((*again)[2].deleted);
}

}  // namespace
}  // namespace cievents::store
