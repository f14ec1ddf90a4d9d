// Goal: the index and the naive matcher agree on everything. Method: patterns over a small alphabet
// exhaustively; then random catalogues in a small world (so that scopes and names meet often), with
// projects replaced, moved, removed and all loaded anew between the events.
//
// The seed is printed; CIEVENTS_TEST_SEED repeats a run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "matcher/index.h"
#include "matcher/pattern.h"
#include "matcher/subscription.h"
#include "tests/oracle/naive_matcher.h"

namespace cievents::oracle {
namespace {

using matcher::Entry;
using matcher::EventView;
using matcher::Index;
using matcher::Match;
using matcher::Pattern;
using matcher::ProjectSubscriptions;
using matcher::ScopeKind;
using matcher::Subscription;

uint64_t Seed() {
  const char* given = std::getenv("CIEVENTS_TEST_SEED");
  if (given != nullptr && *given != '\0') return std::strtoull(given, nullptr, 10);
  return std::random_device()();
}

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  int64_t Between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine_);
  }
  bool OneIn(int64_t n) { return Between(1, n) == 1; }

 private:
  std::mt19937_64 engine_;
};

std::string RandomName(Random* random) {
  constexpr const char* kSegments[] = {"a", "b", "ab", "a.b", "c_-"};
  std::string name;
  const int64_t segments = random->OneIn(20) ? 8 : random->Between(1, 4);
  for (int64_t i = 0; i < segments; ++i) {
    if (i > 0) name += '/';
    name += kSegments[random->Between(0, random->OneIn(4) ? 4 : 1)];
  }
  return name;
}

// A name in which some segments are wildcards.
std::string RandomPattern(Random* random) {
  const std::string name = RandomName(random);
  if (random->OneIn(3)) return name;
  std::string pattern;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const bool last = end == name.size();
    if (begin > 0) pattern += '/';
    if (last && random->OneIn(3)) {
      pattern += "**";
    } else {
      pattern += random->OneIn(3) ? "*" : name.substr(begin, end - begin);
    }
    begin = end + 1;
  }
  return pattern;
}

// The tree: groups 1 to 6, `kParents[group]` is the group above (0 = top). Projects 1 to 9 lie in
// any of them, or in none; numbers of groups and projects overlap on purpose.
std::vector<int64_t> RandomNamespaces(Random* random) {
  constexpr int64_t kParents[] = {0, 0, 1, 2, 1, 0, 5};
  std::vector<int64_t> namespace_ids;
  for (int64_t group = random->Between(0, 6); group != 0; group = kParents[group]) {
    namespace_ids.insert(namespace_ids.begin(), group);
  }
  return namespace_ids;
}

constexpr int64_t kProjectsMax = 9;
constexpr int64_t kMinuteMs = 60 * 1000;

NaiveSubscription RandomSubscription(int64_t id, int64_t project_id,
                                     const std::vector<int64_t>& namespace_ids, Random* random) {
  NaiveSubscription subscription;
  subscription.subscription_id = id;
  subscription.project_id = project_id;
  subscription.namespace_ids = namespace_ids;
  subscription.suspended = random->OneIn(10);
  subscription.created_time_ms = random->Between(0, 20) * kMinuteMs;
  const int64_t entries = random->Between(1, 5);
  for (int64_t e = 0; e < entries; ++e) {
    NaiveEntry entry;
    const int64_t patterns = random->Between(1, 3);
    for (int64_t p = 0; p < patterns; ++p) entry.patterns.push_back(RandomPattern(random));
    entry.scope = static_cast<NaiveScope>(random->Between(0, 3));
    if (entry.scope == NaiveScope::kOtherProject) {
      entry.other_project_id = random->Between(0, kProjectsMax);
    }
    entry.confidential = random->OneIn(3);
    subscription.entries.push_back(std::move(entry));
  }
  return subscription;
}

