// Tests matcher/index/segmented_table.h, with std::unordered_map as the oracle.
#include "matcher/index/segmented_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <random>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

namespace cievents::matcher {
namespace {

struct Item {
  uint64_t key = 0;
  int number = 0;
};

constexpr int kItems = 4096;

// Values with stable addresses.
class SegmentedTableTest : public ::testing::Test {
 protected:
  SegmentedTableTest() : items_(kItems) {
    for (int i = 0; i < kItems; ++i) items_[static_cast<size_t>(i)].number = i;
  }
  Item* ItemOf(uint64_t i) { return &items_[i % kItems]; }
  void PublishAndReclaim() {
    epochs_.Publish();
    epochs_.Reclaim();
  }

  EpochDomain epochs_;
  std::vector<Item> items_;
};

TEST_F(SegmentedTableTest, AnEmptyTableHasNothing) {
  const SegmentedTable<Item> table(epochs_, 4);
  for (const uint64_t key : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, ~uint64_t{0} - 1}) {
    EXPECT_EQ(table.Find(key), nullptr);
    table.Prefetch(key);
  }
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(SegmentedTableTest, KeysAtTheEndsOfTheirRangeAreKeysLikeOthers) {
  SegmentedTable<Item> table(epochs_, 4);
  const std::vector<uint64_t> keys = {0, 1, ~uint64_t{0} - 1, uint64_t{1} << 63,
                                      std::numeric_limits<int64_t>::max()};
  for (size_t i = 0; i < keys.size(); ++i) table.Insert(keys[i], ItemOf(i));
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(table.Find(keys[i]), ItemOf(i));
  EXPECT_EQ(table.Find(~uint64_t{0}), nullptr);
  for (const uint64_t key : keys) table.Remove(key);
  for (const uint64_t key : keys) EXPECT_EQ(table.Find(key), nullptr);
}

// Random changes over few keys, so that places are taken, left and taken again.
TEST_F(SegmentedTableTest, AgreesWithAnUnorderedMapUnderRandomChanges) {
  for (const int directory_bits : {1, 3, 12, 16}) {
    SCOPED_TRACE(directory_bits);
    std::mt19937_64 random(static_cast<uint64_t>(directory_bits));
    SegmentedTable<Item> table(epochs_, directory_bits);
    std::unordered_map<uint64_t, Item*> oracle;
    constexpr uint64_t kKeys = 700;
    for (int step = 1; step <= 30'000; ++step) {
      const uint64_t key = random() % kKeys * (random() % 2 == 0 ? 1 : 1'000'003);
      // Phases of growth and of shrinking.
      const bool grow = step / 5000 % 2 == 0;
      const bool insert = random() % 4 < (grow ? 3u : 1u);
      Item* const item = ItemOf(random());
      const auto at = oracle.find(key);
      if (at == oracle.end()) {
        ASSERT_EQ(table.Find(key), nullptr);
        if (insert) {
          table.Insert(key, item);
          oracle[key] = item;
        }
      } else if (insert) {
        table.Replace(key, item);
        at->second = item;
      } else {
        table.Remove(key);
        oracle.erase(at);
      }
      if (random() % 16 == 0) PublishAndReclaim();
      if (step % 1000 != 0) continue;
      ASSERT_EQ(table.size(), oracle.size());
      for (uint64_t k = 0; k < kKeys; ++k) {
        for (const uint64_t looked_up : {k, k * 1'000'003}) {
          const auto expected = oracle.find(looked_up);
          ASSERT_EQ(table.Find(looked_up), expected == oracle.end() ? nullptr : expected->second);
        }
      }
      size_t visited = 0;
      table.ForEach([&](const Item*) { ++visited; });
      ASSERT_EQ(visited, oracle.size());
    }
  }
}

TEST_F(SegmentedTableTest, ValuesOfOneKeyAreToldApartByAPredicate) {
  SegmentedTable<Item> table(epochs_, 2);
  std::mt19937_64 random(7);
  constexpr uint64_t kKeys = 5;
  std::vector<std::set<int>> oracle(kKeys);
  for (int step = 0; step < 5000; ++step) {
    const uint64_t key = random() % kKeys;
    const int number = static_cast<int>(random() % 40);
    const auto is_it = [&](const Item* item) { return item->number == number; };
    const bool known = oracle[key].contains(number);
    Item* const found = table.Find(key, is_it);
    ASSERT_EQ(found, known ? ItemOf(static_cast<uint64_t>(number)) : nullptr);
    if (!known) {
      table.Insert(key, ItemOf(static_cast<uint64_t>(number)));
      oracle[key].insert(number);
    } else if (random() % 2 == 0) {
      table.Remove(key, is_it);
      oracle[key].erase(number);
    }
    if (step % 8 == 0) PublishAndReclaim();
  }
  size_t expected = 0;
  for (uint64_t key = 0; key < kKeys; ++key) {
    expected += oracle[key].size();
    for (int number = 0; number < 40; ++number) {
      const Item* const found =
          table.Find(key, [&](const Item* item) { return item->number == number; });
      EXPECT_EQ(found != nullptr, oracle[key].contains(number));
    }
  }
  EXPECT_EQ(table.size(), expected);
}

TEST_F(SegmentedTableTest, ReplacesTheValueThatThePredicatePicksAndNoOther) {
  SegmentedTable<Item> table(epochs_, 1);
  for (uint64_t i = 0; i < 3; ++i) table.Insert(42, ItemOf(i));
  table.Replace(
      42, [](const Item* item) { return item->number == 1; }, ItemOf(9));
  std::set<int> numbers;
  table.ForEach([&](const Item* item) { numbers.insert(item->number); });
  EXPECT_EQ(numbers, (std::set<int>{0, 2, 9}));
  EXPECT_EQ(table.size(), 3u);
}

// The capacity of a segment stands in the upper 16 bits of its directory word.
TEST_F(SegmentedTableTest, ASegmentGrowsUntilItsCapacityNeedsAllSixteenBits) {
  constexpr uint64_t kKeys = 400'000;
  SegmentedTable<Item> table(epochs_, 1);
  for (uint64_t key = 0; key < kKeys; ++key) {
    table.Insert(key, ItemOf(key));
    if (key % 1024 == 0) PublishAndReclaim();
  }
  ASSERT_EQ(table.size(), kKeys);
  for (uint64_t key = 0; key < kKeys; ++key) ASSERT_EQ(table.Find(key), ItemOf(key));
  ASSERT_EQ(table.Find(kKeys), nullptr);
  for (uint64_t key = 0; key < kKeys; ++key) {
    if (key % 1000 != 0) table.Remove(key);
    if (key % 1024 == 0) PublishAndReclaim();
  }
  for (uint64_t key = 0; key < kKeys; ++key) {
    ASSERT_EQ(table.Find(key), key % 1000 == 0 ? ItemOf(key) : nullptr);
  }
  EXPECT_EQ(table.size(), kKeys / 1000);
}

TEST_F(SegmentedTableTest, ASegmentThatWasReplacedLivesAsLongAsAReaderIsPinned) {
  SegmentedTable<Item> table(epochs_, 1);
  EpochDomain::Reader reader(epochs_);
  table.Insert(1, ItemOf(1));
  PublishAndReclaim();
  reader.Enter();
  for (uint64_t key = 2; key < 200; ++key) {
    table.Insert(key, ItemOf(key));
    PublishAndReclaim();
  }
  EXPECT_GT(epochs_.retired(), 0u);
  EXPECT_EQ(table.Find(1), ItemOf(1));
  reader.Leave();
  epochs_.Reclaim();
  EXPECT_EQ(epochs_.retired(), 0u);
}

// Runs under ThreadSanitizer too.
TEST_F(SegmentedTableTest, ReadersFindWhatStaysWhileSegmentsAreReplacedUnderThem) {
  constexpr uint64_t kStay = 300;
  constexpr uint64_t kComeAndGo = 3000;
  SegmentedTable<Item> table(epochs_, 2);
  for (uint64_t key = 0; key < kStay; ++key) table.Insert(key, ItemOf(key));
  epochs_.Publish();
  std::atomic<bool> done = false;
  std::atomic<int> missing = 0;
  std::atomic<int> strange = 0;
  std::atomic<int> backward = 0;
  const auto read = [&] {
    EpochDomain::Reader reader(epochs_);
    int newest = 0;
    bool last = false;
    while (!last) {
      last = done.load();
      reader.Enter();
      for (uint64_t key = 0; key < kStay; key += 7) {
        if (table.Find(key) != ItemOf(key)) ++missing;
      }
      for (uint64_t key = kStay; key < kStay + kComeAndGo; key += 97) {
        const Item* const found = table.Find(key);
        if (found != nullptr && found != ItemOf(key)) ++strange;
      }
      // Key 1,000,000 is replaced in place: its number only grows.
      if (const Item* const found = table.Find(1'000'000); found != nullptr) {
        if (found->number < newest) ++backward;
        newest = found->number;
      }
      reader.Leave();
    }
  };
  table.Insert(1'000'000, ItemOf(0));
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) readers.emplace_back(read);
  for (uint64_t round = 0; round < 4; ++round) {
    for (uint64_t key = kStay; key < kStay + kComeAndGo; ++key) {
      table.Insert(key, ItemOf(key));
      if (key % 5 == 0) PublishAndReclaim();
      if (key % 3 == 0) table.Replace(1'000'000, ItemOf(round * 1000 + (key - kStay) / 3));
    }
    for (uint64_t key = kStay; key < kStay + kComeAndGo; ++key) {
      table.Remove(key);
      if (key % 5 == 0) PublishAndReclaim();
    }
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(missing.load(), 0);
  EXPECT_EQ(strange.load(), 0);
  EXPECT_EQ(backward.load(), 0);
  EXPECT_EQ(table.size(), kStay + 1);
}

}  // namespace
}  // namespace cievents::matcher
