// Tests matcher/index/tables.h: which set a reader of which epoch is given.
#include "matcher/index/tables.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "matcher/index/testing/index_fixture.h"

namespace cievents::matcher {
namespace {

ProjectSubscriptions SetOf(int64_t project, int64_t subscription) {
  return Project(project, {1, 2},
                 {SubscriptionOf(subscription, {EntryOf({"a"}), EntryOf({"b"}, kGroupScope)})});
}

class TablesTest : public ::testing::Test {
 protected:
  ~TablesTest() override {
    while (epochs_.retired() > 0) Finish();  // while the tables are there
  }
  void Put(int64_t project, int64_t subscription) {
    tables_.Put(SetOf(project, subscription), &unusable_);
  }
  void Finish() {
    epochs_.Publish();
    tables_.Settle();
    epochs_.Reclaim();
  }
  // The id of the first subscription of the project's set; 0 = unknown.
  int64_t Seen(int64_t project, Epoch epoch) const {
    const ProjectSet* const set = tables_.FindProject(project, epoch);
    return set == nullptr ? 0 : set->subscription_id(0);
  }
  Epoch now() const { return epochs_.next() - 1; }

  EpochDomain epochs_;
  Tables tables_{epochs_, 1};
  std::vector<UnusableSubscription> unusable_;
};

TEST_F(TablesTest, EachReaderIsGivenTheSetOfItsEpoch) {
  EpochDomain::Reader first(epochs_);
  EpochDomain::Reader second(epochs_);
  EpochDomain::Reader third(epochs_);
  const Epoch before = first.Enter();
  Put(10, 100);
  EXPECT_EQ(Seen(10, before), 0);  // prepared, not yet published
  Finish();
  const Epoch between = second.Enter();
  Put(10, 101);
  Finish();
  tables_.Remove(10);
  Finish();
  const Epoch after = third.Enter();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Seen(10, before), 0);
    EXPECT_EQ(Seen(10, between), 100);
    EXPECT_EQ(Seen(10, between + 1), 101);
    EXPECT_EQ(Seen(10, after), 0);
    Finish();
  }
  first.Leave();
  second.Leave();
  for (int i = 0; i < 3; ++i) Finish();
  EXPECT_EQ(Seen(10, after), 0);
  third.Leave();
  for (int i = 0; i < 3; ++i) Finish();
  EXPECT_EQ(tables_.stats().projects, 0u);
  EXPECT_EQ(tables_.stats().patterns, 0u);
}

TEST_F(TablesTest, ManyChangesUnderOneReaderAreSettledTogether) {
  EpochDomain::Reader reader(epochs_);
  Put(10, 100);
  Finish();
  const Epoch epoch = reader.Enter();
  for (int64_t id = 101; id <= 200; ++id) {
    Put(10, id);
    Put(11, id);
    Finish();
    EXPECT_EQ(Seen(10, epoch), 100);
    EXPECT_EQ(Seen(11, epoch), 0);
    EXPECT_EQ(Seen(10, now()), id);
  }
  EXPECT_GT(epochs_.retired(), 0u);
  reader.Leave();
  for (int i = 0; i < 4; ++i) Finish();
  EXPECT_EQ(epochs_.retired(), 0u);
  EXPECT_EQ(Seen(10, now()), 200);
  EXPECT_EQ(tables_.stats().subscriptions, 2u);
}

// Whoever finds the tables of a load, though it may have entered before the load was published, is
// shown the load and nothing that it replaces.
TEST_F(TablesTest, OfALoadsSetsWithOneProjectIdTheFirstIsTheOnlyOneThatIsEverSeen) {
  EpochDomain::Reader reader(epochs_);
  const Epoch before = reader.Enter();
  for (const ProjectSubscriptions& set :
       {SetOf(10, 102), SetOf(10, 101), SetOf(11, 110), SetOf(10, 100)}) {
    tables_.Load(set, &unusable_);
  }
  tables_.FinishLoad();
  EXPECT_EQ(Seen(10, before), 102);
  EXPECT_EQ(Seen(11, before), 110);
  EXPECT_EQ(tables_.stats().projects, 2u);
  EXPECT_EQ(tables_.stats().subscriptions, 2u);
  reader.Leave();
  Finish();
  EXPECT_EQ(Seen(10, now()), 102);
}

TEST_F(TablesTest, ProjectsAtTheEndsOfTheirRangeAreKept) {
  for (const int64_t project : {int64_t{1}, std::numeric_limits<int64_t>::max()}) {
    Put(project, 5);
    Finish();
    EXPECT_EQ(Seen(project, now()), 5);
    tables_.Remove(project);
    for (int i = 0; i < 3; ++i) Finish();
    EXPECT_EQ(Seen(project, now()), 0);
  }
  EXPECT_EQ(tables_.stats().patterns, 0u);
}

}  // namespace
}  // namespace cievents::matcher
