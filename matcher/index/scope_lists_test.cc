// Tests matcher/index/scope_lists.h: whatever way postings took through tails, buckets and runs, a
// reader is shown each that is visible to it exactly once.
#include "matcher/index/scope_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace cievents::matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr ScopeKey kInstance{ScopeKey::Kind::kInstance, 0};
constexpr ScopeKey kGroup5{ScopeKey::Kind::kGroup, 5};
constexpr ScopeKey kProject5{ScopeKey::Kind::kProject, 5};
constexpr int kTailMax = 64;

struct Place {
  ScopeKey scope;
  PatternId pattern = 0;
  std::string ref;  // not empty: conditional, `event.payload.ref` must be this
};

class ScopeListsTest : public ::testing::Test {
 protected:
  ScopeListsTest()
      : lists_(
            epochs_,
            [](SharedSet* set, void* context) {
              auto* const test = static_cast<ScopeListsTest*>(context);
              test->epochs_.Retire(set, test, [](void* object, void* retired_context) {
                auto* const gone = static_cast<SharedSet*>(object);
                auto* const fixture = static_cast<ScopeListsTest*>(retired_context);
                fixture->live_.erase(gone->project_id);
                SharedSet::Free(gone);
                ++fixture->freed_;
              });
            },
            this) {
    event_.names = names_;
  }
  ~ScopeListsTest() override {
    while (epochs_.retired() > 0) PublishAndSettle();
  }

  // A set whose subscription i is at places[i]; to be seen from the next Publish on.
  void Add(int64_t id, const std::vector<Place>& places) {
    Made& made = live_[id];
    std::vector<const Definition*> definitions;
    for (const Place& place : places) {
      made.definitions.push_back(std::make_unique<Definition>());
      DefinitionEntry& entry = made.definitions.back()->entries.emplace_back();
      if (!place.ref.empty()) {
        const auto path = paths_.Intern("event.payload.ref");
        entry.access = {{{AccessTerm::Kind::kEquals, *path, place.ref}}};
      }
      definitions.push_back(made.definitions.back().get());
    }
    const std::vector<SubscriptionNumbers> numbers(places.size());
    made.shared = SharedSet::Make(id,
                                  {.context = &context_,
                                   .commit_sha = {},
                                   .definitions = definitions,
                                   .numbers = numbers,
                                   .own_postings = {}},
                                  epochs_.next());
    for (size_t i = 0; i < places.size(); ++i) {
      made.places.push_back(
          {places[i].scope,
           {places[i].pattern, static_cast<uint16_t>(i), uint16_t{0}, made.shared, nullptr}});
    }
    lists_.Add(made.places);
  }
  // No longer to be seen from the next Publish on.
  void Remove(int64_t id) {
    Made& made = live_[id];
    made.shared->until = epochs_.next();
    lists_.RemoveLater(made.shared, std::move(made.places));
    made.shared = nullptr;  // the lists' from here
  }
  void PublishAndSettle() {
    epochs_.Publish();
    lists_.Settle(epochs_.OldestPinned());
    epochs_.Reclaim();
  }

