// Matchers: each holds the working memory of one thread that asks the index.
#ifndef SERVICES_EVENT_MATCHER_MATCHER_POOL_H_
#define SERVICES_EVENT_MATCHER_MATCHER_POOL_H_

#include <cstddef>
#include <memory>

#include "matcher/index/index.h"
#include "services/event_matcher/loan_pool.h"

namespace cievents::event_matcher {

class MatcherPool : public LoanPool<matcher::Matcher> {
 public:
  // `index` must outlive the pool.
  explicit MatcherPool(const matcher::Index& index, size_t idle_max = 64)
      : LoanPool(idle_max, [&index] { return std::make_unique<matcher::Matcher>(index); }) {}
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_MATCHER_POOL_H_
