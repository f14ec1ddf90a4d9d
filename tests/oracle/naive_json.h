// A naive JSON reader: recursive descent over the text, one character after the other, nothing
// remembered, nothing skipped cleverly. It knows no type of matcher/.
#ifndef TESTS_ORACLE_NAIVE_JSON_H_
#define TESTS_ORACLE_NAIVE_JSON_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cievents::oracle {

struct NaiveJson {
  enum class Kind { kNull, kBoolean, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;     // a number's digits, a string's text
  std::string compact;  // the value as it stands in the text, without the space between tokens
  std::vector<NaiveJson> elements;
  std::vector<std::pair<std::string, NaiveJson>> members;  // as they stand, equal keys too

  // The first member of that key; null = there is none.
  const NaiveJson* Member(const std::string& key) const;
};

// The whole text as one value; nothing if it is malformed anywhere.
std::optional<NaiveJson> ParseNaiveJson(std::string_view text);

// `text` as a JSON string, with quotes.
std::string QuoteJson(std::string_view text);

struct NaiveLookup {
  bool failed = false;   // the payload is malformed before the end of the value
  bool is_list = false;  // the path crosses or ends at an array: `values` are its flat elements
  bool has_first_key = false;     // the payload is an object that has the path's first key
  std::vector<NaiveJson> values;  // nulls and absent keys are dropped; no arrays
};

// What stands at `keys` in the payload. The answer depends on the payload up to the end of the
// value alone. Values on the way that the path does not enter are skipped: in them only the nesting
// of brackets and the ends of strings count. Of two equal keys in an object the first counts.
NaiveLookup FindInPayload(std::string_view payload, const std::vector<std::string>& keys);

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_NAIVE_JSON_H_
