// Tests the promise of matcher/index/index.h to threads: an event sees a project's old set or its
// new one, never a mix, wherever the entries of either stand. Runs under ThreadSanitizer too
// (preset `tsan`).
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "matcher/index/index.h"
#include "matcher/index/testing/index_fixture.h"

namespace cievents::matcher {
namespace {

constexpr int kReaders = 3;
constexpr int kReplacements = 1000;
constexpr int kSubscriptionsPerSet = 6;
constexpr int64_t kVersionFactor = 1000000;  // subscription ids begin with their version

const std::vector<int64_t> kGroups = {1, 2};

int64_t IdOf(int64_t version, int64_t project_id, int subscription) {
  return version * kVersionFactor + project_id * 1000 + subscription;
}

// Version `version` of a project's set. Its subscriptions lie in different scopes and under
// different kinds of pattern, so a reader that sees half a change sees ids of two versions, or too
// few.
ProjectSubscriptions SetOfVersion(int64_t project_id, int64_t version) {
  ProjectSubscriptions set = Project(project_id, kGroups, {});
  set.commit_sha = std::to_string(version);
  constexpr ScopeKind kScopes[] = {ScopeKind::kProject, ScopeKind::kGroup, ScopeKind::kInstance};
  for (int i = 0; i < kSubscriptionsPerSet; ++i) {
    const Scope scope{kScopes[i % 3], 0};
    set.subscriptions.push_back(SubscriptionOf(IdOf(version, project_id, i),
                                               {EntryOf({i % 2 == 0 ? "a/b" : "a/*"}, scope)}));
  }
  return set;
}

// The same number of subscriptions in every version, all of which an event of the project itself
// reaches; from version to version they move between the project's own set, its group, the
// instance, and the project by its number, all together or each for itself.
ProjectSubscriptions WanderingSetOfVersion(int64_t project_id, int64_t version) {
  const std::array<Scope, 4> scopes = {kProjectScope, kGroupScope, kInstanceScope,
                                       Scope{ScopeKind::kOtherProject, project_id}};
  ProjectSubscriptions set = Project(project_id, kGroups, {});
  set.commit_sha = std::to_string(version);
  for (int i = 0; i < kSubscriptionsPerSet; ++i) {
    const auto turn = static_cast<size_t>(version % 3 == 0 ? version : version + i);
    const Scope& scope = scopes[turn % scopes.size()];
    // Patterns come and go with the versions.
    const std::string extra = "v/" + std::to_string(version % 5);
    set.subscriptions.push_back(
        SubscriptionOf(IdOf(version, project_id, i), {EntryOf({"a/b", extra}, scope)}));
  }
  return set;
}

// Conditional entries: in odd versions so many under one pattern that they are found by their
// conditions; one of them, and an unconditional one, match.
ProjectSubscriptions ConditionalSetOfVersion(int64_t project_id, int64_t version) {
  ProjectSubscriptions set = Project(project_id, kGroups, {});
  set.commit_sha = std::to_string(version);
  const int conditional = version % 2 == 0 ? 4 : 20;
  for (int i = 0; i < conditional; ++i) {
    const std::string ref = i == 0 ? "main" : "v" + std::to_string(version * 100 + i);
    set.subscriptions.push_back(SubscriptionOf(
        IdOf(version, project_id, i),
        {RuledEntryOf({"a/b"}, {If(R"($[[ event.payload.ref ]] == ")" + ref + R"(")")})}));
  }
  set.subscriptions.push_back(
      SubscriptionOf(IdOf(version, project_id, conditional), {EntryOf({"a/*"}, kInstanceScope)}));
  return set;
}

TestEvent EventOf(int64_t project_id) {
  TestEvent event{{"a/b"}, project_id, kGroups};
  event.payload = R"({"ref":"main"})";
  return event;
}

struct Seen {
  int64_t version = 0;
  bool whole = true;  // all subscriptions of one version, of nothing else
  size_t matches = 0;

