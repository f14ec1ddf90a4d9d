// Goal: what a set took is given back when it is replaced, in every structure of the index. Method:
// this binary's own operator new counts what is held.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "matcher/index/index.h"
#include "matcher/index/segmented_table.h"
#include "matcher/index/testing/index_fixture.h"

namespace {

std::atomic<size_t> live_bytes{0};

void* Allocate(size_t bytes) {
  void* memory = std::malloc(bytes);
  if (memory == nullptr) std::abort();
  live_bytes += malloc_usable_size(memory);
  return memory;
}
void Free(void* memory) {
  if (memory != nullptr) live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(size_t bytes) { return Allocate(bytes); }
void* operator new[](size_t bytes) { return Allocate(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return Allocate(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return Allocate(bytes); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, size_t) noexcept { Free(memory); }
void operator delete[](void* memory, size_t) noexcept { Free(memory); }

namespace cievents::matcher {
namespace {

const std::vector<int64_t> kGroups = {1, 2};

// The sets of the test differ in everything that the index keeps: patterns, conditions, inputs,
// texts, scopes, numbers, branches.
ProjectSubscriptions SetOfRound(int64_t project, uint64_t round) {
  const std::string number = std::to_string(round);
  const std::vector<Scope> scopes = {kProjectScope, kGroupScope, kInstanceScope,
                                     Scope{ScopeKind::kOtherProject, project % 3 + 1}};
  Entry plain = EntryOf({"a/b", "r" + number + "/*"}, scopes[round % scopes.size()]);
  Entry ruled = RuledEntryOf({"a/*"},
                             {If(R"($[[ event.payload.p)" + number + R"( ]] =~ /^x)" + number +
                                 R"(/ || $[[ event.payload.ref ]] == ")" + number + R"(")")},
                             scopes[(round + static_cast<uint64_t>(project)) % scopes.size()]);
  ruled.inputs.push_back({"x", R"("$[[ event.payload.q)" + number + R"( ]]")", {}});
  Subscription subscription = SubscriptionOf(static_cast<int64_t>(round), {plain, ruled});
  subscription.path = "p" + number;
  subscription.spec_inputs_json = R"({"x":{"default":""}})";
  subscription.suspended = round % 2 == 0;
  ProjectSubscriptions set =
      Project(project, {1, static_cast<int64_t>(2 + round % 5)}, {std::move(subscription)});
  set.default_branch = "b" + number;
  set.commit_sha = number;
  return set;
}

void ExpectNothingLeft(Index& index) {
  // What was removed last is taken out with the next changes.
  for (int i = 0; i < 4; ++i) index.RemoveProject(999'999);
  const Index::Stats stats = index.stats();
  EXPECT_EQ(stats.projects, 0u);
  EXPECT_EQ(stats.subscriptions, 0u);
  EXPECT_EQ(stats.patterns, 0u);
  EXPECT_EQ(stats.conditions, 0u);
}

TEST(IndexMemoryTest, PatternsAndConditionsAreGivenBack) {
  Index index;
  for (uint64_t round = 0; round < 3; ++round) {
    for (int64_t project = 1; project <= 300; ++project) {
      index.ReplaceProject(SetOfRound(project, static_cast<uint64_t>(project) + round * 1000));
    }
    EXPECT_EQ(index.stats().projects, 300u);
    EXPECT_EQ(index.stats().subscriptions, 300u);
    EXPECT_GE(index.stats().conditions, 300u);
    for (int64_t project = 1; project <= 300; ++project) index.RemoveProject(project);
    ExpectNothingLeft(index);
  }
}

TEST(IndexMemoryTest, ConditionsOfEntriesThatManyProjectsShareAreOneAndGoWithTheLast) {
  Index index;
  const Entry entry = RuledEntryOf({"a/b"}, {If("$x == \"1\""), If("$y")}, kGroupScope);
  for (int64_t project = 1; project <= 100; ++project) {
    index.ReplaceProject(Project(project, kGroups, {SubscriptionOf(project, {entry})}));
  }
  EXPECT_EQ(index.stats().patterns, 1u);
  EXPECT_EQ(index.stats().conditions, 2u);
  for (int64_t project = 1; project < 100; ++project) index.RemoveProject(project);
  EXPECT_EQ(index.stats().conditions, 2u);
  index.RemoveProject(100);
  ExpectNothingLeft(index);
}

// Sets that are cheap to compile, so that a million take seconds: patterns come and go, postings
// wander between the project's own set and the scopes, with and without a condition.
TEST(IndexMemoryTest, AMillionReplacementsOfAFewProjectsLeaveMemoryFlat) {
  constexpr uint64_t kProjects = 20;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr uint64_t kReplacements = 250'000;  // ten times slower: the first of the million
#else
  constexpr uint64_t kReplacements = 1'000'000;
#endif
  const std::vector<Scope> scopes = {kProjectScope, kGroupScope, kInstanceScope,
                                     Scope{ScopeKind::kOtherProject, 3}};
  const RuleClause clause = If(R"($[[ event.payload.ref ]] == "main")");
  Index index;
  // Keeps the condition compiled.
  index.ReplaceProject(Project(500, kGroups, {SubscriptionOf(1, {RuledEntryOf({"z"}, {clause})})}));
  std::vector<ProjectSubscriptions> sets;
  for (uint64_t kind = 0; kind < 97; ++kind) {
    const Scope& scope = scopes[kind % scopes.size()];
    const std::string pattern = "r" + std::to_string(kind) + "/*";
    const Entry entry =
        kind % 3 == 0 ? RuledEntryOf({pattern}, {clause}, scope) : EntryOf({pattern}, scope);
    sets.push_back(Project(1, {1, static_cast<int64_t>(2 + kind % 5)},
                           {SubscriptionOf(static_cast<int64_t>(kind), {entry})}));
  }
  const auto replace = [&](uint64_t i) {
    ProjectSubscriptions& set = sets[i % sets.size()];
    set.project_id = static_cast<int64_t>(1 + i % kProjects);
    index.ReplaceProject(set);
  };
  for (uint64_t i = 0; i < 20'000; ++i) replace(i);
  const size_t early = live_bytes;
  size_t most = 0;
  for (uint64_t i = 20'000; i < kReplacements; ++i) {
    replace(i);
    if (i % 1024 == 0) most = std::max(most, live_bytes.load());
  }
  RecordProperty("bytes_early", static_cast<int>(early));
  RecordProperty("bytes_most", static_cast<int>(most));
  EXPECT_LT(most, early + early / 4 + 50'000);
  EXPECT_EQ(index.stats().projects, kProjects + 1);
  EXPECT_EQ(index.stats().subscriptions, kProjects + 1);
}

TEST(IndexMemoryTest, SetsThatAreNewInEveryPartLeaveMemoryFlat) {
  Index index;
  const auto replace = [&](uint64_t i) {
    index.ReplaceProject(SetOfRound(static_cast<int64_t>(1 + i % 20), i));
  };
  for (uint64_t i = 0; i < 1'000; ++i) replace(i);
  const size_t early = live_bytes;
  for (uint64_t i = 1'000; i < 5'000; ++i) replace(i);
  EXPECT_LT(live_bytes.load(), early + early / 4 + 100'000);
}

TEST(IndexMemoryTest, FullLoadsLeaveMemoryFlat) {
  Index index;
  const auto load = [&](uint64_t round) {
    std::vector<ProjectSubscriptions> sets;
    for (int64_t project = 1; project <= 100; ++project) {
      sets.push_back(SetOfRound(project, round * 100 + static_cast<uint64_t>(project)));
    }
    index.ReplaceAll(sets);
  };
  for (uint64_t round = 0; round < 5; ++round) load(round);
  const size_t early = live_bytes;
  for (uint64_t round = 5; round < 25; ++round) load(round);
  EXPECT_LT(live_bytes.load(), early + early / 10 + 100'000);
}

// A thread that stays in one event holds what it may see, and no more once it is gone.
TEST(IndexMemoryTest, WhatAReaderHeldUpIsGivenBackAfterItLeft) {
  Index index;
  for (int64_t project = 1; project <= 20; ++project) index.ReplaceProject(SetOfRound(project, 3));
  Subscription always = SubscriptionOf(1, {EntryOf({"a/b"}, kInstanceScope)});
  index.ReplaceProject(Project(500, kGroups, {always}));
  const size_t before = live_bytes;
  size_t held = 0;
  Matcher matcher(index);
  TestEvent event{{"a/b"}, 500, kGroups};
  bool first = true;
  matcher.MatchEvent(event.View(), [&](const Match&) {
    if (!first) return;
    first = false;
    for (uint64_t i = 0; i < 2'000; ++i) {
      index.ReplaceProject(SetOfRound(static_cast<int64_t>(1 + i % 20), i));
    }
    held = live_bytes;
  });
  EXPECT_GT(held, before + 500'000);
  for (uint64_t i = 0; i < 20; ++i) {
    index.ReplaceProject(SetOfRound(static_cast<int64_t>(1 + i % 20), 3));
  }
  for (int i = 0; i < 4; ++i) index.RemoveProject(999'999);
  EXPECT_LT(live_bytes.load(), before + (held - before) / 2);
}

TEST(IndexMemoryTest, ASegmentedTableGivesMemoryBackWhenItShrinks) {
  EpochDomain epochs;
  SegmentedTable<int> table(epochs, 4);
  int value = 0;
  const size_t empty = live_bytes;
  constexpr uint64_t kKeys = 100'000;
  for (uint64_t key = 0; key < kKeys; ++key) {
    table.Insert(key, &value);
    epochs.Publish();
    epochs.Reclaim();
  }
  const size_t full = live_bytes - empty;
  EXPECT_GE(full, kKeys * 16);
  EXPECT_LE(full, kKeys * 25);
  for (uint64_t key = 0; key < kKeys; ++key) {
    table.Remove(key);
    epochs.Publish();
    epochs.Reclaim();
  }
  EXPECT_LT(live_bytes.load() - empty, 20'000u);
}

}  // namespace
}  // namespace cievents::matcher
