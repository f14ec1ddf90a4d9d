#include "services/lib/store/connection_string.h"

#include <libpq-fe.h>

#include <map>
#include <memory>

#include "matcher/base/status.h"

namespace cievents::store {
namespace {

std::string Quoted(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace

absl::StatusOr<std::string> WithConnectionDefaults(const std::string& dsn,
                                                   std::string_view application_name) {
  std::map<std::string, std::string> settings = {
      {"application_name", std::string(application_name)},
      {"connect_timeout", "5"},      // s
      {"keepalives_idle", "4"},      // s
      {"keepalives_interval", "2"},  // s
      {"keepalives_count", "2"},     // 4 + 2 x 2 = 8 s until a silent peer counts as dead
      {"tcp_user_timeout", "8000"},  // ms
  };
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(dsn.c_str(), &error), &PQconninfoFree);
  if (options == nullptr) {
    const std::string reason = error == nullptr ? "out of memory" : error;
    PQfreemem(error);
    // The string itself may hold a password and is not repeated.
    return Error(absl::StatusCode::kInvalidArgument,
                 "not a Postgres connection string (postgresql://user@host/database): {}", reason);
  }
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) settings[option->keyword] = option->val;
  }
  settings["client_encoding"] = "UTF8";  // what all our texts are
  std::string result;
  for (const auto& [keyword, value] : settings) {
    if (!result.empty()) result += ' ';
    result += keyword + "=" + Quoted(value);
  }
  return result;
}

}  // namespace cievents::store
