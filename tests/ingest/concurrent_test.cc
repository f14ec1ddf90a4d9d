// 16 pushers at once, 50 projects, every push and call in any order and some twice, Postgres killed
// and restarted in between: the end of each project is what its highest numbers said.
//
//   CIEVENTS_INGEST_OPERATIONS  pushes and calls of each project (8)
//   CIEVENTS_TEST_SEED          repeats them (not the interleaving)
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>
#include <variant>

#include "services/lib/store/subscription_feed.h"
#include "services/lib/store/testing/test_database.h"
#include "tests/ingest/ingest_client.h"

namespace cievents::ingest_test {
namespace {

using config_ingest::ProjectAction;
using config_ingest::ProjectCall;

constexpr int kProjects = 50;
constexpr int kPushers = 16;
constexpr int kConnections = 8;
constexpr int kRestarts = 2;
constexpr int64_t kScratchIds = 1'000'000;

int Operations() {
  const char* given = std::getenv("CIEVENTS_INGEST_OPERATIONS");
  return given == nullptr ? 8 : std::max(3, std::atoi(given));
}

uint64_t Seed() {
  const char* given = std::getenv("CIEVENTS_TEST_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  fmt::print("CIEVENTS_TEST_SEED={}\n", seed);
  return seed;
}

struct PushOperation {
  config_ingest::Push push;
  Files files;
};
using Operation = std::variant<PushOperation, ProjectCall>;

// What the highest numbers of a project said.
struct Expected {
  int64_t project_id = 0;
  Place place;
  Place pushed_place;
  Files files;
  int64_t push_sequence = 0;
  bool archived = false;
  bool ci_disabled = false;
  bool deleted = false;
};

// Pushes and calls 1 to `count` of a project; the first is an upsert, which makes it known.
std::vector<Operation> MakeOperations(int64_t project_id, int count, Random& random,
                                      Expected* expected) {
  std::vector<Operation> operations;
  RandomCheckout checkout(random);
  expected->project_id = project_id;
  for (int64_t sequence = 1; sequence <= count; ++sequence) {
    const Place place{{project_id * 10 + random.Below(3)}, fmt::format("p{}", sequence)};
    if (sequence == 2 || (sequence > 1 && random.Percent(55))) {
      checkout.Change();
      Files files;
      for (const auto& [path, content] : checkout.files()) {
        // What a broken file counts as depends on what came before it: not here.
        if (content.rfind("# broken\n", 0) != 0) files[path] = content;
      }
      operations.push_back(PushOperation{MakePush(project_id, sequence, files, place), files});
      expected->files = files;
      expected->place = expected->pushed_place = place;
      expected->push_sequence = sequence;
      expected->deleted = false;
      continue;
    }
    ProjectCall call;
    call.action =
        sequence == 1 ? ProjectAction::kUpsert : static_cast<ProjectAction>(random.Below(4));
    call.project_id = project_id;
    call.sequence = sequence;
    if (call.action == ProjectAction::kUpsert || call.action == ProjectAction::kTransfer) {
      call.namespace_ids = place.namespace_ids;
      call.project_path = place.project_path;
      expected->place = place;
    }
    if (call.action == ProjectAction::kUpsert || call.action == ProjectAction::kArchive) {
      expected->archived = call.archived = random.Percent(30);
      expected->ci_disabled = call.ci_disabled = random.Percent(30);
    }
    if (call.action == ProjectAction::kUpsert) expected->deleted = false;
    if (call.action == ProjectAction::kDelete) expected->deleted = true;
    operations.push_back(call);
  }
  return operations;
}

// As a sender does: again while the ingest is out of reach or another push was in the way.
absl::Status Send(IngestClient& client, const Operation& operation, std::atomic<int>* again) {
  while (true) {
    absl::Status status;
    if (const auto* push = std::get_if<PushOperation>(&operation)) {
      status = client.Push(push->push, push->files).status();
    } else {
      status = client.Call(std::get<ProjectCall>(operation)).status();
    }
    if (status.code() != absl::StatusCode::kUnavailable &&
        status.code() != absl::StatusCode::kAborted) {
      return status;
    }
    again->fetch_add(1);
    // A sender's pause; nothing tells it that Postgres is back.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

class ConcurrentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto client = IngestClient::Create(database_.dsn(), kConnections);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }

  // Sends all in their order, from several threads; kills Postgres when a third, then two thirds
  // are sent.
  void SendAll(const std::vector<Operation>& operations) {
    std::atomic<size_t> next = 0;
    std::atomic<int> wrong = 0;
    std::vector<std::thread> pushers;
    for (int i = 0; i < kPushers; ++i) {
      pushers.emplace_back([&] {
        for (size_t at = next++; at < operations.size(); at = next++) {
          next.notify_one();
          const absl::Status status = Send(*client_, operations[at], &again_);
          if (status.ok()) continue;
          ++wrong;
          ADD_FAILURE() << status;
        }
      });
    }
    for (int restart = 1; restart <= kRestarts; ++restart) {
      const size_t when = operations.size() * static_cast<size_t>(restart) / (kRestarts + 1);
      for (size_t sent = next; sent < when; sent = next) next.wait(sent);
      EXPECT_TRUE(store::Cluster().KillAll().ok());
      EXPECT_TRUE(store::Cluster().Restart().ok());
    }
    for (std::thread& pusher : pushers) pusher.join();
    EXPECT_EQ(wrong, 0);
  }

  void CheckProject(const Expected& expected, const store::FeedProject* seen) {
    SCOPED_TRACE(fmt::format("project {}", expected.project_id));
    const auto found = client_->store().Read(expected.project_id);
    ASSERT_TRUE(found.ok()) << found.status();
    const store::StoredProject& row = found->project;
    EXPECT_EQ(row.namespace_ids, expected.place.namespace_ids);
    EXPECT_EQ(row.project_path, expected.place.project_path);
    EXPECT_EQ(row.push_sequence, expected.push_sequence);
    EXPECT_EQ(row.archived, expected.archived);
    EXPECT_EQ(row.ci_disabled, expected.ci_disabled);
    EXPECT_EQ(row.deleted, expected.deleted);
    EXPECT_EQ(row.permission_namespace_ids.has_value(),
              expected.place.namespace_ids != expected.pushed_place.namespace_ids);
    const auto set = client_->List(expected.project_id);
    ASSERT_TRUE(set.ok()) << set.status();
    ASSERT_EQ(seen == nullptr, expected.deleted) << "the feed";
    if (expected.deleted) {
      EXPECT_TRUE(set->empty());
      return;
    }
    EXPECT_EQ(seen->subscriptions.size(), set->size());
    const int64_t scratch = expected.project_id + kScratchIds;
    const auto answer =
        client_->Push(MakePush(scratch, 1, expected.files, expected.pushed_place), expected.files);
    ASSERT_TRUE(answer.ok()) << answer.status();
    const auto from_scratch = client_->List(scratch);
    ASSERT_TRUE(from_scratch.ok()) << from_scratch.status();
    EXPECT_EQ(Definitions(*set), Definitions(*from_scratch))
        << ToText(Definitions(*set)) << "from scratch\n"
        << ToText(Definitions(*from_scratch));
    subscriptions_ += set->size();
  }

  store::TestDatabase database_;
  std::unique_ptr<IngestClient> client_;
  std::atomic<int> again_ = 0;
  size_t subscriptions_ = 0;
};

TEST_F(ConcurrentTest, TheEndOfEachProjectIsWhatItsHighestNumbersSaid) {
  Random random(Seed());
  std::vector<Expected> expected(kProjects);
  std::vector<Operation> operations;
  for (int i = 0; i < kProjects; ++i) {
    std::vector<Operation> own =
        MakeOperations(i + 1, Operations(), random, &expected[static_cast<size_t>(i)]);
    ASSERT_TRUE(Send(*client_, own[0], &again_).ok());
    for (size_t k = 1; k < own.size(); ++k) {
      if (random.Percent(20)) operations.push_back(own[k]);
      operations.push_back(std::move(own[k]));
    }
  }
  std::shuffle(operations.begin(), operations.end(), random.engine());
  SendAll(operations);

  auto feed = store::SubscriptionFeed::Connect(database_.dsn());
  ASSERT_TRUE(feed.ok()) << feed.status();
  const auto projects = (*feed)->Load();
  ASSERT_TRUE(projects.ok()) << projects.status();
  std::map<int64_t, const store::FeedProject*> seen;
  for (const store::FeedProject& project : *projects) seen[project.project_id] = &project;
  int deleted = 0;
  for (const Expected& project : expected) {
    const auto of_feed = seen.find(project.project_id);
    CheckProject(project, of_feed == seen.end() ? nullptr : of_feed->second);
    deleted += project.deleted ? 1 : 0;
  }
  fmt::print("{} pushes and calls, {} sent again, {} subscriptions, {} of {} projects deleted\n",
             operations.size(), again_.load(), subscriptions_, deleted, kProjects);
  EXPECT_GT(again_, 0) << "Postgres was away";
  EXPECT_GT(subscriptions_, 20u);
}

}  // namespace
}  // namespace cievents::ingest_test
