#include "services/lib/spool/waiting_index.h"

#include "gtest/gtest.h"

namespace cievents::spool {
namespace {

WaitingIndex Rows(std::initializer_list<int64_t> rows) {
  WaitingIndex index;
  for (const int64_t row : rows) index.Add(row, 1000 + row, 10 * row);
  return index;
}

TEST(WaitingIndexTest, NextGivesTheRowsInOrderAndThenNothing) {
  const WaitingIndex index = Rows({2, 3, 7});
  std::vector<int64_t> rows;
  for (const WaitingIndex::Entry* entry = index.Next(0); entry != nullptr;
       entry = index.Next(entry->row)) {
    rows.push_back(entry->row);
  }
  EXPECT_EQ(rows, (std::vector<int64_t>{2, 3, 7}));
  EXPECT_EQ(index.Next(4)->row, 7);
  EXPECT_EQ(index.Next(7), nullptr);
}

TEST(WaitingIndexTest, WhatIsTakenIsTakenOnce) {
  WaitingIndex index = Rows({2, 3, 7});
  EXPECT_EQ(index.Take(3), 30);
  EXPECT_EQ(index.Take(3), std::nullopt);
  EXPECT_EQ(index.Take(5), std::nullopt);
  EXPECT_EQ(index.Take(8), std::nullopt);
  EXPECT_FALSE(index.Waits(3));
  EXPECT_TRUE(index.Waits(7));
  EXPECT_EQ(index.Next(2)->row, 7);
  EXPECT_EQ(index.records(), 2);
  EXPECT_EQ(index.bytes(), 90);
}

TEST(WaitingIndexTest, TheFirstOneIsTheFirstThatStillWaits) {
  WaitingIndex index = Rows({2, 3, 7});
  index.Take(3);
  EXPECT_EQ(index.Next(0)->received_time_ms, 1002);
  index.Take(2);
  EXPECT_EQ(index.Next(0)->received_time_ms, 1007);
  index.Take(7);
  EXPECT_EQ(index.Next(0), nullptr);
  EXPECT_TRUE(index.empty());
  index.Add(8, 1008, 1);
  EXPECT_EQ(index.Next(0)->row, 8);
}

}  // namespace
}  // namespace cievents::spool
