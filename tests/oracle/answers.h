// One event's answer, of the index in each of its three ways and of the naive matcher, in one form.
#ifndef TESTS_ORACLE_ANSWERS_H_
#define TESTS_ORACLE_ANSWERS_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "matcher/index/index.h"
#include "tests/oracle/naive_matcher.h"

namespace cievents::oracle {

struct Fired {
  uint64_t entry = 0;
  uint64_t name = 0;
  bool failed_input = false;
  std::string inputs;  // the JSON, or the reason
  friend bool operator==(const Fired&, const Fired&) = default;
};

// What an index counts as failed payloads may be less: entries that an access index leaves out are
// not evaluated, and they would not have fired. In small catalogues it is the same.
enum class FailedPayloads { kEqual, kAtMost };

struct Answer {
  std::map<int64_t, Fired> fired;  // by subscription
  uint32_t twice = 0;              // given more than once
  uint32_t failed_payload = 0;
  uint32_t suspended = 0;
  uint32_t filtered = 0;
};

Answer NaiveAnswer(const std::map<int64_t, NaiveFiring>& firings, const NaiveEvent& event);
Answer IndexAnswer(matcher::Matcher* matcher, const NaiveEvent& event);
std::vector<Answer> BatchAnswers(matcher::Matcher* matcher, std::span<const NaiveEvent> events);

bool IsSame(const Answer& actual, const Answer& expected, FailedPayloads failed);

// Empty, or what Explain says otherwise than `answer`.
std::string CompareExplain(matcher::Matcher* matcher, const NaiveEvent& event, int64_t project_id,
                           const std::map<int64_t, NaiveFiring>& firings);

// For a person.
std::string Show(const NaiveEvent& event);
std::string Show(const NaiveSubscription& subscription);
std::string Show(const Answer& answer, int64_t subscription_id);
// A subscription about which the answers differ; 0 = only counts do.
int64_t FirstDifference(const Answer& a, const Answer& b);

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_ANSWERS_H_
