#include "services/config_ingest/config_door.h"

#include <charconv>
#include <utility>

#include "matcher/base/status.h"
#include "services/lib/base/grpc_status.h"
#include "services/lib/base/log.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::config_ingest {
namespace {

namespace wire = cievents::config::v1;

// A page stays well under the 4 MiB that clients take: entries and patterns stand in it twice.
constexpr size_t kPageBytesMax = 1024 * 1024;
constexpr size_t kIssuesBytesMax = 1024 * 1024;

size_t EncodedBytes(const store::StoredSubscription& row) {
  return row.entries_json.size() + row.inputs_json.size() + row.path.size() + 256;
}

Push DecodePush(const wire::PushConfigRequest& request) {
  Push push;
  push.project_id = request.project_id();
  push.namespace_ids.assign(request.namespace_ids().begin(), request.namespace_ids().end());
  push.project_path = request.project_path();
  push.ref = request.ref();
  push.default_branch = request.default_branch();
  push.ci_config_path = request.ci_config_path();
  push.commit_sha = request.commit_sha();
  push.push_sequence = request.push_sequence();
  push.run_as_user_id = request.run_as_user_id();
  push.permissions.group = request.permissions().group_scope();
  push.permissions.instance = request.permissions().instance_scope();
  push.permissions.project_ids.assign(request.permissions().project_ids().begin(),
                                      request.permissions().project_ids().end());
  push.permissions.confidential = request.permissions().allow_confidential();
  push.has_manifest = request.has_manifest();
  for (const wire::ManifestEntry& entry : request.manifest()) {
    push.manifest.push_back({entry.path(), entry.blob_id()});
  }
  for (const wire::FileContent& file : request.files()) {
    push.contents[file.path()] = file.content();
  }
  push.previous_commit_sha = request.previous_commit_sha();
  push.changed_paths.assign(request.changed_paths().begin(), request.changed_paths().end());
  push.dry_run = request.dry_run();
  return push;
}

wire::PushResult EncodeResult(PushResult result) {
  switch (result) {
    case PushResult::kApplied:
      return wire::PUSH_RESULT_APPLIED;
    case PushResult::kAppliedWithErrors:
      return wire::PUSH_RESULT_APPLIED_WITH_ERRORS;
    case PushResult::kValidated:
      return wire::PUSH_RESULT_VALIDATED;
    case PushResult::kUnchanged:
      return wire::PUSH_RESULT_UNCHANGED;
    case PushResult::kStale:
      return wire::PUSH_RESULT_STALE;
    case PushResult::kInvalid:
      return wire::PUSH_RESULT_INVALID;
    case PushResult::kNeedsContent:
      return wire::PUSH_RESULT_NEEDS_CONTENT;
    case PushResult::kNeedsManifest:
      return wire::PUSH_RESULT_NEEDS_MANIFEST;
  }
  return wire::PUSH_RESULT_UNSPECIFIED;
}

wire::Severity EncodeSeverity(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return wire::SEVERITY_INFO;
    case Severity::kWarning:
      return wire::SEVERITY_WARNING;
    case Severity::kError:
      return wire::SEVERITY_ERROR;
  }
  return wire::SEVERITY_UNSPECIFIED;
}

void EncodeIssue(const Issue& issue, wire::Issue* message) {
  message->set_severity(EncodeSeverity(issue.severity));
  message->set_code(issue.code);
  message->set_file(issue.file);
  message->set_line(issue.line);
  message->set_column(issue.column);
  message->set_message(issue.message);
  message->set_suggestion(issue.suggestion);
}

void EncodeSubscription(int64_t project_id, const store::StoredSubscription& row,
                        wire::Subscription* message) {
  message->set_subscription_id(row.subscription_id);
  message->set_project_id(project_id);
  message->set_path(row.path);
  message->set_inputs_json(row.inputs_json);
  message->set_workflow_id(row.workflow_id);
  message->set_entries_json(row.entries_json);
  const auto entries = ci_yaml::EntriesFromJson(row.entries_json);
  if (!entries.ok()) return;  // the matcher logs it; the row is shown as it stands
  for (const matcher::Entry& entry : *entries) {
    for (const matcher::Pattern& pattern : entry.patterns) message->add_patterns(pattern.text());
    if (!entry.rules.has_value()) continue;
    for (const matcher::RuleClause& clause : *entry.rules) {
      if (clause.if_text.has_value()) message->add_conditions(*clause.if_text);
    }
  }
}