  void Add(const Match& match) {
    const int64_t of = match.subscription_id() / kVersionFactor;
    if (matches++ == 0) version = of;
    if (of != version || match.commit_sha() != std::to_string(of)) whole = false;
  }
};

// Matches an event of `event_project`, which reaches `subscriptions` subscriptions of any version.
Seen See(Matcher& matcher, int64_t event_project, size_t subscriptions) {
  const TestEvent event = EventOf(event_project);
  Seen seen;
  matcher.MatchEvent(event.View(), [&](const Match& match) { seen.Add(match); });
  seen.whole = seen.whole && seen.matches == subscriptions;
  return seen;
}

// The same for a batch of several steps; the events' views in their order.
Seen SeeBatch(Matcher& matcher, int64_t event_project, size_t subscriptions) {
  constexpr size_t kEvents = 40;
  const TestEvent event = EventOf(event_project);
  const std::vector<EventView> views(kEvents, event.View());
  std::vector<MatchCounts> counts(kEvents);
  std::vector<Seen> each(kEvents);
  matcher.MatchBatch(views, counts, [&](size_t i, const Match& match) { each[i].Add(match); });
  Seen all = each.back();
  int64_t newest = 0;
  for (size_t i = 0; i < kEvents; ++i) {
    const bool whole = each[i].whole && each[i].matches == subscriptions &&
                       counts[i].matched == subscriptions && each[i].version >= newest;
    newest = each[i].version;
    all.whole = all.whole && whole;
  }
  return all;
}

// Runs `see` in several threads without a pause while `replace` is called for versions 2, 3, ...
// Every look must show a whole version, and no thread may go back to an older one.
void RunReadersAgainstWriter(const Index& index, const std::function<Seen(Matcher&)>& see,
                             const std::function<void(int64_t version)>& replace) {
  std::atomic<bool> done = false;
  std::atomic<int64_t> looks = 0;
  std::atomic<int64_t> torn = 0;
  std::atomic<int64_t> backward = 0;
  const auto read = [&] {
    Matcher matcher(index);
    int64_t newest = 0;
    bool last = false;
    while (!last) {
      last = done.load();  // one more look after the last change: it must show that change
      const Seen seen = see(matcher);
      ++looks;
      if (!seen.whole) ++torn;
      if (seen.version < newest) ++backward;
      newest = seen.version;
    }
    if (newest != kReplacements) ++backward;
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) readers.emplace_back(read);
  for (int64_t version = 2; version <= kReplacements; ++version) replace(version);
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GE(looks.load(), kReaders);
  EXPECT_EQ(torn.load(), 0);
  EXPECT_EQ(backward.load(), 0);
}

TEST(IndexConcurrencyTest, AnEventSeesAProjectsOldSetOrItsNewOneNeverAMix) {
  Index index;
  index.ReplaceProject(SetOfVersion(10, 1));
  RunReadersAgainstWriter(
      index, [](Matcher& matcher) { return See(matcher, 10, kSubscriptionsPerSet); },
      [&](int64_t version) { index.ReplaceProject(SetOfVersion(10, version)); });
}

TEST(IndexConcurrencyTest, ASetThatMovesBetweenScopesIsSeenWhole) {
  Index index;
  index.ReplaceProject(WanderingSetOfVersion(10, 1));
  RunReadersAgainstWriter(
      index, [](Matcher& matcher) { return See(matcher, 10, kSubscriptionsPerSet); },
      [&](int64_t version) { index.ReplaceProject(WanderingSetOfVersion(10, version)); });
}

// Neighbours fill and empty the tails of the same scopes, so that postings pass through buckets,
// merges and compactions while they are read.
TEST(IndexConcurrencyTest, ASetIsSeenWholeWhileNeighboursMoveItsPostingsAround) {
  Index index;
  index.ReplaceProject(WanderingSetOfVersion(10, 1));
  // Listeners of other names: they share scopes with project 10, not its events.
  const auto neighbour = [](int64_t project) {
    std::vector<Entry> entries;
    for (int i = 0; i < 12; ++i) {
      entries.push_back(
          EntryOf({"n/" + std::to_string(i)}, i % 2 == 0 ? kGroupScope : kInstanceScope));
    }
    return Project(project, kGroups, {SubscriptionOf(project, std::move(entries))});
  };
  RunReadersAgainstWriter(
      index, [](Matcher& matcher) { return See(matcher, 10, kSubscriptionsPerSet); },
      [&](int64_t version) {
        index.ReplaceProject(neighbour(100 + version % 37));
        if (version % 3 == 0) index.RemoveProject(100 + version * 5 % 37);
        index.ReplaceProject(WanderingSetOfVersion(10, version));
      });
}

TEST(IndexConcurrencyTest, ConditionalEntriesAreSeenWholeInAndOutOfAnAccessIndex) {
  Index index;
  index.ReplaceProject(ConditionalSetOfVersion(10, 1));
  RunReadersAgainstWriter(
      index, [](Matcher& matcher) { return See(matcher, 10, 2); },
      [&](int64_t version) { index.ReplaceProject(ConditionalSetOfVersion(10, version)); });
}

TEST(IndexConcurrencyTest, EachEventOfABatchSeesAWholeSetAndNoneAnOlderOneThanTheEventBefore) {
  Index index;
  index.ReplaceProject(WanderingSetOfVersion(10, 1));
  RunReadersAgainstWriter(
      index, [](Matcher& matcher) { return SeeBatch(matcher, 10, kSubscriptionsPerSet); },
      [&](int64_t version) { index.ReplaceProject(WanderingSetOfVersion(10, version)); });
}

// Explaining runs beside matching and pins what it reads.
TEST(IndexConcurrencyTest, AnExplanationShowsOneVersion) {
  Index index;
  index.ReplaceProject(WanderingSetOfVersion(10, 1));
  RunReadersAgainstWriter(
      index,
      [](Matcher& matcher) {
        const TestEvent event = EventOf(10);
        const Explanation explanation = matcher.Explain(event.View(), 10);
        Seen seen;
        for (const ExplainedSubscription& one : explanation.subscriptions) {
          const int64_t of = one.subscription_id / kVersionFactor;
          if (seen.matches++ == 0) seen.version = of;
          seen.whole =
              seen.whole && of == seen.version && one.outcome == SubscriptionOutcome::kFires;
        }
        seen.whole = seen.whole && seen.matches == kSubscriptionsPerSet;
        return seen;
      },
      [&](int64_t version) { index.ReplaceProject(WanderingSetOfVersion(10, version)); });
}

TEST(IndexConcurrencyTest, AFullLoadIsSeenWholeOverAllProjects) {
  // Of the others an event of project 5 reaches the group and instance entries: 4 of the 6. One
  // project comes twice: the set that does not count must never be seen.
  const auto load = [](int64_t version) {
    return std::vector<ProjectSubscriptions>{SetOfVersion(5, version), SetOfVersion(7, version - 1),
                                             SetOfVersion(7, version), SetOfVersion(9, version)};
  };
  Index index;
  index.ReplaceAll(load(1));
  RunReadersAgainstWriter(
      index, [](Matcher& matcher) { return See(matcher, 5, kSubscriptionsPerSet + 2 * 4); },
      [&](int64_t version) { index.ReplaceAll(load(version)); });
}

TEST(IndexConcurrencyTest, LoadsAndReplacementsInTurnsAreSeenWhole) {
  Index index;
  index.ReplaceProject(WanderingSetOfVersion(10, 1));
  RunReadersAgainstWriter(
      index, [](Matcher& matcher) { return See(matcher, 10, kSubscriptionsPerSet); },
      [&](int64_t version) {
        if (version % 10 == 0) {
          const std::vector<ProjectSubscriptions> load = {WanderingSetOfVersion(10, version)};
          index.ReplaceAll(load);
        } else {
          index.ReplaceProject(WanderingSetOfVersion(10, version));
        }
      });
}

TEST(IndexConcurrencyTest, SeveralWritersOfDifferentProjectsLoseNothing) {
  constexpr int kWriters = 3;
  constexpr int kRounds = 200;
  Index index;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&index, w] {
      for (int64_t version = 1; version <= kRounds; ++version) {
        index.ReplaceProject(SetOfVersion(w + 1, version));
        if (version % 7 == 0) index.RemoveProject(w + 1);
        index.ReplaceProject(SetOfVersion(w + 1, version));
      }
    });
  }
  Matcher matcher(index);
  std::vector<int64_t> namespace_ids;
  for (int i = 0; i < kRounds; ++i) {
    if (matcher.FindNamespaces(1, &namespace_ids)) {
      EXPECT_EQ(namespace_ids.size(), 2u);
    }
    EXPECT_LE(index.stats().subscriptions, size_t{kWriters * kSubscriptionsPerSet});
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(index.stats().projects, size_t{kWriters});
  EXPECT_EQ(index.stats().subscriptions, size_t{kWriters * kSubscriptionsPerSet});
  EXPECT_EQ(See(matcher, 1, kSubscriptionsPerSet + 2 * 4).version, kRounds);
}

TEST(IndexConcurrencyTest, MatchersComeAndGoWhileTheIndexChanges) {
  Index index;
  index.ReplaceProject(WanderingSetOfVersion(10, 1));
  RunReadersAgainstWriter(
      index,
      [&](Matcher& /*of the thread*/) {
        Matcher matcher(index);
        return See(matcher, 10, kSubscriptionsPerSet);
      },
      [&](int64_t version) { index.ReplaceProject(WanderingSetOfVersion(10, version)); });
}

}  // namespace
}  // namespace cievents::matcher