NaiveEvent RandomEvent(Random* random) {
  NaiveEvent event;
  const int64_t names = random->OneIn(10) ? 8 : random->Between(1, 3);
  for (int64_t n = 0; n < names; ++n) event.names.push_back(RandomName(random));
  event.project_id = random->OneIn(5) ? 0 : random->Between(1, kProjectsMax);
  event.namespace_ids = RandomNamespaces(random);
  event.confidential = random->OneIn(3);
  event.time_ms = random->Between(0, 20) * kMinuteMs + random->Between(-1, 1);
  if (event.time_ms < 0) event.time_ms = 0;
  event.replayed = random->OneIn(4);
  return event;
}

ScopeKind ScopeOf(NaiveScope scope) {
  switch (scope) {
    case NaiveScope::kProject:
      return ScopeKind::kProject;
    case NaiveScope::kGroup:
      return ScopeKind::kGroup;
    case NaiveScope::kInstance:
      return ScopeKind::kInstance;
    case NaiveScope::kOtherProject:
      return ScopeKind::kOtherProject;
  }
  return ScopeKind::kProject;
}

Subscription Translate(const NaiveSubscription& naive) {
  Subscription subscription;
  subscription.subscription_id = naive.subscription_id;
  subscription.suspended = naive.suspended;
  subscription.created_time_ms = naive.created_time_ms;
  for (const NaiveEntry& naive_entry : naive.entries) {
    Entry entry;
    for (const std::string& pattern : naive_entry.patterns) {
      entry.patterns.push_back(*Pattern::Parse(pattern));
    }
    entry.scope = {ScopeOf(naive_entry.scope), naive_entry.other_project_id};
    entry.confidential = naive_entry.confidential;
    subscription.entries.push_back(std::move(entry));
  }
  return subscription;
}

// The same catalogue twice: in the index, and as the plain list that the naive matcher walks.
class World {
 public:
  explicit World(Random* random) : random_(random) {}

  const Index& index() const { return index_; }
  std::vector<NaiveSubscription> All() const {
    std::vector<NaiveSubscription> all;
    for (const auto& [project_id, subscriptions] : catalogue_) {
      all.insert(all.end(), subscriptions.begin(), subscriptions.end());
    }
    return all;
  }

  void ChangeSomething() {
    const int64_t project_id = random_->Between(1, kProjectsMax);
    if (random_->OneIn(5)) {
      catalogue_.erase(project_id);
      index_.RemoveProject(project_id);
    } else if (random_->OneIn(10)) {
      LoadEverything();
    } else {
      index_.ReplaceProject(Draw(project_id));
    }
  }

  void ExpectSameCounts() const {
    EXPECT_EQ(index_.stats().projects, catalogue_.size());
    EXPECT_EQ(index_.stats().subscriptions, All().size());
  }

 private:
  // Draws a new set of `project_id` into catalogue_ and returns it for the index.
  ProjectSubscriptions Draw(int64_t project_id) {
    ProjectSubscriptions set;
    set.project_id = project_id;
    set.namespace_ids = RandomNamespaces(random_);
    std::vector<NaiveSubscription>& subscriptions = catalogue_[project_id];
    subscriptions.clear();
    const int64_t count = random_->Between(0, 6);
    for (int64_t i = 0; i < count; ++i) {
      // Ids of different projects interleave, so their order is not the projects' order.
      const int64_t id = i * (kProjectsMax + 1) + project_id;
      subscriptions.push_back(RandomSubscription(id, project_id, set.namespace_ids, random_));
      set.subscriptions.push_back(Translate(subscriptions.back()));
    }
    return set;
  }

  void LoadEverything() {
    catalogue_.clear();
    std::vector<ProjectSubscriptions> sets;
    for (int64_t project_id = 1; project_id <= kProjectsMax; ++project_id) {
      if (!random_->OneIn(3)) sets.push_back(Draw(project_id));
    }
    index_.ReplaceAll(std::move(sets));
  }

