// Reading JSON that this program wrote, but that may be old, or a hand was at it: everything that
// later code relies on is checked. These functions throw (simdjson's exceptions, Malformed);
// ReadDocument catches, so that nothing is thrown past a *FromJson.
#ifndef SERVICES_LIB_CI_YAML_JSON_READING_H_
#define SERVICES_LIB_CI_YAML_JSON_READING_H_

#include <simdjson.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "matcher/base/status.h"

namespace cievents::ci_yaml {

// What the JSON says is not what it should.
struct Malformed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Canonical text of a value: sorted keys, the digits of its numbers kept. (A database may have
// moved keys.)
std::string CanonicalText(simdjson::ondemand::value value);

std::string ReadString(simdjson::ondemand::value value);
// A number from 0 to the largest `int`.
int ReadInt(simdjson::ondemand::value value);
// Calls `read(key, value)` for every key of an object, in the order of the text.
template <typename Read>
void ReadObject(simdjson::ondemand::object object, Read read) {
  for (auto field : object) {
    const std::string key(std::string_view(field.unescaped_key()));
    simdjson::ondemand::value value = field.value();
    read(std::string_view(key), value);
  }
}

// Runs `read` on the document in `json`; what it throws becomes kDataLoss. `what` begins the
// message: "the entries".
template <typename Value, typename Read>
absl::StatusOr<Value> ReadDocument(std::string_view json, std::string_view what, Read read) {
  try {
    const simdjson::padded_string padded(json);
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document document = parser.iterate(padded);
    Value value = read(document);
    if (document.current_location().error() == simdjson::SUCCESS)
      throw Malformed("text after the end");
    return value;
  } catch (const std::exception& exception) {
    return Error(absl::StatusCode::kDataLoss, "{} cannot be read: {}", what, exception.what());
  }
}

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_JSON_READING_H_
