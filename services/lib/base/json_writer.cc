#include "services/lib/base/json_writer.h"

#include <fmt/format.h>

namespace cievents {

void JsonWriter::Separate() {
  if (needs_comma_) text_.push_back(',');
  needs_comma_ = true;
}

void JsonWriter::Open(char bracket) {
  Separate();
  text_.push_back(bracket);
  needs_comma_ = false;
}

void JsonWriter::Close(char bracket) {
  text_.push_back(bracket);
  needs_comma_ = true;
}

void JsonWriter::Key(std::string_view key) {
  Separate();
  AppendJsonString(key, &text_);
  text_.push_back(':');
  needs_comma_ = false;
}

void JsonWriter::String(std::string_view value) {
  Separate();
  AppendJsonString(value, &text_);
}

void JsonWriter::Int(int64_t value) {
  Separate();
  text_.append(std::to_string(value));
}

void JsonWriter::Bool(bool value) {
  Separate();
  text_.append(value ? "true" : "false");
}

void JsonWriter::Null() {
  Separate();
  text_.append("null");
}

void JsonWriter::Raw(std::string_view json) {
  Separate();
  text_.append(json);
}

}  // namespace cievents
