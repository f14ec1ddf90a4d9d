#include "services/cli/print.h"

#include <fmt/format.h>

#include <cstdio>

#include "services/cli/terminal.h"
#include "services/lib/base/json_writer.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::cli {
namespace {

std::string LowerCaseTail(const std::string& name, size_t prefix_bytes) {
  std::string tail = name.substr(prefix_bytes);
  for (char& c : tail) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return tail;
}

void WriteIssue(const Issue& issue, JsonWriter* writer) {
  writer->BeginObject();
  writer->Key("file");
  writer->String(issue.file);
  writer->Key("line");
  writer->Int(issue.line);
  writer->Key("column");
  writer->Int(issue.column);
  writer->Key("severity");
  writer->String(SeverityName(issue.severity));
  writer->Key("code");
  writer->String(issue.code);
  writer->Key("message");
  writer->String(issue.message);
  writer->Key("suggestion");
  writer->String(issue.suggestion);
  writer->EndObject();
}

Issue DecodeIssue(const config::v1::Issue& message) {
  Issue issue;
  issue.severity = message.severity() == config::v1::SEVERITY_ERROR     ? Severity::kError
                   : message.severity() == config::v1::SEVERITY_WARNING ? Severity::kWarning
                                                                        : Severity::kInfo;
  issue.code = message.code();
  issue.file = message.file();
  issue.line = message.line();
  issue.column = message.column();
  issue.message = message.message();
  issue.suggestion = message.suggestion();
  return issue;
}

void WriteSubscription(const config::v1::Subscription& subscription, JsonWriter* writer) {
  writer->BeginObject();
  writer->Key("subscription_id");
  writer->Int(subscription.subscription_id());
  writer->Key("project_id");
  writer->Int(subscription.project_id());
  writer->Key("path");
  writer->String(subscription.path());
  writer->Strings("patterns", subscription.patterns());
  writer->Strings("conditions", subscription.conditions());
  writer->Key("inputs");
  writer->Raw(subscription.inputs_json().empty() ? "{}" : subscription.inputs_json());
  writer->Key("workflow_id");
  writer->String(subscription.workflow_id());
  writer->Key("entries");
  writer->Raw(subscription.entries_json().empty() ? "[]" : subscription.entries_json());
  writer->Key("suspended");
  writer->Bool(subscription.suspended());
  writer->EndObject();
}

std::string OutcomeName(const events::v1::EventOutcome& outcome) {
  return LowerCaseTail(events::v1::OutcomeKind_Name(outcome.kind()), sizeof("OUTCOME_KIND_") - 1);
}

std::string AckName(const events::v1::EventOutcome& outcome) {
  if (outcome.ack() == events::v1::ACK_LEVEL_UNSPECIFIED) return "none";
  return LowerCaseTail(events::v1::AckLevel_Name(outcome.ack()), sizeof("ACK_LEVEL_") - 1);
}

}  // namespace

std::string ResultName(config::v1::PushResult result) {
  return LowerCaseTail(config::v1::PushResult_Name(result), sizeof("PUSH_RESULT_") - 1);
}

std::string PushToJson(const config::v1::PushConfigResponse& response) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("result");
  writer.String(ResultName(response.result()));
  writer.Key("added");
  writer.Int(response.added());
  writer.Key("updated");
  writer.Int(response.updated());
  writer.Key("removed");
  writer.Int(response.removed());
  writer.Key("push_sequence");
  writer.Int(response.push_sequence());
  writer.Key("issues");
  writer.BeginArray();
  for (const auto& issue : response.issues()) WriteIssue(DecodeIssue(issue), &writer);
  writer.EndArray();
  writer.Key("subscriptions");
  writer.BeginArray();
  for (const auto& subscription : response.subscriptions()) {
    WriteSubscription(subscription, &writer);
  }
  writer.EndArray();
  writer.EndObject();
  return writer.Take();
}

void PrintIssue(const Issue& issue) {
  std::printf("%s\n", Printable(FormatIssue(issue)).c_str());
  if (!issue.suggestion.empty()) {
    std::printf("    suggestion: %s\n", Printable(issue.suggestion).c_str());
  }
}

void PrintPush(const config::v1::PushConfigResponse& response) {
  for (const auto& message : response.issues()) {
    const Issue issue = DecodeIssue(message);
    PrintIssue(issue);
  }
  if (response.issues_left_out() > 0) {
    std::printf("... and %d more issues\n", response.issues_left_out());
  }
  std::printf("%s: %d added, %d updated, %d removed; %d live (sequence %lld)\n",
              ResultName(response.result()).c_str(), response.added(), response.updated(),
              response.removed(), response.subscriptions_size() + response.subscriptions_left_out(),
              static_cast<long long>(response.push_sequence()));
}

std::string SubscriptionToJson(const config::v1::Subscription& subscription) {
  JsonWriter writer;
  WriteSubscription(subscription, &writer);
  return writer.Take();
}

const std::vector<std::string> kSubscriptionHeader = {"ID",       "PROJECT",    "PATH",
                                                      "PATTERNS", "CONDITIONS", "INPUTS"};

