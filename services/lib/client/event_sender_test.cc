// The thread of EventPublisher over streams without gRPC, so that ThreadSanitizer can watch: many
// publishers, answers in any order from another thread, streams that break at any time.
#include "services/lib/client/event_sender.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "services/lib/client/testing/done_log.h"

namespace cievents::client {
namespace {

uint64_t Seed() {
  const char* given = std::getenv("CIEVENTS_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

// Streams that end in one thread, which does what is due in random order.
class FakeNetwork {
 public:
  explicit FakeNetwork(uint64_t seed) : random_(seed), thread_([this] { Run(); }) {}
  ~FakeNetwork() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      changed_.NotifyAll();
    }
    thread_.join();
  }

  OpenStream Opener() {
    return [this](const std::string& endpoint, TellStream tell) {
      return std::make_shared<Stream>(this, endpoint, std::move(tell));
    };
  }
  // The different bytes that came, by their first word.
  std::map<std::string, std::set<std::string>> received() const {
    MutexLock lock(mutex_);
    return received_;
  }
  std::set<std::string> endpoints() const {
    MutexLock lock(mutex_);
    return endpoints_;
  }

 private:
  // What the thread knows of a stream.
  struct Wire {
    TellStream tell;
    bool ended = false;  // touched by the thread alone
  };
  class Stream final : public EventStream {
   public:
    Stream(FakeNetwork* network, const std::string& endpoint, TellStream tell)
        : network_(network), wire_(std::make_shared<Wire>()) {
      wire_->tell = std::move(tell);
      MutexLock lock(network_->mutex_);
      network_->endpoints_.insert(endpoint);
    }
    void Write(int64_t batch_id, const std::vector<const std::string*>& events) override {
      std::vector<std::string> copies;
      for (const std::string* event : events) copies.push_back(*event);
      network_->Post([network = network_, wire = wire_, batch_id, copies = std::move(copies)] {
        network->Receive(wire, batch_id, copies);
      });
    }
    void Cancel() override {
      network_->Post([wire = wire_] { End(*wire, absl::CancelledError("by the sender")); });
    }

   private:
    FakeNetwork* const network_;
    const std::shared_ptr<Wire> wire_;
  };

  void Post(std::function<void()> due) {
    MutexLock lock(mutex_);
    due_.push_back(std::move(due));
    changed_.NotifyAll();
  }
  static void End(Wire& wire, const absl::Status& status) {
    if (wire.ended) return;
    wire.ended = true;
    StreamNotice notice;
    notice.status = status;
    wire.tell(std::move(notice));
  }
  void Receive(const std::shared_ptr<Wire>& wire, int64_t batch_id,
               const std::vector<std::string>& events) {
    if (wire->ended) return;
    StreamNotice written;
    written.kind = StreamNotice::Kind::kWritten;
    wire->tell(std::move(written));
    StreamNotice answer;
    answer.kind = StreamNotice::Kind::kAnswered;
    answer.batch_id = batch_id;
    bool poisoned = false;
    {
      MutexLock lock(mutex_);
      answer.credit_batches = static_cast<int>(random_() % 8);
      for (const std::string& event : events) {
        received_[event.substr(0, event.find(' '))].insert(event);
        poisoned = poisoned || event.find("poison") != std::string::npos;
        Answer& one = answer.answers.emplace_back();
        one.outcome = "taken " + event;
        if (random_() % 10 == 0) one.kind = Answer::Kind::kOverloaded;
      }
    }
    if (poisoned) return End(*wire, absl::InvalidArgumentError("poisoned"));
    Post([this, wire, answer = std::move(answer)] {
      if (wire->ended) return;
      bool broken = false;
      {
        MutexLock lock(mutex_);
        broken = random_() % 20 == 0;
      }
      if (broken) return End(*wire, absl::UnavailableError("cut"));
      wire->tell(answer);
    });
  }
  void Run() {
    while (true) {
      std::function<void()> due;
      {
        MutexLock lock(mutex_);
        while (due_.empty() && !stopping_) changed_.Wait(mutex_);
        if (due_.empty()) return;
        std::swap(due_[random_() % due_.size()], due_.back());
        due = std::move(due_.back());
        due_.pop_back();
      }
      due();
    }
  }

  mutable Mutex mutex_;
  CondVar changed_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> due_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::set<std::string>> received_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> endpoints_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// By project, three endpoints.
class ByProject final : public EventRouter {
 public:
  std::string EndpointFor(const RoutingKey& key) override {
    return fmt::format("shard{}", key.project_id % 3);
  }
};

class EventSenderTest : public ::testing::Test {
 protected:
  EventSenderTest() : seed_(Seed()), network_(seed_) {
    EventSender::Options options;
    options.lane.batch_events_max = 16;
    options.lane.batch_bytes_max = 2'000;
    options.lane.unanswered_batches_max = 5;
    options.lane.reconnect_wait_min = std::chrono::milliseconds(1);
    options.lane.reconnect_wait_max = std::chrono::milliseconds(5);
    options.answer_timeout = std::chrono::seconds(60);
    options.idle_timeout = std::chrono::seconds(60);
    options.retry_wait_max = std::chrono::milliseconds(3);
    options.router = std::make_shared<ByProject>();
    options.open_stream = network_.Opener();
    sender_ = std::make_unique<EventSender>(options, queue_);
  }
  absl::Status Push(const std::string& id, int64_t project_id, std::chrono::seconds timeout) {
    QueuedEvent event;
    event.bytes =
        id + (id.ends_with("13") ? " poison" : " of project ") + std::to_string(project_id);
    event.key.project_id = project_id;
    event.deadline = SendClock::now() + timeout;
    event.done = log_.For(id);
    return queue_->Push(std::move(event));
  }

  const uint64_t seed_;
  DoneLog<std::string> log_;
  FakeNetwork network_;
  const std::shared_ptr<PublishQueue> queue_ = std::make_shared<PublishQueue>(500, 20'000);
  std::unique_ptr<EventSender> sender_;
};

constexpr int kThreads = 4;
constexpr int kEach = 400;

TEST_F(EventSenderTest, EachEventOfManyThreadsIsDoneExactlyOnceWhateverBreaks) {
  SCOPED_TRACE(fmt::format("CIEVENTS_TEST_SEED={}", seed_));
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string id = fmt::format("t{}-{}", t, i);
        while (true) {
          const absl::Status pushed = Push(id, i, std::chrono::seconds(120));
          if (pushed.ok()) break;
          EXPECT_EQ(pushed.code(), absl::StatusCode::kResourceExhausted);
          ++refused;
          std::this_thread::yield();
        }
        const PublisherStats stats = queue_->stats();
        EXPECT_LE(stats.queued_events, 500);
        EXPECT_LE(stats.queued_bytes, 20'000);
        if (i % 100 == 0) {
          EXPECT_TRUE(queue_->AwaitDone(absl::Minutes(2)).ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(queue_->AwaitDone(absl::Minutes(2)).ok());
  const auto given = log_.given();
  ASSERT_EQ(given.size(), size_t{kThreads * kEach});
  for (const auto& [id, outcomes] : given) {
    ASSERT_EQ(outcomes.size(), 1u) << id;
    if (id.ends_with("13")) {
      EXPECT_EQ(outcomes[0].status().code(), absl::StatusCode::kInvalidArgument) << id;
    } else {
      ASSERT_TRUE(outcomes[0].ok()) << id << ": " << outcomes[0].status();
      EXPECT_EQ(outcomes[0]->rfind("taken " + id + " ", 0), 0u) << *outcomes[0];
    }
  }
  for (const auto& [id, bytes] : network_.received()) EXPECT_EQ(bytes.size(), 1u) << id;
  EXPECT_EQ(network_.endpoints(), (std::set<std::string>{"shard0", "shard1", "shard2"}));
  const PublisherStats stats = queue_->stats();
  EXPECT_EQ(stats.queued_events, 0);
  EXPECT_EQ(stats.queued_bytes, 0);
  EXPECT_EQ(stats.published, kThreads * kEach);
  EXPECT_EQ(stats.published, stats.answered + stats.failed);
  EXPECT_EQ(stats.refused_full, refused);
  EXPECT_EQ(stats.sent - stats.retried, stats.published);
}

TEST_F(EventSenderTest, WhatAStopFindsIsGivenUpExactlyOnce) {
  SCOPED_TRACE(fmt::format("CIEVENTS_TEST_SEED={}", seed_));
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        // Some have a deadline that has passed at once.
        const absl::Status pushed =
            Push(fmt::format("t{}-{}", t, i), i, std::chrono::seconds(i % 7 == 0 ? 0 : 60));
        if (pushed.ok()) ++taken;
        if (pushed.code() == absl::StatusCode::kFailedPrecondition) break;
        if (t == 0 && i == kEach / 2) queue_->Close();
      }
      sender_->Stop();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log_.count(), taken);
  for (const auto& [id, outcomes] : log_.given()) EXPECT_EQ(outcomes.size(), 1u) << id;
  const PublisherStats stats = queue_->stats();
  EXPECT_EQ(stats.queued_events, 0);
  EXPECT_EQ(stats.published,
            stats.answered + stats.failed + stats.cancelled + stats.deadline_dropped);
}

}  // namespace
}  // namespace cievents::client
