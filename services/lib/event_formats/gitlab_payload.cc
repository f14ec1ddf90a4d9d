#include "services/lib/event_formats/gitlab_payload.h"

#include "services/lib/event_formats/json_path.h"

namespace cievents {
namespace {

// `project_12_bot`, `project_12_bot1`, `group_7_bot_0123abcd`.
bool IsTokenBotName(std::string_view username) {
  for (const std::string_view prefix : {"project_", "group_"}) {
    if (!username.starts_with(prefix)) continue;
    const std::string_view rest = username.substr(prefix.size());
    const size_t digits = rest.find_first_not_of("0123456789");
    return digits != 0 && digits != std::string_view::npos &&
           rest.substr(digits).starts_with("_bot") &&
           rest.substr(digits + 4).find_first_not_of("_0123456789abcdef") == std::string_view::npos;
  }
  return false;
}

}  // namespace

bool IsConfidentialPayload(simdjson::dom::element payload) {
  if (TextAt(payload, "event_type").starts_with("confidential_")) return true;
  for (const std::string_view path :
       {"object_attributes.confidential", "object_attributes.internal", "issue.confidential",
        "work_item.confidential", "note.confidential", "note.internal"}) {
    if (BoolAt(payload, path).value_or(false)) return true;
  }
  return false;
}

bool IsBotUser(std::string_view username, std::string_view user_type) {
  if (!user_type.empty()) return user_type != "human";
  return IsTokenBotName(username) || username.starts_with("service_account_");
}

}  // namespace cievents
