// Texts as JSON: the one place that escapes, for the engine, the command line and the services.
// (simdjson 3.0 only reads.)
#ifndef MATCHER_BASE_JSON_ESCAPE_H_
#define MATCHER_BASE_JSON_ESCAPE_H_

#include <string>
#include <string_view>

namespace cievents {

// Appends `text` with each byte that is not part of valid UTF-8 replaced by U+FFFD: Postgres and
// protobuf refuse such bytes.
void AppendRepairedUtf8(std::string_view text, std::string* out);

// Appends `text` with JSON's escapes and repaired, without quotes.
void AppendJsonEscaped(std::string_view text, std::string* out);

// The same in quotes: a JSON string.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace cievents

#endif  // MATCHER_BASE_JSON_ESCAPE_H_
