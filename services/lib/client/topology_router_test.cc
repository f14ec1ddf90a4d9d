// Tests services/lib/client/topology_router.h.
#include "services/lib/client/topology_router.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>

#include "matcher/slots.h"

namespace cievents::client {
namespace {

// A root namespace of the shard in a layout of two.
int64_t RootOf(int shard) {
  for (int64_t id = 1;; ++id) {
    if (matcher::ShardOfSlot(matcher::SlotOf(id), 2) == shard) return id;
  }
}

events::v1::GetTopologyResponse TwoShards(int64_t version, const std::string& first,
                                          const std::string& second) {
  events::v1::GetTopologyResponse topology;
  topology.set_version(version);
  topology.set_slot_count(matcher::kSlots);
  for (const std::string& address : {first, second}) {
    events::v1::Shard* shard = topology.add_shards();
    shard->set_shard_index(topology.shards_size() - 1);
    shard->set_address(address);
    shard->set_first_slot((topology.shards_size() - 1) * matcher::kSlots / 2);
    shard->set_slot_count(matcher::kSlots / 2);
  }
  return topology;
}

// Matchers by endpoint; what is not there does not answer.
class TopologyRouterTest : public ::testing::Test {
 protected:
  std::unique_ptr<TopologyRouter> MakeRouter(std::vector<std::string> endpoints) {
    TopologyRouter::Options options;
    options.endpoints = std::move(endpoints);
    options.refresh_interval = absl::Hours(1);
    options.refresh_interval_min = absl::Milliseconds(1);
    options.now = [this] { return now_.load(); };
    options.fetch = [this](const std::string& endpoint) { return Ask(endpoint); };
    return std::make_unique<TopologyRouter>(std::move(options));
  }
  void Say(const std::string& endpoint, const events::v1::GetTopologyResponse& topology) {
    MutexLock lock(mutex_);
    answers_[endpoint] = topology;
  }
  void Pass(std::chrono::milliseconds time) { now_ = now_.load() + time; }
  void Silence(const std::string& endpoint) {
    MutexLock lock(mutex_);
    answers_.erase(endpoint);
  }
  // False: not within half a minute.
  static bool Await(const TopologyRouter& router, int64_t version) {
    const absl::Time end = absl::Now() + absl::Seconds(30);
    while (router.version() != version) {
      if (absl::Now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

 private:
  absl::StatusOr<events::v1::GetTopologyResponse> Ask(const std::string& endpoint) {
    MutexLock lock(mutex_);
    const auto it = answers_.find(endpoint);
    if (it == answers_.end()) return absl::UnavailableError("nobody there");
    return it->second;
  }

  Mutex mutex_;
  std::atomic<std::chrono::steady_clock::time_point> now_{std::chrono::steady_clock::now()};
  std::map<std::string, events::v1::GetTopologyResponse> answers_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(TopologyRouterTest, UntilItKnowsItNamesAMatcherThatItWasGiven) {
  const auto router = MakeRouter({"seed:1"});
  EXPECT_EQ(router->EndpointFor({RootOf(0), 7}), "seed:1");
  EXPECT_EQ(router->version(), 0);
}

TEST_F(TopologyRouterTest, EveryEventGoesToTheOwnerOfItsRootNamespace) {
  Say("seed:1", TwoShards(4, "zero:1", "one:1"));
  const auto router = MakeRouter({"seed:1"});
  ASSERT_TRUE(Await(*router, 4));
  EXPECT_EQ(router->EndpointFor({RootOf(0), 7}), "zero:1");
  EXPECT_EQ(router->EndpointFor({RootOf(1), 0}), "one:1");
  EXPECT_EQ(router->EndpointFor({0, 0}), "zero:1") << "an instance event has slot 0";
  EXPECT_EQ(router->EndpointFor({0, 7}), "seed:1") << "whose root is not said may go anywhere";
}

TEST_F(TopologyRouterTest, AnAddressThatIsNotKnownIsAnybodys) {
  Say("seed:1", TwoShards(4, "zero:1", ""));
  const auto router = MakeRouter({"seed:1"});
  ASSERT_TRUE(Await(*router, 4));
  EXPECT_EQ(router->EndpointFor({RootOf(1), 7}), "seed:1");
}

TEST_F(TopologyRouterTest, AStreamThatEndsIsATimeToAskAgain) {
  Say("seed:1", TwoShards(4, "zero:1", "one:1"));
  const auto router = MakeRouter({"seed:1"});
  ASSERT_TRUE(Await(*router, 4));
  Say("seed:1", TwoShards(5, "zero:1", "moved:1"));
  router->StreamEnded("one:1", absl::UnavailableError("gone"));
  ASSERT_TRUE(Await(*router, 5));
  EXPECT_EQ(router->EndpointFor({RootOf(1), 7}), "moved:1");
}

TEST_F(TopologyRouterTest, AnyMatcherThatAnswersWillDo) {
  Say("other:1", TwoShards(4, "zero:1", "one:1"));
  const auto router = MakeRouter({"seed:1", "other:1"});
  ASSERT_TRUE(Await(*router, 4));
  Silence("other:1");
  Say("one:1", TwoShards(5, "zero:1", "one:1"));
  router->StreamEnded("zero:1", absl::UnavailableError("gone"));
  EXPECT_TRUE(Await(*router, 5)) << "a matcher of the last topology";
}

TEST_F(TopologyRouterTest, WhatIsOlderOrNotOfThisWorldIsNotTaken) {
  Say("seed:1", TwoShards(4, "zero:1", "one:1"));
  const auto router = MakeRouter({"seed:1"});
  ASSERT_TRUE(Await(*router, 4));
  Say("seed:1", TwoShards(3, "old:1", "old:1"));
  router->StreamEnded("one:1", absl::UnavailableError("gone"));
  events::v1::GetTopologyResponse odd = TwoShards(9, "odd:1", "odd:1");
  odd.set_slot_count(16);
  Say("seed:1", odd);
  router->StreamEnded("one:1", absl::UnavailableError("gone"));
  odd = TwoShards(9, "odd:1", "odd:1");
  odd.mutable_shards(1)->set_slot_count(matcher::kSlots);
  Say("seed:1", odd);
  router->StreamEnded("one:1", absl::UnavailableError("gone"));
  Say("seed:1", TwoShards(10, "zero:1", "one:1"));
  router->StreamEnded("one:1", absl::UnavailableError("gone"));
  ASSERT_TRUE(Await(*router, 10));
  EXPECT_EQ(router->EndpointFor({RootOf(1), 7}), "one:1");
}

TEST_F(TopologyRouterTest, AnEndpointWhoseStreamEndsGivesWayToTheNext) {
  const auto router = MakeRouter({"seed:1", "other:1"});
  router->StreamEnded("seed:1", absl::UnavailableError("gone"));
  EXPECT_EQ(router->EndpointFor({RootOf(0), 7}), "other:1");
}

TEST_F(TopologyRouterTest, EventsGoRoundAnOwnerToWhichAStreamBroke) {
  Say("seed:1", TwoShards(4, "zero:1", "one:1"));
  const auto router = MakeRouter({"seed:1", "one:1"});
  ASSERT_TRUE(Await(*router, 4));
  router->StreamEnded("one:1", absl::CancelledError("idle"));
  EXPECT_EQ(router->EndpointFor({RootOf(1), 7}), "one:1") << "it was we who ended the stream";
  router->StreamEnded("one:1", absl::UnavailableError("gone"));
  EXPECT_EQ(router->EndpointFor({RootOf(1), 7}), "seed:1");
  EXPECT_EQ(router->EndpointFor({RootOf(0), 7}), "zero:1") << "others are not concerned";
  Pass(std::chrono::milliseconds(4999));
  EXPECT_EQ(router->EndpointFor({RootOf(1), 7}), "seed:1");
  Pass(std::chrono::milliseconds(1));
  EXPECT_EQ(router->EndpointFor({RootOf(1), 7}), "one:1") << "tried again";
}

TEST_F(TopologyRouterTest, WhereNobodyElseIsLeftTheOwnerIsTried) {
  Say("seed:1", TwoShards(4, "zero:1", "one:1"));
  const auto router = MakeRouter({"seed:1"});
  ASSERT_TRUE(Await(*router, 4));
  for (const char* endpoint : {"one:1", "seed:1"}) {
    router->StreamEnded(endpoint, absl::UnavailableError("gone"));
  }
  EXPECT_EQ(router->EndpointFor({RootOf(1), 7}), "one:1");
}

TEST_F(TopologyRouterTest, ANewTopologyIsBelieved) {
  Say("seed:1", TwoShards(4, "zero:1", "one:1"));
  const auto router = MakeRouter({"seed:1"});
  ASSERT_TRUE(Await(*router, 4));
  Say("seed:1", TwoShards(5, "zero:1", "one:1"));
  router->StreamEnded("one:1", absl::UnavailableError("gone"));
  ASSERT_TRUE(Await(*router, 5));
  EXPECT_EQ(router->EndpointFor({RootOf(1), 7}), "one:1");
}

}  // namespace
}  // namespace cievents::client
