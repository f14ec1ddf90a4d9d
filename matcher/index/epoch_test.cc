// Tests matcher/index/epoch.h. Runs under ThreadSanitizer too (preset `tsan`).
#include "matcher/index/epoch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace cievents::matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Retires numbers and remembers which were freed, in order.
class EpochTest : public ::testing::Test {
 protected:
  void Retire(int number) {
    epochs_.Retire(new int(number), &freed_, [](void* object, void* context) {
      const std::unique_ptr<int> gone(static_cast<int*>(object));
      static_cast<std::vector<int>*>(context)->push_back(*gone);
    });
  }
  void PublishAndReclaim() {
    epochs_.Publish();
    epochs_.Reclaim();
  }

  std::vector<int> freed_;  // outlives the domain, whose end frees too
  EpochDomain epochs_;
};

TEST_F(EpochTest, FreesNothingBeforeThePublishThatHidesIt) {
  Retire(1);
  epochs_.Reclaim();
  EXPECT_THAT(freed_, IsEmpty());
  EXPECT_EQ(epochs_.retired(), 1u);
  PublishAndReclaim();
  EXPECT_THAT(freed_, ElementsAre(1));
  EXPECT_EQ(epochs_.retired(), 0u);
}

TEST_F(EpochTest, APinnedReaderKeepsWhatWasRetiredAfterItEntered) {
  EpochDomain::Reader reader(epochs_);
  reader.Enter();
  Retire(1);
  for (int i = 0; i < 5; ++i) PublishAndReclaim();
  EXPECT_THAT(freed_, IsEmpty());
  reader.Leave();
  epochs_.Reclaim();
  EXPECT_THAT(freed_, ElementsAre(1));
}

TEST_F(EpochTest, AReaderThatEntersAfterThePublishKeepsNothingOfBefore) {
  EpochDomain::Reader reader(epochs_);
  Retire(1);
  epochs_.Publish();
  reader.Enter();
  epochs_.Reclaim();
  EXPECT_THAT(freed_, ElementsAre(1));
  reader.Leave();
}

TEST_F(EpochTest, AReaderThatIsRegisteredButIdleKeepsNothing) {
  const EpochDomain::Reader reader(epochs_);
  Retire(1);
  PublishAndReclaim();
  EXPECT_THAT(freed_, ElementsAre(1));
}

TEST_F(EpochTest, AReaderStaysInItsEpochUntilItEntersAgain) {
  EpochDomain::Reader reader(epochs_);
  const Epoch first = reader.Enter();
  EXPECT_EQ(epochs_.next(), first + 1);
  epochs_.Publish();
  epochs_.Publish();
  EXPECT_EQ(epochs_.OldestPinned(), first);
  reader.Leave();
  EXPECT_EQ(epochs_.OldestPinned(), first + 2);
  EXPECT_EQ(reader.Enter(), first + 2);
  reader.Leave();
}

TEST_F(EpochTest, OfOverlappingReadersTheOldestKeepsMemory) {
  EpochDomain::Reader early(epochs_);
  EpochDomain::Reader middle(epochs_);
  EpochDomain::Reader late(epochs_);
  early.Enter();
  Retire(1);
  epochs_.Publish();
  middle.Enter();
  Retire(2);
  epochs_.Publish();
  late.Enter();
  Retire(3);
  PublishAndReclaim();
  EXPECT_THAT(freed_, IsEmpty());
  // One in the middle goes first: what it shares with the older one stays.
  middle.Leave();
  epochs_.Reclaim();
  EXPECT_THAT(freed_, IsEmpty());
  early.Leave();
  epochs_.Reclaim();
  EXPECT_THAT(freed_, ElementsAre(1, 2));
  late.Leave();
  epochs_.Reclaim();
  EXPECT_THAT(freed_, ElementsAre(1, 2, 3));
}

TEST_F(EpochTest, OneThreadMayHoldAnInnerReaderWithinAnOuterOne) {
  EpochDomain::Reader outer(epochs_);
  const Epoch outside = outer.Enter();
  Retire(1);
  epochs_.Publish();
  {
    EpochDomain::Reader inner(epochs_);
    EXPECT_EQ(inner.Enter(), outside + 1);
    inner.Leave();
  }
  PublishAndReclaim();
  EXPECT_THAT(freed_, IsEmpty());  // the inner one's end did not release the outer one
  outer.Leave();
  epochs_.Reclaim();
  EXPECT_THAT(freed_, ElementsAre(1));
}

