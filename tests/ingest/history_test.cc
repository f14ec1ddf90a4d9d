// Random histories of a project leave exactly what the final state gives from scratch, and ids
// stay. The control: with a difference that is wrong on purpose, the checker says so.
//
//   CIEVENTS_INGEST_HISTORIES  how many projects (6), of 40 steps each
//   CIEVENTS_TEST_SEED         repeats them
#include "tests/ingest/history.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "services/lib/store/testing/test_database.h"

namespace cievents::ingest_test {
namespace {

using config_ingest::DiffFunction;
using config_ingest::DiffSubscriptions;
using config_ingest::SubscriptionDiff;

constexpr int kSteps = 40;

uint64_t Seed() {
  const char* given = std::getenv("CIEVENTS_TEST_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  fmt::print("CIEVENTS_TEST_SEED={}\n", seed);
  return seed;
}

int Histories() {
  const char* given = std::getenv("CIEVENTS_INGEST_HISTORIES");
  return given == nullptr ? 6 : std::max(1, std::atoi(given));
}

class HistoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto honest = IngestClient::Create(database_.dsn(), 2);
    ASSERT_TRUE(honest.ok()) << honest.status();
    honest_ = *std::move(honest);
    auto feed = store::SubscriptionFeed::Connect(database_.dsn());
    ASSERT_TRUE(feed.ok()) << feed.status();
    feed_ = *std::move(feed);
    ASSERT_TRUE(feed_->Load().ok());
  }

  // Histories with `diff` in the ingest, until one is found to be wrong.
  std::optional<std::string> FirstWrong(int histories, uint64_t seed, DiffFunction diff) {
    auto client = IngestClient::Create(database_.dsn(), 2, std::move(diff));
    EXPECT_TRUE(client.ok()) << client.status();
    if (!client.ok()) return "no client";
    for (int i = 0; i < histories; ++i) {
      History history(**client, *honest_, *feed_, ++last_project_id_,
                      seed + static_cast<uint64_t>(i));
      auto wrong = history.Play(kSteps);
      pushes_ += history.pushes();
      calls_ += history.calls();
      if (wrong.has_value()) return wrong;
    }
    return std::nullopt;
  }

  store::TestDatabase database_;
  std::unique_ptr<IngestClient> honest_;
  std::unique_ptr<store::SubscriptionFeed> feed_;
  int64_t last_project_id_ = 0;
  int pushes_ = 0;
  int calls_ = 0;
};

TEST_F(HistoryTest, EveryStepLeavesWhatTheFinalStateGivesFromScratch) {
  const int histories = Histories();
  const auto wrong = FirstWrong(histories, Seed(), DiffSubscriptions);
  EXPECT_EQ(wrong.value_or(""), "");
  fmt::print("{} pushes and {} calls in {} histories\n", pushes_, calls_, histories);
  EXPECT_GE(pushes_, histories * 10);
  EXPECT_GE(calls_, histories);
}

TEST_F(HistoryTest, ADifferenceThatForgetsToEndIsFound) {
  const auto wrong =
      FirstWrong(20, Seed(), [](const auto& stored, const auto& drafts, int64_t user) {
        SubscriptionDiff diff = DiffSubscriptions(stored, drafts, user);
        diff.ended.clear();
        return diff;
      });
  EXPECT_NE(wrong.value_or(""), "");
}

TEST_F(HistoryTest, ADifferenceThatLosesAnUpdateIsFound) {
  const auto wrong =
      FirstWrong(20, Seed(), [](const auto& stored, const auto& drafts, int64_t user) {
        SubscriptionDiff diff = DiffSubscriptions(stored, drafts, user);
        for (auto it = diff.writes.begin(); it != diff.writes.end(); ++it) {
          if (it->subscription_id == 0) continue;
          const auto at = it - diff.writes.begin();
          diff.writes.erase(it);
          for (auto& after : diff.after) {
            if (after.write_index == at) after.write_index = -1;
            if (after.write_index > at) --after.write_index;
          }
          break;
        }
        return diff;
      });
  EXPECT_NE(wrong.value_or(""), "");
}

TEST_F(HistoryTest, ADifferenceThatGivesTheOnlyVariantANewIdIsFound) {
  const auto wrong =
      FirstWrong(20, Seed(), [](const auto& stored, const auto& drafts, int64_t user) {
        SubscriptionDiff diff = DiffSubscriptions(stored, drafts, user);
        for (auto& write : diff.writes) {
          for (const auto& row : stored) {
            if (row.subscription_id != write.subscription_id) continue;
            if (row.inputs_digest == write.inputs_digest || row.ended) continue;
            diff.ended.push_back(write.subscription_id);
            write.subscription_id = 0;
          }
        }
        return diff;
      });
  EXPECT_NE(wrong.value_or(""), "");
}

}  // namespace
}  // namespace cievents::ingest_test
