// Goal: an event sees a project's old set or its new one, never a mix of the two and never neither,
// however many scopes the set stands in. Method: a writer changes a project between two known sets
// while readers match; each set marks its matches with the commit. ThreadSanitizer runs it too.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "matcher/index/index.h"
#include "tests/oracle/random_world.h"

namespace cievents::oracle {
namespace {

constexpr int64_t kProject = 5;
constexpr int64_t kListened = 6;
constexpr int kReaders = 3;

NaiveSubscription Listener(int64_t id, NaiveScope scope, const std::string& condition) {
  NaiveSubscription subscription;
  subscription.subscription_id = id;
  subscription.project_id = kProject;
  subscription.namespace_ids = {1, 2};
  NaiveEntry entry;
  entry.patterns = {id % 2 == 0 ? "issue/*" : "issue/created"};
  entry.scope = scope;
  entry.other_project_id = scope == NaiveScope::kOtherProject ? kListened : 0;
  if (!condition.empty()) entry.rules = std::vector<NaiveClause>{{condition, {}, {}}};
  subscription.entries.push_back(entry);
  return subscription;
}

// One listener a scope, with and without a condition; ids from `first`.
matcher::ProjectSubscriptions SetOf(int64_t first, const std::string& commit) {
  std::vector<NaiveSubscription> subscriptions;
  int64_t id = first;
  for (const NaiveScope scope : {NaiveScope::kProject, NaiveScope::kGroup, NaiveScope::kInstance,
                                 NaiveScope::kOtherProject}) {
    subscriptions.push_back(Listener(id++, scope, ""));
    subscriptions.push_back(Listener(id++, scope, R"($[[ event.ref ]] == "main")"));
    subscriptions.push_back(Listener(id++, scope, R"($[[ event.ref ]] =~ /^ma/)"));
  }
  matcher::ProjectSubscriptions set = Translate(kProject, {1, 2}, subscriptions);
  set.commit_sha = commit;
  return set;
}

NaiveEvent EventOf(int64_t project_id) {
  NaiveEvent event;
  event.names = {"issue/created"};
  event.project_id = project_id;
  event.namespace_ids = {1, 2};
  event.payload = R"({"ref":"main"})";
  return event;
}

using Ids = std::map<int64_t, std::string>;  // and the commit that each said

// What an event may see: exactly one of these.
std::vector<Ids> AnswersTo(const NaiveEvent& event,
                           const std::vector<matcher::ProjectSubscriptions>& sets) {
  std::vector<Ids> answers;
  for (const matcher::ProjectSubscriptions& set : sets) {
    matcher::Index index;
    index.ReplaceProject(set);
    matcher::Matcher matcher(index);
    Ids ids;
    matcher.MatchEvent(ViewOf(event), [&](const matcher::Match& match) {
      ids[match.subscription_id()] = match.commit_sha();
    });
    answers.push_back(ids);
  }
  return answers;
}

std::string Show(const Ids& ids) {
  std::string text;
  for (const auto& [id, commit] : ids) text += fmt::format("{}@{} ", id, commit);
  return text;
}

class ReplacementTest : public ::testing::Test {
 protected:
  // Matches until the writer is done; false and a text if an answer is neither set's.
  void Read(const std::vector<matcher::ProjectSubscriptions>& sets, bool in_batches) {
    matcher::Matcher matcher(index_);
    const std::vector<NaiveEvent> events = {EventOf(kProject), EventOf(kListened), EventOf(7),
                                            EventOf(0)};
    std::vector<std::vector<Ids>> allowed;
    std::vector<matcher::EventView> views;
    for (const NaiveEvent& event : events) {
      allowed.push_back(AnswersTo(event, sets));
      views.push_back(ViewOf(event));
    }
    std::vector<matcher::MatchCounts> counts(events.size());
    ++ready_;
    while (!done_) {
      std::vector<Ids> seen(events.size());
      const auto add = [&](size_t event, const matcher::Match& match) {
        seen[event][match.subscription_id()] = match.commit_sha();
      };
      if (in_batches) {
        matcher.MatchBatch(views, counts, add);
      } else {
        for (size_t i = 0; i < events.size(); ++i) {
          counts[i] =
              matcher.MatchEvent(views[i], [&](const matcher::Match& match) { add(i, match); });
        }
      }
      for (size_t i = 0; i < events.size(); ++i) Check(seen[i], counts[i], allowed[i]);
      ++rounds_;
    }
  }

  void Check(const Ids& seen, const matcher::MatchCounts& counts, const std::vector<Ids>& allowed) {
    EXPECT_EQ(counts.matched, seen.size()) << "a subscription fired twice";
    for (const Ids& one : allowed) {
      if (one == seen) return;
    }
    ADD_FAILURE() << "neither set: " << Show(seen);
    done_ = true;
  }

  void Run(const std::vector<matcher::ProjectSubscriptions>& sets) {
    index_.ReplaceProject(sets[0]);
    std::vector<std::thread> readers;
    for (int r = 0; r < kReaders; ++r) {
      readers.emplace_back([&, r] { Read(sets, r == 0); });
    }
    while (ready_ < kReaders) std::this_thread::yield();
    for (int change = 1; change <= 300 && !done_; ++change) {
      index_.ReplaceProject(sets[static_cast<size_t>(change) % sets.size()]);
      // Until every reader is a little further, the writer alone would have the machine.
      const int64_t wanted = rounds_ + 1;
      while (rounds_ < wanted && !done_) std::this_thread::yield();
    }
    done_ = true;
    for (std::thread& reader : readers) reader.join();
    EXPECT_GE(rounds_, 300);
  }

  matcher::Index index_;
  std::atomic<bool> done_ = false;
  std::atomic<int> ready_ = 0;
  std::atomic<int64_t> rounds_ = 0;
};

TEST_F(ReplacementTest, AnEventSeesOneOfTwoSetsOfTheSameSubscriptions) {
  Run({SetOf(100, "a"), SetOf(100, "b")});
}

TEST_F(ReplacementTest, AnEventSeesOneOfTwoSetsOfDifferentSubscriptions) {
  Run({SetOf(100, "a"), SetOf(200, "b")});
}

TEST_F(ReplacementTest, AnEventSeesASetOrTheEmptyOne) {
  Run({SetOf(100, "a"), Translate(kProject, {1, 2}, {})});
}

TEST_F(ReplacementTest, AMoveOfTheProjectIsSeenAsOneStep) {
  matcher::ProjectSubscriptions moved = SetOf(100, "b");
  moved.namespace_ids = {3, 4};
  Run({SetOf(100, "a"), moved});
}

}  // namespace
}  // namespace cievents::oracle