namespace {

// What the include fixed, then what each entry gives.
std::string InputsOf(const config::v1::Subscription& subscription) {
  std::string text = subscription.inputs_json();
  const auto entries = ci_yaml::EntriesFromJson(subscription.entries_json());
  if (!entries.ok()) return text;
  for (const matcher::Entry& entry : *entries) {
    if (entry.inputs.empty()) continue;
    if (text == "{}") text.clear();
    text += (text.empty() ? "" : "; ") + ci_yaml::InputsToJson(entry.inputs);
  }
  return text;
}

}  // namespace

std::vector<std::string> SubscriptionRow(const config::v1::Subscription& subscription) {
  return {fmt::format("{}", subscription.subscription_id()),
          fmt::format("{}", subscription.project_id()),
          subscription.path(),
          fmt::format("{}", fmt::join(subscription.patterns(), ", ")),
          fmt::format("{}", fmt::join(subscription.conditions(), "; ")),
          InputsOf(subscription)};
}

std::string OutcomeToJson(const events::v1::Event& event, const events::v1::EventOutcome& outcome) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("id");
  writer.String(event.id());
  writer.Key("outcome");
  writer.String(OutcomeName(outcome));
  writer.Strings("names", event.names());
  writer.Key("matched");
  if (outcome.has_matched_count()) {
    writer.Int(outcome.matched_count());
  } else {
    writer.Null();
  }
  writer.Key("failed_payload");
  writer.Int(outcome.failed_payload_count());
  writer.Key("suspended");
  writer.Int(outcome.suspended_count());
  writer.Key("filtered_by_rules");
  writer.Int(outcome.filtered_by_rules_count());
  writer.Key("ack");
  writer.String(AckName(outcome));
  writer.Key("event_uid");
  writer.String(outcome.event_uid());
  writer.Key("reason");
  writer.String(outcome.reason() == events::v1::OUTCOME_REASON_UNSPECIFIED
                    ? ""
                    : LowerCaseTail(events::v1::OutcomeReason_Name(outcome.reason()),
                                    sizeof("OUTCOME_REASON_") - 1));
  writer.Key("message");
  writer.String(outcome.message());
  writer.EndObject();
  return writer.Take();
}

namespace {

// The message, and what kept subscriptions from firing.
std::string Notes(const events::v1::EventOutcome& outcome) {
  std::string text = outcome.message();
  const auto add = [&text](int32_t count, const char* what) {
    if (count == 0) return;
    text += fmt::format("{}{} {}", text.empty() ? "" : "; ", count, what);
  };
  add(outcome.failed_payload_count(), "could not be evaluated: the payload is not valid JSON");
  add(outcome.suspended_count(), "suspended");
  add(outcome.filtered_by_rules_count(), "filtered by the rules of their CI file");
  return text;
}

}  // namespace

const std::vector<std::string> kOutcomeHeader = {"EVENT", "OUTCOME", "MATCHED", "ACK", "MESSAGE"};

std::vector<std::string> OutcomeRow(const events::v1::Event& event,
                                    const events::v1::EventOutcome& outcome) {
  return {fmt::format("{}", fmt::join(event.names(), ", ")), OutcomeName(outcome),
          outcome.has_matched_count() ? fmt::format("{}", outcome.matched_count()) : "-",
          AckName(outcome), Notes(outcome)};
}

std::string RequestToJson(const pipelines::v1::PipelineRequest& request) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("request_id");
  writer.String(request.request_id());
  writer.Key("event_id");
  writer.String(request.event_id());
  writer.Key("event_name");
  writer.String(request.event_name());
  writer.Strings("event_names", request.event_names());
  writer.Key("project_id");
  writer.Int(request.project_id());
  writer.Key("subscription_id");
  writer.Int(request.subscription_id());
  writer.Key("path");
  writer.String(request.path());
  writer.Key("ref");
  writer.String(request.ref());
  writer.Key("commit_sha");
  writer.String(request.commit_sha());
  writer.Key("inputs");
  writer.Raw(request.inputs_json().empty() ? "{}" : request.inputs_json());
  writer.Key("state");
  writer.String(request.state());
  writer.Key("workflow_id");
  writer.String(request.workflow_id());
  writer.Key("run_as_user_id");
  writer.Int(request.run_as_user_id());
  writer.Key("attempt");
  writer.Int(request.attempt());
  writer.Key("pipeline_id");
  if (request.pipeline_id() != 0) {
    writer.Int(request.pipeline_id());
  } else {
    writer.Null();
  }
  writer.Key("reason");
  writer.String(request.reason());
  writer.EndObject();
  return writer.Take();
}

const std::vector<std::string> kRequestHeader = {"REQUEST", "EVENT",  "PROJECT",
                                                 "PATH",    "INPUTS", "STATE"};

std::vector<std::string> RequestRow(const pipelines::v1::PipelineRequest& request) {
  std::string state = request.state();
  if (request.pipeline_id() != 0) state += fmt::format(" (pipeline {})", request.pipeline_id());
  if (!request.reason().empty()) state += fmt::format(" ({})", Printable(request.reason()));
  return {request.request_id(), request.event_name(),  fmt::format("{}", request.project_id()),
          request.path(),       request.inputs_json(), state};
}

std::string LintToJson(const std::vector<Issue>& issues, size_t subscriptions) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("issues");
  writer.BeginArray();
  for (const Issue& issue : issues) WriteIssue(issue, &writer);
  writer.EndArray();
  writer.Key("subscriptions");
  writer.Int(static_cast<int64_t>(subscriptions));
  writer.EndObject();
  return writer.Take();
}

}  // namespace cievents::cli
