#include "services/lib/ci_yaml/entry_json.h"

#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {
namespace {

void WriteNumber(std::string_view key, int64_t value, JsonWriter* writer) {
  writer->Key(key);
  writer->Int(value);
}

void WriteScope(const matcher::Scope& scope, JsonWriter* writer) {
  switch (scope.kind) {
    case matcher::ScopeKind::kProject:
      writer->String("project");
      return;
    case matcher::ScopeKind::kGroup:
      writer->String("group");
      return;
    case matcher::ScopeKind::kInstance:
      writer->String("instance");
      return;
    case matcher::ScopeKind::kOtherProject:
      break;
  }
  writer->BeginObject();
  WriteNumber("project", scope.project_id, writer);
  writer->EndObject();
}

std::string_view WhenName(matcher::When when) {
  switch (when) {
    case matcher::When::kAlways:
      return "always";
    case matcher::When::kNever:
      return "never";
    case matcher::When::kOnSuccess:
      break;
  }
  return "on_success";
}

void WritePatterns(const std::vector<matcher::Pattern>& patterns, JsonWriter* writer) {
  writer->BeginArray();
  for (const matcher::Pattern& pattern : patterns) writer->String(pattern.text());
  writer->EndArray();
}

void WriteRules(const std::vector<matcher::RuleClause>& rules, Positions positions,
                JsonWriter* writer) {
  writer->BeginArray();
  for (const matcher::RuleClause& clause : rules) {
    const bool with_position = positions == Positions::kWith && clause.if_text.has_value();
    writer->BeginObject();
    if (with_position) WriteNumber("column", clause.if_position.column, writer);
    writer->Key("events");
    WritePatterns(clause.events, writer);
    if (clause.has_undecidable_part) {
      writer->Key("has_undecidable_part");
      writer->Bool(true);
    }
    if (clause.if_text.has_value()) {
      writer->Key("if");
      writer->String(*clause.if_text);
    }
    if (with_position) WriteNumber("line", clause.if_position.line, writer);
    writer->Key("when");
    writer->String(WhenName(clause.when));
    writer->EndObject();
  }
  writer->EndArray();
}

void WriteEntry(const matcher::Entry& entry, Positions positions, JsonWriter* writer) {
  const bool with_position = positions == Positions::kWith;
  writer->BeginObject();
  if (with_position) WriteNumber("column", entry.position.column, writer);
  writer->Key("confidential");
  writer->Bool(entry.confidential);
  writer->Key("inputs");
  WriteInputs(entry.inputs, positions, writer);
  if (with_position) WriteNumber("line", entry.position.line, writer);
  writer->Key("options");
  writer->Raw(entry.options_json);
  writer->Key("patterns");
  WritePatterns(entry.patterns, writer);
  if (entry.rules.has_value()) {
    writer->Key("rules");
    WriteRules(*entry.rules, positions, writer);
  }
  writer->Key("scope");
  WriteScope(entry.scope, writer);
  writer->EndObject();
}

}  // namespace

void WriteInputs(const std::vector<matcher::InputBinding>& inputs, Positions positions,
                 JsonWriter* writer) {
  writer->BeginArray();
  for (const matcher::InputBinding& input : inputs) {
    writer->BeginObject();
    if (positions == Positions::kWith) WriteNumber("column", input.position.column, writer);
    if (positions == Positions::kWith) WriteNumber("line", input.position.line, writer);
    writer->Key("name");
    writer->String(input.name);
    writer->Key("value");
    writer->Raw(input.value_json);
    writer->EndObject();
  }
  writer->EndArray();
}

void WriteEntries(const std::vector<matcher::Entry>& entries, Positions positions,
                  JsonWriter* writer) {
  writer->BeginArray();
  for (const matcher::Entry& entry : entries) WriteEntry(entry, positions, writer);
  writer->EndArray();
}

std::string EntriesToJson(const std::vector<matcher::Entry>& entries) {
  JsonWriter writer;
  WriteEntries(entries, Positions::kWith, &writer);
  return writer.Take();
}

std::string HoistedRulesToJson(const matcher::HoistedRules& rules) {
  JsonWriter writer;
  writer.BeginObject();
  if (rules.jobs.has_value()) {
    writer.Key("jobs");
    writer.BeginArray();
    for (const matcher::HoistedJob& job : *rules.jobs) {
      writer.BeginObject();
      writer.Key("lists");
      writer.BeginArray();
      for (const matcher::RuleList& list : job.lists) {
        WriteRules(list, Positions::kWithout, &writer);
      }
      writer.EndArray();
      writer.Key("name");
      writer.String(job.name);
      writer.EndObject();
    }
    writer.EndArray();
  }
  if (rules.workflow.has_value()) {
    writer.Key("workflow");
    WriteRules(*rules.workflow, Positions::kWithout, &writer);
  }
  writer.EndObject();
  return writer.Take();
}

std::string InputsToJson(const std::vector<matcher::InputBinding>& inputs) {
  JsonWriter writer;
  writer.BeginObject();
  for (const matcher::InputBinding& input : inputs) {
    writer.Key(input.name);
    writer.Raw(input.value_json);
  }
  writer.EndObject();
  return writer.Take();
}

}  // namespace cievents::ci_yaml