void EncodeAnswer(int64_t project_id, const PushAnswer& answer,
                  wire::PushConfigResponse* response) {
  response->set_result(EncodeResult(answer.result));
  response->set_added(answer.added);
  response->set_updated(answer.updated);
  response->set_removed(answer.removed);
  size_t bytes = 0;
  for (const Issue& issue : answer.issues) {
    bytes += issue.message.size() + issue.suggestion.size() + issue.file.size() + 64;
    if (bytes > kIssuesBytesMax) break;
    EncodeIssue(issue, response->add_issues());
  }
  response->set_issues_left_out(static_cast<int>(answer.issues.size()) - response->issues_size());
  for (const std::string& path : answer.needs_content) response->add_needs_content(path);
  bytes = 0;
  for (const store::StoredSubscription& row : answer.subscriptions) {
    bytes += EncodedBytes(row);
    if (bytes > kPageBytesMax) break;
    EncodeSubscription(project_id, row, response->add_subscriptions());
  }
  response->set_subscriptions_left_out(static_cast<int>(answer.subscriptions.size()) -
                                       response->subscriptions_size());
  response->set_push_sequence(answer.push_sequence);
}

}  // namespace

grpc::Status ConfigDoor::PushConfig(grpc::ServerContext*, const wire::PushConfigRequest* request,
                                    wire::PushConfigResponse* response) {
  const absl::StatusOr<PushAnswer> answer = handler_.Handle(DecodePush(*request));
  if (!answer.ok()) return ToGrpcStatus(answer.status());
  EncodeAnswer(request->project_id(), *answer, response);
  LogInfo("push handled", {{"meta.project_id", request->project_id()},
                           {"result", PushResultName(answer->result)},
                           {"push_sequence", answer->push_sequence},
                           {"added", answer->added},
                           {"updated", answer->updated},
                           {"removed", answer->removed},
                           {"issues", answer->issues.size()}});
  return grpc::Status::OK;
}

grpc::Status ConfigDoor::ListSubscriptions(grpc::ServerContext*,
                                           const wire::ListSubscriptionsRequest* request,
                                           wire::ListSubscriptionsResponse* response) {
  const int page_size = request->page_size() == 0 ? 100 : request->page_size();
  if (page_size < 1 || page_size > 1000) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "page_size must be 1 to 1000"};
  }
  int64_t after = 0;
  const std::string& token = request->page_token();
  if (!token.empty()) {
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), after);
    if (error != std::errc() || end != token.data() + token.size() || after <= 0) {
      return {grpc::StatusCode::INVALID_ARGUMENT,
              "page_token is not one that this method gave: start again without it"};
    }
  }
  std::optional<int64_t> project_id;
  if (request->project_id() != 0) project_id = request->project_id();
  const auto rows = store_.ListSubscriptions(project_id, after, page_size);
  if (!rows.ok()) return ToGrpcStatus(rows.status());
  size_t bytes = 0;
  for (const store::SubscriptionListing& row : *rows) {
    bytes += EncodedBytes(row.subscription);
    if (response->subscriptions_size() > 0 && bytes > kPageBytesMax) break;
    EncodeSubscription(row.project_id, row.subscription, response->add_subscriptions());
    response->mutable_subscriptions()->rbegin()->set_suspended(row.suspended);
  }
  const bool cut = response->subscriptions_size() < static_cast<int>(rows->size());
  if (cut || static_cast<int>(rows->size()) == page_size) {
    const auto& last = response->subscriptions(response->subscriptions_size() - 1);
    response->set_next_page_token(std::to_string(last.subscription_id()));
  }
  return grpc::Status::OK;
}

}  // namespace cievents::config_ingest
