// A random world: groups and projects with subscriptions, events that happen in them, and changes
// of the catalogue in between; the same in the index and as the plain list that the naive matcher
// walks.
#ifndef TESTS_ORACLE_RANDOM_WORLD_H_
#define TESTS_ORACLE_RANDOM_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "matcher/event/event_view.h"
#include "matcher/index/index.h"
#include "matcher/subscription.h"
#include "tests/oracle/naive_matcher.h"
#include "tests/oracle/random.h"

namespace cievents::oracle {

inline constexpr int64_t kProjectsMax = 9;

// The groups that a project may lie in: numbers of groups and projects overlap on purpose.
std::vector<int64_t> RandomNamespaces(Random& random);
NaiveSubscription RandomSubscription(int64_t id, int64_t project_id,
                                     const std::vector<int64_t>& namespace_ids, Random& random);
NaiveEvent RandomEvent(Random& random);

matcher::Subscription Translate(const NaiveSubscription& naive);
matcher::ProjectSubscriptions Translate(int64_t project_id,
                                        const std::vector<int64_t>& namespace_ids,
                                        const std::vector<NaiveSubscription>& naive);
// Views into `event`.
matcher::EventView ViewOf(const NaiveEvent& event);

class RandomWorld {
 public:
  // Everything that happens follows from the seed.
  explicit RandomWorld(uint64_t seed);

  const matcher::Index& index() const { return index_; }
  Random& random() { return random_; }
  // All subscriptions, by their id.
  const std::map<int64_t, NaiveFiring>& firings() const { return firings_; }
  // Empty, or what the index said of the last change that the naive side does not.
  const std::string& complaint() const { return complaint_; }
  bool is_large() const { return is_large_; }

  void ChangeSomething();
  NaiveEvent DrawEvent();

 private:
  matcher::ProjectSubscriptions Draw(int64_t project_id);
  void DrawBulk(int64_t project_id, const std::vector<int64_t>& namespace_ids,
                std::vector<NaiveSubscription>* subscriptions);
  void LoadEverything();
  void Forget(int64_t project_id);
  // `drawn` = the subscriptions of the change.
  void CompareUnusable(const std::vector<matcher::UnusableSubscription>& unusable,
                       std::span<const matcher::ProjectSubscriptions> drawn);

  Random random_;
  bool is_large_;
  std::map<int64_t, std::vector<int64_t>> projects_;  // their namespaces
  std::map<int64_t, NaiveFiring> firings_;
  std::string complaint_;
  matcher::Index index_;
};

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_RANDOM_WORLD_H_
