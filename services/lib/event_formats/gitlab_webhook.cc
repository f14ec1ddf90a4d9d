#include "services/lib/event_formats/gitlab_webhook.h"

#include <fmt/format.h>

#include <initializer_list>
#include <string>

#include "matcher/base/status.h"
#include "services/lib/event_formats/gitlab_payload.h"
#include "services/lib/event_formats/json_error.h"
#include "services/lib/event_formats/json_path.h"
#include "services/lib/event_formats/webhook_rows.h"
#include "simdjson.h"

namespace cievents {
namespace {

using simdjson::dom::element;

// What an event of a kind happened to: `merge_requests/17`.
struct SubjectRule {
  std::string_view kind;
  std::string_view plural;
  std::string_view path;
};

constexpr SubjectRule kSubjectRules[] = {
    {"push", "branches", "ref"},
    {"tag_push", "tags", "ref"},
    {"issue", "issues", "object_attributes.iid"},
    {"work_item", "work_items", "object_attributes.iid"},
    {"note", "notes", "object_attributes.id"},
    {"merge_request", "merge_requests", "object_attributes.iid"},
    {"wiki_page", "wiki_pages", "object_attributes.slug"},
    {"pipeline", "pipelines", "object_attributes.id"},
    {"build", "jobs", "build_id"},
    {"deployment", "deployments", "deployment_id"},
    {"feature_flag", "feature_flags", "object_attributes.id"},
    {"release", "releases", "tag"},
    {"emoji", "emoji", "object_attributes.id"},
    {"milestone", "milestones", "object_attributes.iid"},
    {"access_token", "access_tokens", "object_attributes.id"},
    {"project_create", "projects", "project_id"},
    {"project_destroy", "projects", "project_id"},
    {"project_rename", "projects", "project_id"},
    {"project_transfer", "projects", "project_id"},
    {"project_update", "projects", "project_id"},
    {"repository_update", "projects", "project_id"},
    {"group_create", "groups", "group_id"},
    {"group_destroy", "groups", "group_id"},
    {"group_rename", "groups", "group_id"},
    {"subgroup_create", "groups", "group_id"},
    {"subgroup_destroy", "groups", "group_id"},
    {"user_create", "users", "user_id"},
    {"user_destroy", "users", "user_id"},
    {"user_rename", "users", "user_id"},
    {"user_failed_login", "users", "user_id"},
    {"user_add_to_group", "group_members", "user_id"},
    {"user_update_for_group", "group_members", "user_id"},
    {"user_remove_from_group", "group_members", "user_id"},
    {"user_access_request_to_group", "group_members", "user_id"},
    {"user_access_request_denied_for_group", "group_members", "user_id"},
    {"user_access_request_revoked_for_group", "group_members", "user_id"},
    {"user_add_to_team", "project_members", "user_id"},
    {"user_update_for_team", "project_members", "user_id"},
    {"user_remove_from_team", "project_members", "user_id"},
    {"user_access_request_to_project", "project_members", "user_id"},
    {"user_access_request_revoked_for_project", "project_members", "user_id"},
    {"key_create", "ssh_keys", "id"},
    {"key_destroy", "ssh_keys", "id"},
};

// What may become a text of an event: within its limit, and without U+0000, which Postgres cannot
// keep. Anything else is as good as absent.
bool IsEventText(std::string_view text) {
  return text.size() <= kEventTextBytesMax && text.find('\0') == std::string_view::npos;
}

std::string SubjectOf(element payload, std::string_view kind) {
  for (const SubjectRule& rule : kSubjectRules) {
    if (rule.kind != kind) continue;
    std::string_view text = TextAt(payload, rule.path);
    for (const std::string_view prefix : {"refs/heads/", "refs/tags/"}) {
      if (rule.path == "ref" && text.starts_with(prefix)) text.remove_prefix(prefix.size());
    }
    const int64_t id = IdAt(payload, rule.path);
    std::string subject = text.empty() ? fmt::format("{}/{}", rule.plural, id)
                                       : fmt::format("{}/{}", rule.plural, text);
    if ((text.empty() && id == 0) || !IsEventText(subject)) return "";
    return subject;
  }
  return "";
}

int64_t FirstId(element payload, std::initializer_list<std::string_view> paths) {
  for (const std::string_view path : paths) {
    const int64_t id = IdAt(payload, path);
    if (id > 0) return id;
  }
  return 0;
}

void FillPlace(element payload, Event* event) {
  event->project_id =
      FirstId(payload, {"project_id", "project.id", "object_attributes.target_project_id",
                        "object_attributes.project_id"});
  if (event->project_id > 0) return;  // its ancestors are known better here than to the payload
  const int64_t group_id =
      FirstId(payload, {"group_id", "group.group_id", "group.id", "object_attributes.group_id"});
  if (group_id == 0) return;
  const int64_t parent_id = IdAt(payload, "parent_group_id");
  if (parent_id > 0) event->namespace_ids.push_back(parent_id);
  event->namespace_ids.push_back(group_id);
}

void FillActor(element payload, std::string_view kind, Event* event) {
  Actor& actor = event->actor;
  if (FindPath(payload, "user").has_value()) {
    actor.user_id = IdAt(payload, "user.id");
    actor.username = std::string(TextAt(payload, "user.username"));
    actor.bot = IsBotUser(actor.username, TextAt(payload, "user.user_type"));
  } else if (kind == "push" || kind == "tag_push" || kind == "repository_update") {
    // Elsewhere a top-level user_id is whom it happened to: the new member, the deleted user.
    actor.user_id = IdAt(payload, "user_id");
    actor.username = std::string(TextAt(payload, "user_username"));
    actor.bot = IsBotUser(actor.username, "");
  }
  if (!IsEventText(actor.username)) actor.username.clear();
}

// A pipeline's own events name it; whether a request of ours created it is found out later.
int64_t PipelineOf(element payload, std::string_view kind) {
  if (kind == "pipeline") return IdAt(payload, "object_attributes.id");
  if (kind == "build") return IdAt(payload, "pipeline_id");
  return 0;
}

absl::StatusOr<element> ParsePayload(std::string_view payload, simdjson::dom::parser* parser) {
  if (payload.size() > kEventDataBytesMax) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "the webhook payload has {} bytes; at most {} are allowed", payload.size(),
                 kEventDataBytesMax);
  }
  element root;
  // parse() copies into a padded buffer of its own.
  const simdjson::error_code error = parser->parse(payload.data(), payload.size()).get(root);
  if (error != simdjson::SUCCESS) {
    return NotJsonError("the webhook payload", payload, simdjson::error_message(error));
  }
  if (!root.is_object()) {
    return Error(absl::StatusCode::kInvalidArgument, "the webhook payload is not a JSON object");
  }
  return root;
}

}  // namespace

absl::StatusOr<Event> EventFromGitlabWebhook(std::string_view payload, const Catalogue& catalogue) {
  simdjson::dom::parser parser;
  CIEVENTS_ASSIGN_OR_RETURN(const element root, ParsePayload(payload, &parser));
  std::string_view kind = TextAt(root, "object_kind");
  if (kind.empty()) kind = TextAt(root, "event_name");
  if (kind.empty()) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "the webhook payload has neither object_kind nor event_name");
  }
  Event event;
  CIEVENTS_ASSIGN_OR_RETURN(event.names, NamesOfWebhook(root, kind, catalogue));
  FillPlace(root, &event);
  event.confidential = IsConfidentialPayload(root);
  FillActor(root, kind, &event);
  event.cause.pipeline_id = PipelineOf(root, kind);
  event.subject = SubjectOf(root, kind);
  event.data = std::string(payload);
  return event;
}

}  // namespace cievents
