#include "services/event_matcher/request_rows.h"

#include <map>
#include <string_view>
#include <utility>

#include "matcher/base/check.h"
#include "services/lib/base/sha256.h"
#include "services/lib/ci_yaml/parsed_file.h"

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

std::string InputsJson(const std::vector<matcher::InputBinding>& include_inputs,
                       const std::vector<matcher::InputBinding>& entry_inputs) {
  std::map<std::string_view, const matcher::InputBinding*> by_name;
  for (const matcher::InputBinding& input : include_inputs) by_name.emplace(input.name, &input);
  for (const matcher::InputBinding& input : entry_inputs) by_name.emplace(input.name, &input);
  std::vector<matcher::InputBinding> merged;
  for (const auto& [name, input] : by_name) merged.push_back(*input);
  return ci_yaml::InputsToJson(merged);
}

namespace {

store::RequestRow MakeRequestRow(const Event& event, const matcher::EventUid& uid,
                                 const matcher::Match& match) {
  const matcher::ProjectSubscriptions& project = *match.project;
  const matcher::Subscription& subscription = match.subscription_ref();
  store::RequestRow row;
  row.event_uid = uid;
  row.subscription_id = subscription.subscription_id;
  row.project_id = project.project_id;
  row.root_namespace_id = project.namespace_ids.empty() ? 0 : project.namespace_ids.front();
  row.path = subscription.path;
  row.ref = project.default_branch;
  row.commit_sha = project.commit_sha;
  row.workflow_id = subscription.workflow_id;
  row.event_name = event.names[match.name];
  row.entry = static_cast<int32_t>(match.entry);
  row.inputs_json =
      InputsJson(subscription.include_inputs, subscription.entries[match.entry].inputs);
  row.run_as_user_id = subscription.owner_user_id;
  return row;
}

}  // namespace

EventWrite MakeEventWrite(Event event, const matcher::EventUid& uid,
                          const std::vector<matcher::Match>& matches) {
  CIEVENTS_CHECK(!matches.empty());
  EventWrite write;
  for (const matcher::Match& match : matches) {
    write.requests.push_back(MakeRequestRow(event, uid, match));
  }
  const matcher::EventIdentity identity = IdentityOf(event);
  store::EventRow& row = write.event;
  row.uid = uid;
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
  return write;
}

}  // namespace cievents::event_matcher
