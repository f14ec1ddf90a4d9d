#include "services/event_matcher/request_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "services/lib/base/sha256.h"

namespace cievents::event_matcher {

matcher::EventIdentity IdentityOf(const Event& event) {
  using Kind = matcher::EventIdentity::Kind;
  matcher::EventIdentity identity{Kind::kInstance, 0, event.source, event.id};
  if (event.project_id != 0) {
    identity.kind = Kind::kProject;
    identity.id = event.project_id;
  } else if (!event.namespace_ids.empty()) {
    identity.kind = Kind::kGroup;
    identity.id = event.namespace_ids.back();
  }
  return identity;
}

matcher::EventUid UidOf(const Event& event) {
  if (event.retries == Retries::kMayChangeTime) {
    return matcher::MakeKeyedEventUid(event.received_time_ms, IdentityOf(event), &Sha256);
  }
  return matcher::MakeEventUid(event.time_ms, IdentityOf(event), &Sha256);
}

matcher::EventView ViewOf(const Event& event) {
  matcher::EventView view;
  view.names = event.names;
  view.project_id = event.project_id;
  view.namespace_ids = event.namespace_ids;
  view.confidential = event.confidential;
  view.time_ms = event.time_ms;
  view.replayed = event.replayed;
  view.id = event.id;
  view.source = event.source;
  view.type = event.type;
  view.subject = event.subject;
  view.actor_user_id = event.actor.user_id;
  view.actor_username = event.actor.username;
  view.actor_access_level = event.actor.access_level;
  view.actor_bot = event.actor.bot;
  view.payload = event.data;
  return view;
}

namespace {

// At most kEndReasonBytesMax bytes, cut between characters, without NUL, which Postgres refuses.
std::string Reason(std::string text) {
  std::replace(text.begin(), text.end(), '\0', ' ');
  if (text.size() <= kEndReasonBytesMax) return text;
  size_t end = kEndReasonBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text;
}

void ResolveInputs(const matcher::Match& match, store::RequestRow* row) {
  std::string reason;
  if (!match.ResolveInputs(&row->inputs_json, &reason)) {
    row->end = store::RequestEnd::kFailedInput;
    row->end_reason = Reason(std::move(reason));
    if (row->end_reason.empty()) row->end_reason = "an input does not fit";
  }
  if (row->inputs_json.size() > kRequestInputsBytesMax) {
    row->end = store::RequestEnd::kFailedInput;
    row->end_reason = fmt::format(
        "the inputs have {} bytes together; a request takes at most {}: pass less of "
        "the event, or `truncate` it",
        row->inputs_json.size(), kRequestInputsBytesMax);
    row->inputs_json = "{}";
  }
  if (row->inputs_json.empty()) row->inputs_json = "{}";
}

}  // namespace

store::RequestRow MakeRequestRow(const Event& event, const matcher::EventUid& uid,
                                 const matcher::Match& match) {
  store::RequestRow row;
  row.event_uid = uid;
  row.subscription_id = match.subscription_id();
  row.project_id = match.project_id();
  row.root_namespace_id = match.root_namespace_id();
  row.path = match.path();
  row.ref = match.ref();
  row.commit_sha = match.commit_sha();
  row.workflow_id = match.workflow_id();
  row.event_name = event.names[match.name()];
  row.entry = static_cast<int32_t>(match.entry());
  row.run_as_user_id = match.owner_user_id();
  ResolveInputs(match, &row);
  return row;
}

store::EventRow MakeEventRow(Event event, const matcher::EventUid& uid) {
  const matcher::EventIdentity identity = IdentityOf(event);
  store::EventRow row;
  row.uid = uid;
  row.keyed = event.retries == Retries::kMayChangeTime;
  row.identity_kind = static_cast<int16_t>(identity.kind);
  row.identity_id = identity.id;
  row.root_namespace_id = event.namespace_ids.empty() ? 0 : event.namespace_ids.front();
  row.data_digest = Sha256(event.data);
  row.source = std::move(event.source);
  row.event_id = std::move(event.id);
  row.names = std::move(event.names);
  row.project_id = event.project_id;
  row.time_ms = event.time_ms;
  row.received_time_ms = event.received_time_ms;
  row.confidential = event.confidential;
  row.actor_user_id = event.actor.user_id;
  row.actor_username = std::move(event.actor.username);
  row.actor_access_level = event.actor.access_level;
  row.actor_bot = event.actor.bot;
  row.cause_request_id = std::move(event.cause.request_id);
  row.cause_pipeline_id = event.cause.pipeline_id;
  row.subject = std::move(event.subject);
  row.data_schema = std::move(event.data_schema);
  row.data = std::move(event.data);
  row.traceparent = std::move(event.traceparent);
  row.correlation_id = std::move(event.correlation_id);
  row.type = std::move(event.type);
  row.extensions_json = std::move(event.extensions_json);
  return row;
}

}  // namespace cievents::event_matcher