TEST_F(EpochTest, FreesInTheOrderOfRetire) {
  for (int i = 1; i <= 4; ++i) {
    Retire(i);
    if (i % 2 == 0) epochs_.Publish();
  }
  epochs_.Reclaim();
  EXPECT_THAT(freed_, ElementsAre(1, 2, 3, 4));
}

TEST_F(EpochTest, WhatFreeingRetiresWaitsForTheNextPublish) {
  struct Parent {
    EpochDomain& epochs;
    std::vector<int>& freed;
  };
  epochs_.Retire(new Parent{epochs_, freed_}, nullptr, [](void* object, void*) {
    const std::unique_ptr<Parent> gone(static_cast<Parent*>(object));
    gone->epochs.Retire(&gone->freed, nullptr, [](void* freed, void*) {
      static_cast<std::vector<int>*>(freed)->push_back(7);
    });
  });
  PublishAndReclaim();
  EXPECT_THAT(freed_, IsEmpty());
  EXPECT_EQ(epochs_.retired(), 1u);
  PublishAndReclaim();
  EXPECT_THAT(freed_, ElementsAre(7));
}

TEST_F(EpochTest, TheDomainsEndFreesTheRest) {
  std::vector<int> freed;
  {
    EpochDomain epochs;
    for (int i = 1; i <= 3; ++i) {
      epochs.Retire(new int(i), &freed, [](void* object, void* context) {
        const std::unique_ptr<int> gone(static_cast<int*>(object));
        static_cast<std::vector<int>*>(context)->push_back(*gone);
      });
      epochs.Publish();
    }
  }
  EXPECT_THAT(freed, ElementsAre(1, 2, 3));
}

TEST_F(EpochTest, APlaceOfAReaderThatIsGoneIsIdle) {
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<EpochDomain::Reader>> readers;
    for (int i = 0; i < 100; ++i) {
      readers.push_back(std::make_unique<EpochDomain::Reader>(epochs_));
      readers.back()->Enter();
    }
    for (const auto& reader : readers) reader->Leave();
    readers.clear();
    epochs_.Publish();
    EXPECT_EQ(epochs_.OldestPinned() + 1, epochs_.next());
  }
}

// What readers share in the test below. Plain memory: a reader that holds it too long races with
// the free, which the sanitizers see.
struct Node {
  static constexpr uint64_t kAlive = 0x600df00d;
  uint64_t alive = kAlive;
  uint64_t number = 0;
  std::atomic<uint64_t>* freed = nullptr;

  static void Free(void* object, void* /*context*/) {
    const std::unique_ptr<Node> gone(static_cast<Node*>(object));
    gone->alive = 0;
    gone->freed->fetch_add(1);
  }
};

TEST_F(EpochTest, ManyReadersComeAndGoAndNothingIsFreedUnderThem) {
  constexpr int kThreads = 3;
  constexpr uint64_t kReplacements = 20'000;
  std::atomic<uint64_t> freed = 0;
  std::atomic<Node*> shared = new Node{Node::kAlive, 0, &freed};
  std::atomic<bool> done = false;
  std::atomic<uint64_t> wrong = 0;
  std::atomic<uint64_t> looks = 0;
  const auto read = [&](uint32_t seed) {
    std::minstd_rand random(seed);
    uint64_t newest = 0;
    while (!done.load()) {
      EpochDomain::Reader reader(epochs_);
      for (uint32_t i = random() % 50; i > 0; --i) {
        const Epoch epoch = reader.Enter();
        const Node* const first = shared.load();
        const Node* const second = shared.load();
        // A node that was published in an epoch has that epoch's number: the reader sees its own
        // epoch's node, or one that is being prepared.
        if (first->number + 1 < epoch || second->number < first->number) ++wrong;
        if (first->alive != Node::kAlive || second->alive != Node::kAlive) ++wrong;
        if (first->number < newest) ++wrong;
        newest = second->number;
        reader.Leave();
        ++looks;
      }
    }
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < kThreads; ++i) readers.emplace_back(read, static_cast<uint32_t>(i) + 1);
  for (uint64_t number = 1; number <= kReplacements; ++number) {
    Node* const old = shared.exchange(new Node{Node::kAlive, number, &freed});
    epochs_.Retire(old, nullptr, &Node::Free);
    epochs_.Publish();
    if (number % 3 == 0) epochs_.Reclaim();
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_GT(looks.load(), 0u);
  epochs_.Reclaim();
  EXPECT_EQ(freed.load(), kReplacements);
  EXPECT_EQ(epochs_.retired(), 0u);
  delete shared.load();
}

}  // namespace
}  // namespace cievents::matcher
