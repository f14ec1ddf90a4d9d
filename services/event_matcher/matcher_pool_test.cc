#include "services/event_matcher/matcher_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace cievents::event_matcher {
namespace {

matcher::ProjectSubscriptions OneSubscription(int64_t project_id) {
  matcher::ProjectSubscriptions set;
  set.project_id = project_id;
  set.namespace_ids = {70};
  matcher::Subscription subscription;
  subscription.subscription_id = project_id;
  subscription.path = "a.yml";
  matcher::Entry entry;
  entry.patterns.push_back(*matcher::Pattern::Parse("custom/x"));
  subscription.entries.push_back(entry);
  set.subscriptions.push_back(subscription);
  return set;
}

uint32_t MatchesOf(MatcherPool& pool, int64_t project_id) {
  const std::vector<std::string> names = {"custom/x"};
  matcher::EventView view;
  view.names = names;
  view.project_id = project_id;
  const MatcherPool::Loan matcher = pool.Borrow();
  return matcher->MatchEvent(view, [](const matcher::Match&) {}).matched;
}

TEST(MatcherPoolTest, AMatcherThatCameBackIsLentAgain) {
  matcher::Index index;
  MatcherPool pool(index);
  const matcher::Matcher* first = nullptr;
  {
    const MatcherPool::Loan loan = pool.Borrow();
    first = &*loan;
    EXPECT_EQ(pool.stats().idle, 0u);
  }
  EXPECT_EQ(pool.stats().idle, 1u);
  EXPECT_EQ(&*pool.Borrow(), first);
  EXPECT_EQ(pool.stats().made, 1u);
}

TEST(MatcherPoolTest, TwoLoansAreTwoMatchersAndOnlySoManyAreKept) {
  matcher::Index index;
  MatcherPool pool(index, 1);
  {
    const MatcherPool::Loan a = pool.Borrow();
    const MatcherPool::Loan b = pool.Borrow();
    EXPECT_NE(&*a, &*b);
    EXPECT_EQ(pool.stats().made, 2u);
  }
  EXPECT_EQ(pool.stats().idle, 1u);
}

TEST(MatcherPoolTest, AMovedLoanGivesBackOnce) {
  matcher::Index index;
  MatcherPool pool(index);
  {
    MatcherPool::Loan a = pool.Borrow();
    const MatcherPool::Loan b = std::move(a);
  }
  EXPECT_EQ(pool.stats().idle, 1u);
}

TEST(MatcherPoolTest, ThreadsMatchWhileASetIsReplacedAndAlwaysSeeOneOfTheTwo) {
  matcher::Index index;
  index.ReplaceProject(OneSubscription(1));
  MatcherPool pool(index);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int> asked{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop.load()) {
        if (MatchesOf(pool, 1) != 1) wrong.fetch_add(1);
        asked.fetch_add(1);
      }
    });
  }
  // Another project comes and goes; the first is replaced by its equal.
  for (int i = 0; i < 200 || asked.load() < 200; ++i) {
    index.ReplaceProject(OneSubscription(2));
    index.ReplaceProject(OneSubscription(1));
    index.RemoveProject(2);
  }
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_LE(pool.stats().made, 3u);
}

}  // namespace
}  // namespace cievents::event_matcher
