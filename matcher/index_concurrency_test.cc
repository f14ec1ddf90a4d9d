// Tests the promise of matcher/index.h to threads. Runs under ThreadSanitizer too (preset `tsan`).
#include "matcher/index.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace cievents::matcher {
namespace {

constexpr int kReaders = 3;
constexpr int kReplacements = 1000;
constexpr int kSubscriptionsPerSet = 6;
constexpr int64_t kVersionFactor = 1000000;  // subscription ids begin with their version

// Version `version` of a project's set. Its subscriptions lie in different scopes and under
// different kinds of pattern, so a reader that sees half a change sees ids of two versions, or too
// few.
ProjectSubscriptions SetOfVersion(int64_t project_id, int64_t version) {
  ProjectSubscriptions set;
  set.project_id = project_id;
  set.namespace_ids = {1, 2};
  set.commit_sha = std::to_string(version);
  constexpr ScopeKind kScopes[] = {ScopeKind::kProject, ScopeKind::kGroup, ScopeKind::kInstance};
  for (int i = 0; i < kSubscriptionsPerSet; ++i) {
    Subscription subscription;
    subscription.subscription_id = version * kVersionFactor + project_id * 100 + i;
    Entry entry;
    entry.patterns.push_back(*Pattern::Parse(i % 2 == 0 ? "a/b" : "a/*"));
    entry.scope.kind = kScopes[i % 3];
    subscription.entries.push_back(std::move(entry));
    set.subscriptions.push_back(std::move(subscription));
  }
  return set;
}

struct Seen {
  int64_t version = 0;
  bool whole = true;  // all subscriptions of one version, of nothing else
};

// Matches an event of `event_project`, which reaches `subscriptions` subscriptions of any version.
Seen See(const Index& index, int64_t event_project, size_t subscriptions) {
  const std::vector<std::string> names = {"a/b"};
  const std::vector<int64_t> namespace_ids = {1, 2};
  std::vector<Match> matches;
  index.MatchEvent({.names = names, .project_id = event_project, .namespace_ids = namespace_ids},
                   &matches);
  Seen seen;
  if (matches.empty()) return {0, false};
  seen.version = matches[0].subscription_ref().subscription_id / kVersionFactor;
  seen.whole = matches.size() == subscriptions;
  for (const Match& match : matches) {
    const int64_t version = match.subscription_ref().subscription_id / kVersionFactor;
    seen.whole = seen.whole && version == seen.version &&
                 match.project->commit_sha == std::to_string(version);
  }
  return seen;
}

// Runs `see` in several threads without a pause while `replace` is called for versions 2, 3, ...
// Every look must show a whole version, and no thread may go back to an older one.
void RunReadersAgainstWriter(const std::function<Seen()>& see,
                             const std::function<void(int64_t version)>& replace) {
  std::atomic<bool> done = false;
  std::atomic<int64_t> looks = 0;
  std::atomic<int64_t> torn = 0;
  std::atomic<int64_t> backward = 0;
  const auto read = [&] {
    int64_t newest = 0;
    bool last = false;
    while (!last) {
      last = done.load();  // one more look after the last change: it must show that change
      const Seen seen = see();
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
      [&] { return See(index, 10, kSubscriptionsPerSet); },
      [&](int64_t version) { index.ReplaceProject(SetOfVersion(10, version)); });
}

TEST(IndexConcurrencyTest, AFullLoadIsSeenWholeOverAllProjects) {
  // Of the others an event of project 5 reaches the group and instance entries: 4 of the 6.
  const auto load = [](int64_t version) {
    return std::vector<ProjectSubscriptions>{SetOfVersion(5, version), SetOfVersion(7, version),
                                             SetOfVersion(9, version)};
  };
  Index index;
  index.ReplaceAll(load(1));
  RunReadersAgainstWriter([&] { return See(index, 5, kSubscriptionsPerSet + 2 * 4); },
                          [&](int64_t version) { index.ReplaceAll(load(version)); });
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
  std::vector<int64_t> namespace_ids;
  for (int i = 0; i < kRounds; ++i) {
    if (index.FindNamespaces(1, &namespace_ids)) {
      EXPECT_EQ(namespace_ids.size(), 2u);
    }
    EXPECT_LE(index.stats().subscriptions, size_t{kWriters * kSubscriptionsPerSet});
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(index.stats().projects, size_t{kWriters});
  EXPECT_EQ(index.stats().subscriptions, size_t{kWriters * kSubscriptionsPerSet});
  EXPECT_EQ(See(index, 1, kSubscriptionsPerSet + 2 * 4).version, kRounds);
}

}  // namespace
}  // namespace cievents::matcher
