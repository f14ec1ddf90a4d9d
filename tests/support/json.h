// Reading the JSON that the product prints, for tests: what is not there reads as empty.
#ifndef TESTS_SUPPORT_JSON_H_
#define TESTS_SUPPORT_JSON_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cievents::support {

// A JSON value as its compact text.
class Json {
 public:
  Json() = default;
  // Not JSON: valid() is false and everything below is empty.
  explicit Json(std::string_view text);

  bool valid() const { return !text_.empty(); }
  const std::string& text() const { return text_; }

  bool Has(std::string_view key) const;
  Json operator[](std::string_view key) const;  // of an object
  std::vector<Json> items() const;              // of an array
  std::vector<std::string> keys() const;        // of an object, in order
  std::string string() const;                   // of a string
  int64_t number() const;                       // of an integer; -1 if it is none
  bool is_null() const { return text_ == "null"; }
  bool boolean() const { return text_ == "true"; }

 private:
  std::string text_;
};

// One value a line.
std::vector<Json> JsonLines(std::string_view text);

}  // namespace cievents::support

#endif  // TESTS_SUPPORT_JSON_H_