  Random* random_;
  std::map<int64_t, std::vector<NaiveSubscription>> catalogue_;
  Index index_;
};

std::vector<NaiveMatch> IndexMatches(const Index& index, const NaiveEvent& event) {
  std::vector<Match> matches;
  index.MatchEvent(EventView{.names = event.names,
                             .project_id = event.project_id,
                             .namespace_ids = event.namespace_ids,
                             .confidential = event.confidential,
                             .time_ms = event.time_ms,
                             .replayed = event.replayed},
                   &matches);
  std::vector<NaiveMatch> plain;
  for (const Match& match : matches) {
    plain.push_back({match.subscription_ref().subscription_id, match.entry, match.name});
  }
  return plain;
}

std::string Show(const std::vector<NaiveMatch>& matches) {
  std::string text;
  for (const NaiveMatch& match : matches) {
    text +=
        fmt::format("(id {} entry {} name {}) ", match.subscription_id, match.entry, match.name);
  }
  return text;
}

TEST(PatternPropertyTest, AgreesWithTheNaiveMatcherOnAllShortPatternsAndNames) {
  // Every text of up to 4 segments drawn from these; what Parse refuses is skipped.
  const std::vector<std::string> pattern_segments = {"a", "b", "*", "**"};
  const std::vector<std::string> name_segments = {"a", "b"};
  const auto all_of = [](const std::vector<std::string>& segments) {
    std::vector<std::string> all = segments;
    for (size_t begin = 0, length = 1; length < 4; ++length) {
      const size_t end = all.size();
      for (size_t i = begin; i < end; ++i) {
        for (const std::string& segment : segments) all.push_back(all[i] + "/" + segment);
      }
      begin = end;
    }
    return all;
  };
  const std::vector<std::string> names = all_of(name_segments);
  ASSERT_EQ(names.size(), 2u + 4 + 8 + 16);
  int compared = 0;
  for (const std::string& text : all_of(pattern_segments)) {
    const auto pattern = Pattern::Parse(text);
    if (!pattern.ok()) continue;
    for (const std::string& name : names) {
      ++compared;
      EXPECT_EQ(pattern->Matches(name), NaivePatternMatches(text, name)) << text << " " << name;
    }
  }
  // 3 kinds of segment, in the last place 4: 4 + 12 + 36 + 108 patterns are valid.
  EXPECT_EQ(compared, 160 * 30);
}

TEST(IndexPropertyTest, AgreesWithTheNaiveMatcherOnRandomCatalogues) {
  const uint64_t seed = Seed();
  fmt::print("seed {} (repeat with CIEVENTS_TEST_SEED={})\n", seed, seed);
  RecordProperty("seed", std::to_string(seed));
  Random random(seed);
  World world(&random);
  int64_t events = 0;
  int64_t matches = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
  // Bounded in steps as well, so that a seed that fails early fails everywhere.
  for (int step = 0; step < 4000 && std::chrono::steady_clock::now() < end; ++step) {
    world.ChangeSomething();
    world.ExpectSameCounts();
    const std::vector<NaiveSubscription> all = world.All();
    for (int i = 0; i < 8; ++i) {
      const NaiveEvent event = RandomEvent(&random);
      const std::vector<NaiveMatch> expected = NaiveMatches(all, event);
      const std::vector<NaiveMatch> actual = IndexMatches(world.index(), event);
      ++events;
      matches += static_cast<int64_t>(expected.size());
      ASSERT_EQ(actual, expected) << fmt::format(
          "seed {} step {} event {}: names {} project {} groups {} confidential {}\nindex: {}\n"
          "naive: {}",
          seed, step, i, fmt::join(event.names, " "), event.project_id,
          fmt::join(event.namespace_ids, "/"), event.confidential, Show(actual), Show(expected));
    }
  }
  fmt::print("{} events, {} matches\n", events, matches);
  EXPECT_GT(matches, 0);
}

}  // namespace
}  // namespace cievents::oracle
