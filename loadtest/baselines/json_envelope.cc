#include "loadtest/baselines/json_envelope.h"

#include <simdjson.h>
#include <string.h>

#include <algorithm>
#include <charconv>

#include "matcher/base/check.h"

namespace cievents::loadtest {
namespace {

using simdjson::dom::element;

int64_t ParseDigits(std::string_view text) {
  int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  CIEVENTS_CHECK(result.ec == std::errc() && result.ptr == text.data() + text.size());
  return value;
}

// Days from 1970-01-01 in the proleptic Gregorian calendar, by the usual shift of the year's
// beginning to March.
int64_t DaysFromCivil(int64_t year, int64_t month, int64_t day) {
  if (month <= 2) --year;
  const int64_t era = year / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719'468;
}

constexpr std::string_view kPayloadKey = "\"payload\":";

// The payload's text, which is the last member: all from behind its key up to the document's last
// brace. `guess` is where the key stands if the members before it have neither blanks nor escapes.
// Else it is searched for: a quote inside a string is escaped, so the key's bytes are no string's.
std::string_view FindPayload(std::string_view document, size_t guess) {
  size_t begin = guess;
  if (document.substr(std::min(guess, document.size()), kPayloadKey.size()) != kPayloadKey) {
    const void* found =
        memmem(document.data(), document.size(), kPayloadKey.data(), kPayloadKey.size());
    CIEVENTS_CHECK(found != nullptr);
    begin = static_cast<size_t>(static_cast<const char*>(found) - document.data());
  }
  begin += kPayloadKey.size();
  return document.substr(begin, document.size() - 1 - begin);
}

struct Slot {
  std::string id;
  std::vector<std::string> names = std::vector<std::string>(1);
  std::vector<int64_t> nearest_first;
  std::vector<int64_t> namespace_ids;
  int64_t project_id = 0;
  int64_t time_ms = 0;

  void TakeScope(std::string_view text) {
    CIEVENTS_CHECK(!text.empty());
    if (text.front() == 'p') project_id = ParseDigits(text.substr(1));
    if (text.front() == 'g') nearest_first.push_back(ParseDigits(text.substr(1)));
  }

  // Returns how many bytes the value has, written without blanks and escapes.
  size_t TakeScopes(const element& value) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) {
      TakeScope(text);
      return text.size() + 2;
    }
    simdjson::dom::array list;
    CIEVENTS_CHECK(value.get(list) == simdjson::SUCCESS);
    size_t bytes = 1;
    for (const element item : list) {
      CIEVENTS_CHECK(item.get(text) == simdjson::SUCCESS);
      TakeScope(text);
      bytes += text.size() + 3;
    }
    return bytes;
  }

  // Returns where the payload's key probably stands.
  size_t Take(const simdjson::dom::object& document) {
    size_t bytes = 1;
    for (const auto& [key, value] : document) {
      if (key == "payload") break;
      bytes += key.size() + 4;  // two quotes, colon, comma
      if (key == "scope") {
        bytes += TakeScopes(value);
        continue;
      }
      std::string_view text;
      if (value.get(text) != simdjson::SUCCESS) continue;
      bytes += text.size() + 2;
      if (key == "id") {
        id = text;
      } else if (key == "name") {
        names[0] = text;
      } else if (key == "time") {
        time_ms = ParseTime(text);
      }
    }
    namespace_ids.assign(nearest_first.rbegin(), nearest_first.rend());
    return bytes;
  }
};

}  // namespace

struct JsonEnvelope::State {
  simdjson::dom::parser parser;
  std::array<Slot, kBatchEvents> slots;
  std::array<matcher::EventView, kBatchEvents> views;
};

JsonEnvelope::JsonEnvelope() : state_(std::make_unique<State>()) {}
JsonEnvelope::~JsonEnvelope() = default;

std::span<const matcher::EventView> JsonEnvelope::Decode(
    std::span<const std::string_view> documents) {
  CIEVENTS_CHECK(documents.size() <= kBatchEvents);
  for (size_t i = 0; i < documents.size(); ++i) {
    const std::string_view text = documents[i];
    Slot& slot = state_->slots[i];
    slot.project_id = 0;
    slot.nearest_first.clear();
    // Parsing reads a little behind the document, where the pool has readable bytes.
    simdjson::dom::object document;
    CIEVENTS_CHECK(state_->parser.parse(text.data(), text.size(), false).get(document) ==
                   simdjson::SUCCESS);
    const size_t payload = slot.Take(document);
    matcher::EventView& view = state_->views[i];
    view.id = slot.id;
    view.names = slot.names;
    view.project_id = slot.project_id;
    view.namespace_ids = slot.namespace_ids;
    view.time_ms = slot.time_ms;
    view.payload = FindPayload(text, payload);
  }
  return std::span(state_->views).first(documents.size());
}

int64_t ParseTime(std::string_view text) {
  static constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd.dddZ";
  if (text.size() != kForm.size()) return 0;
  bool is_form = text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' &&
                 text[16] == ':' && text[19] == '.' && text[23] == 'Z';
  const auto digit = [text, &is_form](size_t at) {
    const unsigned value = static_cast<unsigned char>(text[at]) - unsigned{'0'};
    is_form &= value <= 9;
    return static_cast<int64_t>(value);
  };
  const auto two = [&digit](size_t at) { return digit(at) * 10 + digit(at + 1); };
  const int64_t days = DaysFromCivil(two(0) * 100 + two(2), two(5), two(8));
  const int64_t seconds = ((days * 24 + two(11)) * 60 + two(14)) * 60 + two(17);
  const int64_t time_ms = seconds * 1000 + digit(20) * 100 + two(21);
  return is_form ? time_ms : 0;
}

}  // namespace cievents::loadtest
