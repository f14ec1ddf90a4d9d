// Appends compact JSON to a string.
#ifndef SERVICES_LIB_BASE_JSON_WRITER_H_
#define SERVICES_LIB_BASE_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "matcher/base/json_escape.h"

namespace cievents {

// Usage: JsonWriter w; w.BeginObject(); w.Key("a"); w.Int(1); w.EndObject(); w.Take().
// Commas are its business; balanced calls are the caller's.
class JsonWriter {
 public:
  void BeginObject() { Open('{'); }
  void EndObject() { Close('}'); }
  void BeginArray() { Open('['); }
  void EndArray() { Close(']'); }
  void Key(std::string_view key);
  // A key and an array of texts.
  template <typename List>
  void Strings(std::string_view key, const List& list) {
    Key(key);
    BeginArray();
    for (const auto& item : list) String(item);
    EndArray();
  }
  void String(std::string_view value);
  void Int(int64_t value);
  void Bool(bool value);
  void Null();
  void Raw(std::string_view json);  // REQUIRES: `json` is one valid JSON value

  const std::string& text() const { return text_; }
  std::string Take() { return std::move(text_); }

 private:
  void Open(char bracket);
  void Close(char bracket);
  void Separate();

  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace cievents

#endif  // SERVICES_LIB_BASE_JSON_WRITER_H_
