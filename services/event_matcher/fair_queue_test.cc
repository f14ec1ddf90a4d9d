#include "services/event_matcher/fair_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace cievents::event_matcher {
namespace {

using Queue = FairQueue<std::string>;

Queue::Limits Limits(size_t events_max, size_t bytes_max, size_t turn_cost) {
  return {events_max, bytes_max, turn_cost};
}

bool Push(Queue& queue, int64_t tenant, const std::string& item, size_t cost = 1) {
  return queue.Push(tenant, {1, item.size(), cost}, std::string(item));
}

std::string PopAll(Queue& queue) {
  std::string popped;
  while (!queue.empty()) popped += queue.Pop() + " ";
  return popped;
}

TEST(FairQueue, OneTenantIsServedInOrder) {
  Queue queue(Limits(100, 1000, 1));
  for (const char* item : {"a", "b", "c"}) EXPECT_TRUE(Push(queue, 1, item));
  EXPECT_EQ(queue.events(), 3u);
  EXPECT_EQ(PopAll(queue), "a b c ");
  EXPECT_EQ(queue.events(), 0u);
  EXPECT_EQ(queue.bytes(), 0u);
  EXPECT_EQ(queue.tenants(), 0u);
  EXPECT_EQ(queue.Peek(), nullptr);
}

TEST(FairQueue, TenantsTakeTurnsHoweverMuchOneOfThemHas) {
  Queue queue(Limits(100, 1000, 1));
  for (const char* item : {"a1", "a2", "a3", "a4", "a5"}) Push(queue, 1, item);
  for (const char* item : {"b1", "b2"}) Push(queue, 2, item);
  Push(queue, 3, "c1");
  EXPECT_EQ(PopAll(queue), "a1 b1 c1 a2 b2 a3 a4 a5 ");
}

TEST(FairQueue, DearItemsCostTheirTenantTurns) {
  Queue queue(Limits(100, 1000, 10));
  for (const char* item : {"a1", "a2", "a3"}) Push(queue, 1, item, 30);
  for (const char* item : {"b1", "b2", "b3", "b4", "b5", "b6", "b7"}) Push(queue, 2, item, 10);
  EXPECT_EQ(PopAll(queue), "b1 b2 a1 b3 b4 b5 a2 b6 b7 a3 ");
}

TEST(FairQueue, PeekShowsWhatPopTakes) {
  Queue queue(Limits(100, 1000, 10));
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) Push(queue, random() % 7, std::to_string(i), random() % 50);
  while (!queue.empty()) {
    const std::string shown = *queue.Peek();
    EXPECT_EQ(*queue.Peek(), shown);
    EXPECT_EQ(queue.Pop(), shown);
  }
}

TEST(FairQueue, ATenantMayHoldAsMuchAsIsStillFree) {
  Queue queue(Limits(100, 100'000, 1));
  int of_one = 0;
  while (Push(queue, 1, "x")) ++of_one;
  EXPECT_EQ(of_one, 50) << "half";
  int of_two = 0;
  while (Push(queue, 2, "x")) ++of_two;
  EXPECT_EQ(of_two, 25) << "half of the rest";
  EXPECT_TRUE(Push(queue, 3, "x")) << "there is always room for who has nothing in it";
  EXPECT_EQ(queue.events(), 76u);
}

TEST(FairQueue, BytesAreBoundedToo) {
  Queue queue(Limits(1000, 100, 1));
  EXPECT_TRUE(Push(queue, 1, std::string(500, 'x'))) << "an empty queue takes any one item";
  EXPECT_FALSE(Push(queue, 2, "y"));
  queue.Pop();
  EXPECT_TRUE(Push(queue, 1, std::string(50, 'x')));
  EXPECT_FALSE(Push(queue, 1, "x")) << "it holds as much as is free";
  EXPECT_TRUE(Push(queue, 2, std::string(50, 'y')));
  EXPECT_FALSE(Push(queue, 3, "z")) << "full";
}

TEST(FairQueue, WhatIsPutBackComesFirst) {
  Queue queue(Limits(2, 1000, 1));
  Push(queue, 1, "a1");
  const std::string taken = queue.Pop();
  Push(queue, 1, "a2");
  queue.PutBack(1, {1, 2, 1}, std::string(taken));
  EXPECT_EQ(queue.events(), 2u);
  EXPECT_EQ(PopAll(queue), "a1 a2 ");
}

TEST(FairQueue, RemoveIfTakesFromEveryTenant) {
  Queue queue(Limits(100, 1000, 1));
  for (const char* item : {"a1", "a2"}) Push(queue, 1, item);
  Push(queue, 2, "b1");
  Push(queue, 3, "c2");
  const auto removed = queue.RemoveIf([](const std::string& item) { return item.back() == '1'; });
  EXPECT_THAT(removed, ::testing::UnorderedElementsAre("a1", "b1"));
  EXPECT_EQ(queue.events(), 2u);
  EXPECT_EQ(queue.bytes(), 4u);
  EXPECT_EQ(queue.tenants(), 2u);
  EXPECT_EQ(PopAll(queue), "a2 c2 ");
}

// Whatever is pushed, each tenant that has waited all along gets the same cost out, give or take a
// turn and its dearest item.
TEST(FairQueue, SharesAreEqualOverTime) {
  Queue queue(Limits(1'000'000, 1'000'000'000, 100));
  std::mt19937 random(2);
  std::map<char, size_t> dearest = {{'a', 10}, {'b', 150}, {'c', 900}};
  std::map<char, size_t> served;
  const auto refill = [&](char name) {
    const size_t cost = 1 + random() % dearest[name];
    Push(queue, name, name + std::to_string(cost), cost);
  };
  for (int i = 0; i < 200; ++i) {
    for (const auto& [name, cost] : dearest) refill(name);
  }
  for (int i = 0; i < 20'000; ++i) {
    const std::string item = queue.Pop();
    served[item[0]] += std::stoul(item.substr(1));
    refill(item[0]);
    const auto [least, most] = std::minmax({served['a'], served['b'], served['c']});
    ASSERT_LE(most - least, 100u + 900u) << i;
  }
}

}  // namespace
}  // namespace cievents::event_matcher