  // The ids of the sets that a reader of `epoch` is shown in `view`, sorted; one a posting.
  std::vector<int64_t> SeenIn(const ScopeLists::View* view, PatternId pattern, Epoch epoch,
                              EventFields* fields = nullptr) {
    std::vector<int64_t> ids;
    if (view == nullptr) return ids;
    const auto visit = [&](std::span<const SharedPosting> postings, Certainty) {
      for (const SharedPosting& posting : postings) {
        EXPECT_EQ(posting.pattern, pattern);
        if (posting.set->VisibleAt(epoch)) ids.push_back(posting.set->project_id);
      }
    };
    ScopeLists::ForEachInTail(*view, pattern, visit);
    const ScopeLists::Bucket* const bucket =
        view->has_buckets ? lists_.FindBucket(*view, pattern) : nullptr;
    if (bucket != nullptr) {
      found_.Clear();
      if (fields != nullptr) ScopeLists::Collect(*bucket, *fields, &found_);
      ScopeLists::ForEachInBucket(*view, *bucket, fields != nullptr ? &found_ : nullptr, visit);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  std::vector<int64_t> Seen(const ScopeKey& scope, PatternId pattern) {
    return SeenIn(lists_.Find(scope), pattern, epochs_.next() - 1);
  }
  std::vector<int64_t> SeenWithRef(const ScopeKey& scope, PatternId pattern,
                                   const std::string& ref) {
    payload_ = R"({"ref":")" + ref + R"("})";
    event_.payload = payload_;
    fields_.Reset(event_);
    return SeenIn(lists_.Find(scope), pattern, epochs_.next() - 1, &fields_);
  }

  struct Made {
    SharedSet* shared = nullptr;
    std::vector<PlacedPosting> places;
    std::vector<std::unique_ptr<Definition>> definitions;
  };
  ProjectContext context_;
  EventPathTable paths_;
  std::vector<std::string> names_ = {"a"};
  std::string payload_;
  EventView event_;
  EventFields fields_;
  FoundPostings found_;
  int freed_ = 0;
  std::map<int64_t, Made> live_;
  EpochDomain epochs_;
  ScopeLists lists_;
};

std::vector<int64_t> Numbers(int64_t from, int64_t to) {
  std::vector<int64_t> numbers;
  for (int64_t i = from; i <= to; ++i) numbers.push_back(i);
  return numbers;
}

TEST_F(ScopeListsTest, AScopeWithoutPostingsHasNoView) {
  EXPECT_EQ(lists_.Find(kInstance), nullptr);
  Add(1, {{kInstance, 7, {}}});
  PublishAndSettle();
  EXPECT_NE(lists_.Find(kInstance), nullptr);
  Remove(1);
  PublishAndSettle();
  EXPECT_EQ(lists_.Find(kInstance), nullptr);
}

TEST_F(ScopeListsTest, APostingIsFoundUnderItsPatternInItsScopeAlone) {
  Add(1, {{kInstance, 7, {}}, {kGroup5, 8, {}}});
  Add(2, {{kProject5, 7, {}}, {kGroup5, 7, {}}});
  PublishAndSettle();
  EXPECT_THAT(Seen(kInstance, 7), ElementsAre(1));
  EXPECT_THAT(Seen(kInstance, 8), IsEmpty());
  EXPECT_THAT(Seen(kGroup5, 7), ElementsAre(2));
  EXPECT_THAT(Seen(kGroup5, 8), ElementsAre(1));
  EXPECT_THAT(Seen(kProject5, 7), ElementsAre(2));
  EXPECT_EQ(lists_.Find({ScopeKey::Kind::kGroup, 6}), nullptr);
}

TEST_F(ScopeListsTest, ScopesWhoseNumbersShareATableKeyAreToldApart) {
  const ScopeKey far{ScopeKey::Kind::kProject, 5 + (int64_t{1} << 61)};
  const ScopeKey negative{ScopeKey::Kind::kProject, -1};
  Add(1, {{kProject5, 7, {}}});
  Add(2, {{far, 7, {}}});
  Add(3, {{negative, 7, {}}});
  PublishAndSettle();
  EXPECT_THAT(Seen(kProject5, 7), ElementsAre(1));
  EXPECT_THAT(Seen(far, 7), ElementsAre(2));
  EXPECT_THAT(Seen(negative, 7), ElementsAre(3));
  Remove(1);
  PublishAndSettle();
  EXPECT_EQ(lists_.Find(kProject5), nullptr);
  EXPECT_THAT(Seen(far, 7), ElementsAre(2));
}

TEST_F(ScopeListsTest, TheTailHoldsSixtyFourPostingsAndTheNextEmptiesItIntoBuckets) {
  for (int64_t id = 1; id <= kTailMax; ++id) {
    Add(id, {{kInstance, static_cast<PatternId>(id % 3), {}}});
    PublishAndSettle();
  }
  const ScopeLists::View* view = lists_.Find(kInstance);
  EXPECT_EQ(view->tail_size, uint32_t{kTailMax});
  EXPECT_FALSE(view->has_buckets);
  EXPECT_EQ(Seen(kInstance, 0).size(), 21u);

  Add(kTailMax + 1, {{kInstance, 0, {}}});
  PublishAndSettle();
  view = lists_.Find(kInstance);
  EXPECT_EQ(view->tail_size, 0u);
  EXPECT_TRUE(view->has_buckets);
  EXPECT_EQ(Seen(kInstance, 0).size(), 22u);
  EXPECT_EQ(Seen(kInstance, 1).size(), 22u);
  EXPECT_EQ(Seen(kInstance, 2).size(), 21u);
  EXPECT_THAT(Seen(kInstance, 3), IsEmpty());
}

TEST_F(ScopeListsTest, ManyPostingsOfOneSetAreAddedInOneStep) {
  std::vector<Place> places;
  for (PatternId pattern = 0; pattern < 1000; ++pattern) places.push_back({kGroup5, pattern, {}});
  Add(1, places);
  EXPECT_THAT(Seen(kGroup5, 0), IsEmpty());  // not yet published
  PublishAndSettle();
  for (PatternId pattern = 0; pattern < 1000; ++pattern) {
    ASSERT_THAT(Seen(kGroup5, pattern), ElementsAre(1));
  }
  Remove(1);
  for (int i = 0; i < 3; ++i) PublishAndSettle();
  EXPECT_EQ(lists_.Find(kGroup5), nullptr);
  EXPECT_EQ(freed_, 1);
}

TEST_F(ScopeListsTest, EachPostingIsSeenExactlyOnceHoweverManyRunsWereMerged) {
  for (int64_t id = 1; id <= 5000; ++id) {
    Add(id, {{kInstance, 7, {}}});
    PublishAndSettle();
    if (id % 499 == 0) {
      ASSERT_EQ(Seen(kInstance, 7), Numbers(1, id));
    }
  }
  EXPECT_EQ(Seen(kInstance, 7), Numbers(1, 5000));
}

TEST_F(ScopeListsTest, AViewTakenBeforeTheTailIsEmptiedShowsEachPostingOnce) {
  EpochDomain::Reader reader(epochs_);
  // Rounds with buckets that are there already, too.
  int64_t next = 1;
  for (int round = 0; round < 5; ++round) {
    const int64_t full = int64_t{65} * round + kTailMax;
    while (next <= full) {
      Add(next++, {{kInstance, 7, {}}});
      PublishAndSettle();
    }
    const Epoch epoch = reader.Enter();
    const ScopeLists::View* const before = lists_.Find(kInstance);
    ASSERT_EQ(before->tail_size, uint32_t{kTailMax});
    EXPECT_EQ(SeenIn(before, 7, epoch), Numbers(1, full));
    Add(next++, {{kInstance, 7, {}}});
    EXPECT_EQ(lists_.Find(kInstance)->tail_size, 0u);
    EXPECT_EQ(SeenIn(before, 7, epoch), Numbers(1, full));  // emptied, not yet published
    PublishAndSettle();
    EXPECT_EQ(SeenIn(before, 7, epoch), Numbers(1, full));
    EXPECT_EQ(SeenIn(lists_.Find(kInstance), 7, epoch), Numbers(1, full));
    reader.Leave();
  }
}

TEST_F(ScopeListsTest, AViewStaysRightOverSeveralFlushesMergesAndRemovals) {
  EpochDomain::Reader reader(epochs_);
  for (int64_t id = 1; id <= 150; ++id) {
    Add(id, {{kInstance, static_cast<PatternId>(id % 2), {}}});
    PublishAndSettle();
  }
  const Epoch epoch = reader.Enter();
  const ScopeLists::View* const view = lists_.Find(kInstance);
  const std::vector<int64_t> even = SeenIn(view, 0, epoch);
  const std::vector<int64_t> odd = SeenIn(view, 1, epoch);
  ASSERT_EQ(even.size() + odd.size(), 150u);
  for (int64_t id = 1; id <= 150; ++id) {
    Remove(id);
    Add(1000 + id, {{kInstance, static_cast<PatternId>(id % 2), {}}});
    PublishAndSettle();
    ASSERT_EQ(SeenIn(view, 0, epoch), even);
    ASSERT_EQ(SeenIn(view, 1, epoch), odd);
  }
  EXPECT_EQ(Seen(kInstance, 0).size(), 75u);
  EXPECT_EQ(freed_, 0);
  reader.Leave();
  for (int i = 0; i < 3; ++i) PublishAndSettle();
  EXPECT_EQ(Seen(kInstance, 0).size() + Seen(kInstance, 1).size(), 150u);
}

TEST_F(ScopeListsTest, ASetIsSeenFromItsFirstEpochToItsLastInAllScopesAtOnce) {
  EpochDomain::Reader reader(epochs_);
  Add(1, {{kInstance, 7, {}}, {kGroup5, 7, {}}});
  const Epoch before = reader.Enter();
  PublishAndSettle();
  for (const ScopeKey& scope : {kInstance, kGroup5}) {
    EXPECT_THAT(SeenIn(lists_.Find(scope), 7, before), IsEmpty());
    EXPECT_THAT(SeenIn(lists_.Find(scope), 7, before + 1), ElementsAre(1));
  }
  reader.Leave();

  const Epoch during = reader.Enter();
  EXPECT_EQ(during, before + 1);
  Remove(1);
  Add(2, {{kInstance, 7, {}}, {kGroup5, 7, {}}});
  for (int i = 0; i < 3; ++i) PublishAndSettle();
  for (const ScopeKey& scope : {kInstance, kGroup5}) {
    EXPECT_THAT(SeenIn(lists_.Find(scope), 7, during), ElementsAre(1));
    EXPECT_THAT(SeenIn(lists_.Find(scope), 7, during + 1), ElementsAre(2));
  }
  reader.Leave();
  PublishAndSettle();
  EXPECT_EQ(lists_.Find(kInstance)->tail_size, 1u);  // the old one was taken out
  PublishAndSettle();
  EXPECT_EQ(freed_, 1);
}

TEST_F(ScopeListsTest, ARemovedSetIsFreedWhenItsLastPostingIsDroppedAndNoReaderIsPinned) {
  for (int64_t id = 1; id <= 1000; ++id) {
    Add(id, {{kInstance, 7, {}}, {kGroup5, 7, "r" + std::to_string(id)}});
    PublishAndSettle();
  }
  for (int64_t id = 1; id <= 1000; ++id) {
    Remove(id);
    PublishAndSettle();
    ASSERT_EQ(Seen(kInstance, 7).size(), static_cast<size_t>(1000 - id));
    // Dead postings never outnumber live ones for long: memory follows what is there.
    ASSERT_GE(freed_, id - 2 - (1000 - id));
  }
  PublishAndSettle();
  EXPECT_EQ(freed_, 1000);
  EXPECT_EQ(lists_.Find(kInstance), nullptr);
  EXPECT_EQ(lists_.Find(kGroup5), nullptr);
}

TEST_F(ScopeListsTest, AScopeThatIsGoneMayComeBack) {
  for (int round = 0; round < 4; ++round) {
    const int64_t first = round * 100 + 1;
    for (int64_t id = first; id < first + 70; ++id) Add(id, {{kGroup5, 7, {}}});
    PublishAndSettle();
    EXPECT_EQ(Seen(kGroup5, 7), Numbers(first, first + 69));
    for (int64_t id = first; id < first + 70; ++id) Remove(id);
    PublishAndSettle();
    EXPECT_EQ(lists_.Find(kGroup5), nullptr);
    // Another scope may take the number that its buckets went by.
    Add(first + 90, {{{ScopeKey::Kind::kGroup, 100 + round}, 7, {}}});
    PublishAndSettle();
    EXPECT_THAT(Seen({ScopeKey::Kind::kGroup, 100 + round}, 7), ElementsAre(first + 90));
  }
}

TEST_F(ScopeListsTest, ConditionalPostingsOfABucketAreGivenOnlyWhereTheirValueIs) {
  for (int64_t id = 1; id <= 200; ++id) {
    Add(id, {{kInstance, 7, "r" + std::to_string(id % 20)}});
    PublishAndSettle();
  }
  Add(300, {{kInstance, 7, {}}});
  // Others under another pattern, until the tail is emptied.
  for (int64_t id = 400; lists_.Find(kInstance)->tail_size > 0; ++id) {
    Add(id, {{kInstance, 8, {}}});
  }
  PublishAndSettle();
  ASSERT_EQ(lists_.Find(kInstance)->tail_size, 0u);
  EXPECT_THAT(SeenWithRef(kInstance, 7, "r3"),
              ElementsAre(3, 23, 43, 63, 83, 103, 123, 143, 163, 183, 300));
  EXPECT_THAT(SeenWithRef(kInstance, 7, "other"), ElementsAre(300));
  // Without an event there is nothing to choose by.
  EXPECT_EQ(Seen(kInstance, 7).size(), 201u);
}

TEST_F(ScopeListsTest, NineConditionalPostingsOfAPatternLeaveTheTailAndTheOthersStay) {
  Add(100, {{kInstance, 7, {}}, {kInstance, 8, {}}, {kInstance, 8, "r1"}});
  for (int64_t id = 1; id <= 8; ++id) {
    Add(id, {{kInstance, 7, "r" + std::to_string(id)}});
    PublishAndSettle();
  }
  EXPECT_EQ(lists_.Find(kInstance)->tail_size, 11u);
  EXPECT_FALSE(lists_.Find(kInstance)->has_buckets);
  EXPECT_EQ(SeenWithRef(kInstance, 7, "r3").size(), 9u);  // each is tried

  EpochDomain::Reader reader(epochs_);
  const Epoch epoch = reader.Enter();
  const ScopeLists::View* const before = lists_.Find(kInstance);
  Add(9, {{kInstance, 7, "r9"}});
  PublishAndSettle();
  const ScopeLists::View* const after = lists_.Find(kInstance);
  EXPECT_EQ(after->tail_size, 2u);
  EXPECT_TRUE(after->has_buckets);
  EXPECT_THAT(SeenWithRef(kInstance, 7, "r3"), ElementsAre(3, 100));
  EXPECT_THAT(SeenWithRef(kInstance, 8, "r1"), ElementsAre(100, 100));
  EXPECT_EQ(Seen(kInstance, 7).size(), 10u);
  EXPECT_EQ(SeenIn(before, 7, epoch).size(), 9u);
  reader.Leave();

  // A set with postings in the tail and in a bucket goes as a whole.
  Remove(100);
  for (int64_t id = 1; id <= 9; ++id) Remove(id);
  for (int i = 0; i < 3; ++i) PublishAndSettle();
  EXPECT_EQ(lists_.Find(kInstance), nullptr);
  EXPECT_EQ(freed_, 10);
}

// Random sets over few scopes and patterns come and go, readers stay for a while; the oracle is a
// list.
TEST_F(ScopeListsTest, AgreesWithAPlainListUnderRandomChanges) {
  std::mt19937_64 random(99);
  const std::vector<ScopeKey> scopes = {kInstance, kGroup5, kProject5};
  const std::vector<std::string> refs = {"", "", "x", "y"};
  std::map<int64_t, std::vector<Place>> oracle;
  const auto expected = [&](const ScopeKey& scope, PatternId pattern, const std::string& ref) {
    std::vector<int64_t> ids;
    for (const auto& [id, places] : oracle) {
      for (const Place& place : places) {
        if (!(place.scope == scope) || place.pattern != pattern) continue;
        if (ref.empty() || place.ref.empty() || place.ref == ref) ids.push_back(id);
      }
    }
    return ids;
  };
  EpochDomain::Reader reader(epochs_);
  bool pinned = false;
  int64_t next = 1;
  for (int step = 1; step <= 4000; ++step) {
    const bool grow = step / 500 % 2 == 0;
    if (oracle.empty() || random() % 10 < (grow ? 7u : 3u)) {
      std::vector<Place> places;
      for (uint64_t i = 1 + random() % 4; i > 0; --i) {
        places.push_back({scopes[random() % 3], static_cast<PatternId>(random() % 3),
                          refs[random() % refs.size()]});
      }
      Add(next, places);
      oracle[next++] = std::move(places);
    } else {
      const auto at = std::next(oracle.begin(), static_cast<int64_t>(random() % oracle.size()));
      Remove(at->first);
      oracle.erase(at);
    }
    PublishAndSettle();
    if (random() % 20 == 0) {
      if (pinned) reader.Leave();
      if (!pinned) reader.Enter();
      pinned = !pinned;
    }
    if (step % 40 != 0) continue;
    for (const ScopeKey& scope : scopes) {
      for (PatternId pattern = 0; pattern < 4; ++pattern) {
        ASSERT_EQ(Seen(scope, pattern), expected(scope, pattern, ""));
        // In the tail conditions are not looked at, so some may be too many, none too few.
        const std::vector<int64_t> with_ref = SeenWithRef(scope, pattern, "x");
        const std::vector<int64_t> needed = expected(scope, pattern, "x");
        ASSERT_TRUE(std::includes(with_ref.begin(), with_ref.end(), needed.begin(), needed.end()));
      }
    }
  }
  if (pinned) reader.Leave();
  for (const auto& [id, places] : oracle) Remove(id);
  for (int i = 0; i < 3; ++i) PublishAndSettle();
  EXPECT_EQ(freed_, next - 1);
  for (const ScopeKey& scope : scopes) EXPECT_EQ(lists_.Find(scope), nullptr);
}

}  // namespace
}  // namespace cievents::matcher
