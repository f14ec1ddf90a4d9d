#include "services/cli/explain_print.h"

#include <fmt/format.h>

#include <cctype>
#include <string_view>

#include "services/cli/terminal.h"
#include "services/lib/base/json_writer.h"

namespace cievents::cli {
namespace {

using admin::v1::ClauseVerdict;
using admin::v1::EntryVerdict;
using admin::v1::ExplainEventResponse;
using admin::v1::HoistedRulesVerdict;
using admin::v1::RuleListVerdict;
using admin::v1::SubscriptionVerdict;

// The text shows so much of a value; the JSON has it all.
constexpr size_t kShownValueBytesMax = 200;

// `VERDICT_TRUE` without its first `prefix_bytes`, in small letters.
std::string Tail(const std::string& name, size_t prefix_bytes) {
  std::string tail = name.substr(prefix_bytes);
  for (char& c : tail) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return tail;
}
std::string NameOf(admin::v1::Verdict verdict) {
  return Tail(admin::v1::Verdict_Name(verdict), sizeof("VERDICT_") - 1);
}
std::string NameOf(admin::v1::EntryOutcome outcome) {
  return Tail(admin::v1::EntryOutcome_Name(outcome), sizeof("ENTRY_OUTCOME_") - 1);
}
std::string NameOf(admin::v1::SubscriptionOutcome outcome) {
  return Tail(admin::v1::SubscriptionOutcome_Name(outcome), sizeof("SUBSCRIPTION_OUTCOME_") - 1);
}

void WriteClause(const ClauseVerdict& clause, JsonWriter* writer) {
  writer->BeginObject();
  writer->Key("if");
  if (clause.has_condition()) {
    writer->String(clause.condition());
  } else {
    writer->Null();
  }
  writer->Strings("events", clause.events());
  writer->Key("when");
  writer->String(clause.when());
  writer->Key("verdict");
  writer->String(NameOf(clause.verdict()));
  if (clause.has_undecidable_part()) {
    writer->Key("has_undecidable_part");
    writer->Bool(true);
  }
  writer->Key("operands");
  writer->BeginArray();
  for (const auto& operand : clause.operands()) {
    writer->BeginObject();
    writer->Key("text");
    writer->String(operand.text());
    writer->Key("value");
    writer->String(operand.value());
    writer->EndObject();
  }
  writer->EndArray();
  writer->EndObject();
}

void WriteEntry(const EntryVerdict& entry, JsonWriter* writer) {
  writer->BeginObject();
  writer->Key("entry");
  writer->Int(entry.entry());
  writer->Key("line");
  writer->Int(entry.line());
  writer->Key("column");
  writer->Int(entry.column());
  writer->Strings("patterns", entry.patterns());
  writer->Key("outcome");
  writer->String(NameOf(entry.outcome()));
  writer->Key("event_name");
  writer->String(entry.event_name());
  writer->Key("clauses");
  writer->BeginArray();
  for (const ClauseVerdict& clause : entry.clauses()) WriteClause(clause, writer);
  writer->EndArray();
  writer->EndObject();
}

void WriteList(const RuleListVerdict& list, JsonWriter* writer) {
  writer->BeginObject();
  writer->Key("lets_run");
  writer->Bool(list.lets_run());
  writer->Key("clauses");
  writer->BeginArray();
  for (const ClauseVerdict& clause : list.clauses()) WriteClause(clause, writer);
  writer->EndArray();
  writer->EndObject();
}

void WriteHoistedRules(const HoistedRulesVerdict& rules, JsonWriter* writer) {
  writer->BeginObject();
  writer->Key("workflow");
  if (rules.has_workflow()) {
    WriteList(rules.workflow(), writer);
  } else {
    writer->Null();
  }
  writer->Key("jobs");
  writer->BeginArray();
  for (const auto& job : rules.jobs()) {
    writer->BeginObject();
    writer->Key("name");
    writer->String(job.name());
    writer->Key("could_run");
    writer->Bool(job.could_run());
    writer->Key("lists");
    writer->BeginArray();
    for (const RuleListVerdict& list : job.lists()) WriteList(list, writer);
    writer->EndArray();
    writer->EndObject();
  }
  writer->EndArray();
  writer->Key("jobs_left_out");
  writer->Int(rules.jobs_left_out_count());
  writer->EndObject();
}

void WriteVerdict(const SubscriptionVerdict& verdict, JsonWriter* writer) {
  writer->BeginObject();
  writer->Key("subscription_id");
  writer->Int(verdict.subscription_id());
  writer->Key("project_id");
  writer->Int(verdict.project_id());
  writer->Key("path");
  writer->String(verdict.path());
  writer->Key("outcome");
  writer->String(NameOf(verdict.outcome()));
  writer->Key("near_miss");
  writer->Bool(verdict.near_miss());
  writer->Key("reason");
  writer->String(verdict.reason());
  writer->Key("inputs");
  if (verdict.inputs_json().empty()) {
    writer->Null();
  } else {
    writer->Raw(verdict.inputs_json());
  }
  writer->Key("entries");
  writer->BeginArray();
  for (const EntryVerdict& entry : verdict.entries()) WriteEntry(entry, writer);
  writer->EndArray();
  writer->Key("hoisted_rules");
  if (verdict.has_hoisted_rules()) {
    WriteHoistedRules(verdict.hoisted_rules(), writer);
  } else {
    writer->Null();
  }
  writer->EndObject();
}

void WriteRecorded(const ExplainEventResponse& response, JsonWriter* writer) {
  writer->Key("recorded");
  if (!response.has_recorded()) {
    writer->Null();
    return;
  }
  const admin::v1::RecordedDecision& recorded = response.recorded();
  writer->BeginObject();
  writer->Key("subscription_id");
  writer->Int(recorded.subscription_id());
  writer->Key("commit_sha");
  writer->String(recorded.commit_sha());
  writer->Key("workflow_id");
  writer->String(recorded.workflow_id());
  writer->Key("current_commit_sha");
  writer->String(recorded.current_commit_sha());
  writer->Key("current_workflow_id");
  writer->String(recorded.current_workflow_id());
  writer->Key("changed_since");
  writer->Bool(recorded.changed_since());
  writer->EndObject();
}

std::string Shown(const std::string& value) {
  if (value.size() <= kShownValueBytesMax) return Printable(value);
  size_t end = kShownValueBytesMax;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;
  return fmt::format("{}... ({} bytes)", Printable(value.substr(0, end)), value.size());
}

// A sentence for each outcome of a subscription.
std::string_view Headline(const SubscriptionVerdict& verdict) {
  switch (verdict.outcome()) {
    case admin::v1::SUBSCRIPTION_OUTCOME_FIRES:
      return "FIRES";
    case admin::v1::SUBSCRIPTION_OUTCOME_FAILED_INPUT:
      return "FAILED INPUT (a request that ends at once)";
    case admin::v1::SUBSCRIPTION_OUTCOME_FAILED_PAYLOAD:
      return "FAILED PAYLOAD (a condition could not be evaluated)";
    case admin::v1::SUBSCRIPTION_OUTCOME_SUSPENDED:
      return "SUSPENDED (it would fire)";
    case admin::v1::SUBSCRIPTION_OUTCOME_BEFORE_CREATION:
      return "TOO OLD (the event is older than the subscription, which would fire)";
    case admin::v1::SUBSCRIPTION_OUTCOME_FILTERED_BY_RULES:
      return "FILTERED (an entry decides, but the rules of the CI file let nothing run)";
    default:
      return verdict.near_miss() ? "NEAR MISS" : "does not fire";
  }
}

std::string_view Sentence(const EntryVerdict& entry) {
  switch (entry.outcome()) {
    case admin::v1::ENTRY_OUTCOME_DECIDES:
      return "this entry decides";
    case admin::v1::ENTRY_OUTCOME_OTHER_NAME:
      return "no name of the event matches";
    case admin::v1::ENTRY_OUTCOME_OUT_OF_SCOPE:
      return "the event happened outside its scope";
    case admin::v1::ENTRY_OUTCOME_CONFIDENTIAL:
      return "the event is confidential, and the entry does not say `confidential: true`";
    case admin::v1::ENTRY_OUTCOME_DENIED:
      return "its rules do not allow it";
    case admin::v1::ENTRY_OUTCOME_FAILED:
      return "a condition could not be evaluated";
    case admin::v1::ENTRY_OUTCOME_NOT_REACHED:
      return "not reached: an earlier entry decided";
    default:
      return "";
  }
}

void AppendClause(const ClauseVerdict& clause, std::string* text) {
  std::string what;
  if (clause.has_condition()) what = "if: " + Printable(clause.condition());
  if (clause.events_size() > 0) {
    what += fmt::format("{}events: {}", what.empty() ? "" : "; ", fmt::join(clause.events(), ", "));
  }
  if (clause.has_undecidable_part()) {
    what +=
        fmt::format("{}a part that is known at pipeline creation only", what.empty() ? "" : "; ");
  }
  if (what.empty()) what = "(no condition)";
  if (clause.when() != "on_success") what += fmt::format("; when: {}", clause.when());
  *text += fmt::format("      {}  -> {}\n", what, NameOf(clause.verdict()));
  for (const auto& operand : clause.operands()) {
    *text += fmt::format("          {} = {}\n", Printable(operand.text()), Shown(operand.value()));
  }
}

void AppendList(const RuleListVerdict& list, std::string* text) {
  for (const ClauseVerdict& clause : list.clauses()) AppendClause(clause, text);
  if (list.clauses().empty()) *text += "      (no clause: nothing is let through)\n";
}

void AppendHoistedRules(const HoistedRulesVerdict& rules, std::string* text) {
  if (rules.has_workflow()) {
    *text += fmt::format("  rules of `workflow`\n    {}\n", rules.workflow().lets_run()
                                                                ? "they let the event through"
                                                                : "none lets the event through");
    AppendList(rules.workflow(), text);
  }
  for (const auto& job : rules.jobs()) {
    *text += fmt::format("  rules of job {}\n    {}\n", Printable(job.name()),
                         job.could_run() ? "it could run" : "it cannot run");
    for (const RuleListVerdict& list : job.lists()) AppendList(list, text);
  }
  if (rules.jobs_left_out_count() > 0) {
    *text += fmt::format("  {} jobs more cannot run\n", rules.jobs_left_out_count());
  }
}

void AppendVerdict(const SubscriptionVerdict& verdict, std::string* text) {
  *text += fmt::format("\n{}: subscription {} of project {}, {}\n", Headline(verdict),
                       verdict.subscription_id(), verdict.project_id(), Printable(verdict.path()));
  if (!verdict.reason().empty()) *text += fmt::format("  why: {}\n", Printable(verdict.reason()));
  if (!verdict.inputs_json().empty() && verdict.inputs_json() != "{}") {
    *text += fmt::format("  inputs: {}\n", Shown(verdict.inputs_json()));
  }
  for (const EntryVerdict& entry : verdict.entries()) {
    *text += fmt::format("  entry {}{}: {}\n", entry.entry() + 1,
                         entry.line() > 0 ? fmt::format(" (line {})", entry.line()) : "",
                         fmt::join(entry.patterns(), ", "));
    *text += fmt::format("    {}{}\n", Sentence(entry),
                         entry.event_name().empty() ? "" : ": " + entry.event_name());
    for (const ClauseVerdict& clause : entry.clauses()) AppendClause(clause, text);
  }
  if (verdict.has_hoisted_rules()) AppendHoistedRules(verdict.hoisted_rules(), text);
}

void AppendRecorded(const admin::v1::RecordedDecision& recorded, std::string* text) {
  if (recorded.current_workflow_id().empty()) {
    *text += "the subscription has ended since: it is not among the verdicts\n";
  } else if (recorded.changed_since()) {
    *text += fmt::format(
        "the subscription has changed since (commit {} then, {} now): its verdict may differ from "
        "what was decided\n",
        recorded.commit_sha(), recorded.current_commit_sha());
  } else if (recorded.commit_sha() != recorded.current_commit_sha()) {
    *text += fmt::format(
        "the project was pushed since (commit {} then, {} now); the entries of the "
        "subscription are the same\n",
        recorded.commit_sha(), recorded.current_commit_sha());
  }
}

}  // namespace

std::string ExplanationToJson(const ExplainEventResponse& response) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("event");
  writer.BeginObject();
  writer.Key("id");
  writer.String(response.event().id());
  writer.Key("source");
  writer.String(response.event().source());
  writer.Strings("names", response.event().names());
  writer.Key("project_id");
  writer.Int(response.event().project_id());
  writer.EndObject();
  WriteRecorded(response, &writer);
  writer.Key("verdicts");
  writer.BeginArray();
  for (const SubscriptionVerdict& verdict : response.verdicts()) WriteVerdict(verdict, &writer);
  writer.EndArray();
  writer.Key("left_out");
  writer.Int(response.left_out_count());
  writer.EndObject();
  return writer.Take();
}

std::string ExplanationToText(const ExplainEventResponse& response) {
  std::string text = fmt::format("event {} ({})", fmt::join(response.event().names(), ", "),
                                 Printable(response.event().id()));
  text += response.event().project_id() == 0
              ? "\n"
              : fmt::format(" of project {}\n", response.event().project_id());
  if (response.has_recorded()) AppendRecorded(response.recorded(), &text);
  if (response.verdicts_size() == 0) {
    text += "no subscription listens to it\n";
  }
  for (const SubscriptionVerdict& verdict : response.verdicts()) AppendVerdict(verdict, &text);
  if (response.left_out_count() > 0) {
    text += fmt::format("\n{} further subscriptions are left out: use --project-id or --limit\n",
                        response.left_out_count());
  }
  return text;
}

}  // namespace cievents::cli
