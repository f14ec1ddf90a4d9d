#include "tests/support/json.h"

#include <simdjson.h>

namespace cievents::support {

namespace dom = simdjson::dom;

Json::Json(std::string_view text) {
  dom::parser parser;
  dom::element element;
  if (parser.parse(simdjson::padded_string(text)).get(element) == simdjson::SUCCESS) {
    text_ = simdjson::minify(element);
  }
}

namespace {

// Calls `use` with the parsed value.
template <typename Use>
void With(const std::string& text, Use use) {
  dom::parser parser;
  dom::element element;
  if (parser.parse(simdjson::padded_string(text)).get(element) == simdjson::SUCCESS) use(element);
}

}  // namespace

bool Json::Has(std::string_view key) const { return (*this)[key].valid(); }

Json Json::operator[](std::string_view key) const {
  Json found;
  With(text_, [&](dom::element element) {
    dom::element value;
    if (element[key].get(value) == simdjson::SUCCESS) found.text_ = simdjson::minify(value);
  });
  return found;
}

std::vector<Json> Json::items() const {
  std::vector<Json> items;
  With(text_, [&](dom::element element) {
    dom::array array;
    if (element.get(array) != simdjson::SUCCESS) return;
    for (const dom::element item : array) {
      items.emplace_back();
      items.back().text_ = simdjson::minify(item);
    }
  });
  return items;
}

std::vector<std::string> Json::keys() const {
  std::vector<std::string> keys;
  With(text_, [&](dom::element element) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return;
    for (const dom::key_value_pair field : object) keys.emplace_back(field.key);
  });
  return keys;
}

std::string Json::string() const {
  std::string text;
  With(text_, [&](dom::element element) {
    std::string_view view;
    if (element.get(view) == simdjson::SUCCESS) text = std::string(view);
  });
  return text;
}

int64_t Json::number() const {
  int64_t number = -1;
  With(text_, [&](dom::element element) {
    int64_t value = 0;
    if (element.get(value) == simdjson::SUCCESS) number = value;
  });
  return number;
}

std::vector<Json> JsonLines(std::string_view text) {
  std::vector<Json> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace cievents::support
