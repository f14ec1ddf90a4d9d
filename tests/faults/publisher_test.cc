// The promise of docs/client.md: an EventPublisher in mid-stream survives kill -9 and restarts of
// the matcher; what it was told is accepted has exactly its requests, none is there twice, and in
// the end everything is answered. Postgres is counted against the naive matcher, as for every row.
#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "gtest/gtest.h"
#include "services/lib/client/event_publisher.h"
#include "services/lib/store/testing/test_database.h"
#include "tests/faults/checker.h"
#include "tests/faults/cluster_copy.h"
#include "tests/faults/emitter.h"
#include "tests/faults/pusher.h"
#include "tests/faults/roles.h"
#include "tests/faults/workload.h"

namespace cievents::faults {
namespace {

using client::EventPublisher;
using events::v1::EventOutcome;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kBurstEvents = 250;
constexpr milliseconds kBetweenBursts{60};
// A fault comes when so many are on their way.
constexpr int64_t kInFlightMin = 50;

// Looks, as the publisher's counts (stats()) signal nobody; how late it sees them only moves the
// kill.
bool Until(const std::function<bool()>& holds) {
  const TimePoint end = Clock::now() + seconds(60);
  while (!holds()) {
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

class PublisherTest : public ::testing::Test {
 protected:
  PublisherTest() : projects_(OfKind(MakeProjects(), ProjectKind::kStable)) {}
  ~PublisherTest() override {
    roles_.reset();
    std::error_code ignored;
    if (!HasFailure()) std::filesystem::remove_all(folder_, ignored);
  }

  void StartRoles(const std::string& matcher_binary) {
    Roles::Options options;
    options.folder = folder_;
    options.product_binary = CIEVENTS_BINARY;
    options.matcher_binary = matcher_binary;
    auto roles = Roles::Start(options);
    ASSERT_TRUE(roles.ok()) << roles.status();
    roles_ = *std::move(roles);
    Random random(7);
    Pusher pusher(roles_->ingest_endpoint(), 7, &ledger_);
    for (const Project& project : projects_) {
      pusher.Push(project, RandomConfiguration(ProjectKind::kStable, random),
                  Clock::now() + seconds(60));
    }
    StartMatcher();
    EventPublisher::Options publishing;
    publishing.endpoint = roles_->matcher_endpoint();
    publisher_ = std::make_unique<EventPublisher>(publishing);
  }
  void StartMatcher() {
    const absl::Status started = roles_->StartMatcher();
    ASSERT_TRUE(started.ok()) << started;
  }
  void KillMatcher() {
    const absl::Status killed = roles_->KillMatcher();
    ASSERT_TRUE(killed.ok()) << killed;
    ledger_.SetDown();
    ledger_.SetUp();
  }
  // With events on their way.
  bool AwaitMidStream() {
    return Until([this] { return publisher_->stats().queued_events >= kInFlightMin; });
  }

  // Publishes until it is told to stop.
  void Publish(const std::atomic<bool>& stop) {
    Emitter::Options options;
    options.endpoint = roles_->matcher_endpoint();
    options.name = "publisher";
    options.seed = 7;
    Emitter maker(options, &ledger_);  // it makes events; it sends none
    Random random(8);
    while (!stop) {
      for (int i = 0; i < kBurstEvents; ++i) {
        const Emitter::Item item = maker.MakeItem(RandomEvent(projects_, random));
        const absl::Status taken = publisher_->Publish(
            item.message,
            [this, place = item.place, sent = Clock::now()](
                const absl::StatusOr<EventOutcome>& outcome) { Enter(place, sent, outcome); });
        EXPECT_TRUE(taken.ok()) << taken;
      }
      // Not a synchronisation: how dense the load is. Without it the queue fills up and Publish
      // refuses; the test waits for events and not for time.
      std::this_thread::sleep_for(kBetweenBursts);
    }
  }
  void Enter(size_t place, TimePoint sent, const absl::StatusOr<EventOutcome>& outcome) {
    ++done_;
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_TRUE(outcome->kind() == events::v1::OUTCOME_KIND_ACCEPTED ||
                outcome->kind() == events::v1::OUTCOME_KIND_DUPLICATE)
        << outcome->ShortDebugString();
    EXPECT_EQ(outcome->ack(), events::v1::ACK_LEVEL_DURABLE);
    const Delivery delivery{sent, Clock::now(), Delivery::Answer::kAcknowledged,
                            outcome->matched_count()};
    ledger_.AddDelivery(place, delivery, outcome->event_uid());
  }

  // Everything is answered; the services end; Postgres is compared with the ledger.
  Counts CloseAndCheck() {
    const absl::Status closed = publisher_->Close(absl::Minutes(1));
    EXPECT_TRUE(closed.ok()) << closed;
    const EventPublisher::Stats stats = publisher_->stats();
    EXPECT_EQ(stats.answered, stats.published);
    EXPECT_EQ(done_, stats.published);
    EXPECT_TRUE(roles_->StopServices().ok());
    const Counts counts = Check(roles_->dsn(), projects_, &ledger_);
    fmt::print("{} events, {} of them matched, {} requests; {} sent again over {} reconnects\n",
               counts.acknowledged, counts.acknowledged_matched, counts.requests, stats.retried,
               stats.reconnects);
    return counts;
  }
  int64_t CountOf(Violation::Kind kind) const {
    int64_t count = 0;
    for (const Violation& violation : ledger_.violations()) {
      if (violation.kind == kind) ++count;
    }
    return count;
  }

  const std::string folder_ = MakeFolder();
  const std::vector<Project> projects_;
  Ledger ledger_;
  std::atomic<int64_t> done_{0};
  std::unique_ptr<Roles> roles_;
  std::unique_ptr<EventPublisher> publisher_;
};

TEST_F(PublisherTest, NothingAcceptedIsLostOrDoubledWhenTheMatcherIsKilledAndRestarted) {
  ASSERT_NO_FATAL_FAILURE(StartRoles(CIEVENTS_BINARY));
  std::atomic<bool> stop{false};
  std::thread publishing([&] { Publish(stop); });
  for (int kill = 0; kill < 3; ++kill) {
    const int64_t before = done_;
    EXPECT_TRUE(Until([&] { return done_ > before + kBurstEvents; })) << "it goes on";
    EXPECT_TRUE(AwaitMidStream());
    KillMatcher();
    StartMatcher();
  }
  EXPECT_TRUE(AwaitMidStream());
  const absl::Status terminated = roles_->matcher().Terminate(seconds(30));
  EXPECT_TRUE(terminated.ok()) << terminated;
  StartMatcher();
  const int64_t before = done_;
  EXPECT_TRUE(Until([&] { return done_ > before + kBurstEvents; }));
  stop = true;
  publishing.join();

  const Counts counts = CloseAndCheck();
  for (const Violation& violation : ledger_.violations()) ADD_FAILURE() << violation.text;
  EXPECT_EQ(counts.acknowledged, counts.events);
  EXPECT_GE(counts.acknowledged_matched, 1000);
  EXPECT_GE(publisher_->stats().reconnects, 4);
  EXPECT_GE(publisher_->stats().retried, 3 * kInFlightMin / 2) << "the kills were in mid-stream";
}

// The control: behind a matcher that acknowledges before its commit, events are lost, and the check
// sees it.
TEST_F(PublisherTest, AMatcherThatAcknowledgesTooEarlyIsFound) {
  ASSERT_NO_FATAL_FAILURE(StartRoles(EARLY_ACK_MATCHER));
  std::atomic<bool> stop{false};
  std::thread publishing([&] { Publish(stop); });
  for (int kill = 0; kill < 6; ++kill) {
    const int64_t before = done_;
    EXPECT_TRUE(Until([&] { return done_ > before + kBurstEvents; }));
    KillMatcher();
    StartMatcher();
  }
  stop = true;
  publishing.join();
  CloseAndCheck();
  EXPECT_GT(CountOf(Violation::Kind::kLost), 0);
}

TEST_F(PublisherTest, TheExampleOfTheDocumentationRuns) {
  ASSERT_NO_FATAL_FAILURE(StartRoles(CIEVENTS_BINARY));
  ChildProcess example(
      {{CLIENT_EXAMPLE, roles_->matcher_endpoint()}, folder_ + "/example.log", "", "the example"});
  ASSERT_TRUE(example.Start().ok());
  const absl::Status ended = example.AwaitExit(seconds(30));
  EXPECT_TRUE(ended.ok()) << ended;
  EXPECT_EQ(example.LogFrom(0), "OUTCOME_KIND_ACCEPTED\n");
}

}  // namespace
}  // namespace cievents::faults
