// Test support: what a path means in a payload by a second way, on simdjson's DOM, written for
// plainness. Judges only texts that the DOM accepts as a whole and that repeat no key.
#ifndef MATCHER_EVENT_PAYLOAD_JUDGE_H_
#define MATCHER_EVENT_PAYLOAD_JUDGE_H_

#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

#include "matcher/event/event_path.h"
#include "matcher/event/value.h"

namespace cievents::matcher {

// All of a value, for comparison.
std::string Describe(const Value& value);

class PayloadJudge {
 public:
  // False: this payload is not the judge's to judge. `payload` need not live on.
  bool Load(std::string_view payload);
  // Empty: `value` is what `path` (a payload path, not a subject's) means. Else what is wrong.
  std::string Judge(const EventPath& path, const Value& value);

 private:
  // A value of the path: true if it came through an array.
  struct Found {
    std::vector<simdjson::dom::element> elements;
    bool is_list = false;
  };

  void Collect(simdjson::dom::element at, size_t key, const std::vector<std::string>& keys,
               Found* found) const;
  std::string JudgeOne(simdjson::dom::element expected, const Value& value);

  simdjson::dom::parser parser_;
  simdjson::dom::parser value_parser_;
  simdjson::dom::element root_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_EVENT_PAYLOAD_JUDGE_H_
