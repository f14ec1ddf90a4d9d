#include "services/lib/ci_yaml/entry_json.h"

#include <fmt/format.h>

#include "services/lib/ci_yaml/json_reading.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {
namespace {

namespace ondemand = simdjson::ondemand;

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

std::vector<matcher::Pattern> ReadPatterns(ondemand::value value) {
  std::vector<matcher::Pattern> patterns;
  for (auto item : value.get_array()) {
    auto pattern = matcher::Pattern::Parse(std::string_view(item.get_string()));
    if (!pattern.ok()) throw Malformed(std::string(pattern.status().message()));
    patterns.push_back(*std::move(pattern));
  }
  return patterns;
}

matcher::Scope ReadScope(ondemand::value value) {
  using matcher::ScopeKind;
  if (value.type().value() == ondemand::json_type::object) {
    return {ScopeKind::kOtherProject, value.find_field("project").get_int64()};
  }
  const std::string name = ReadString(value);
  if (name == "project") return {ScopeKind::kProject, 0};
  if (name == "group") return {ScopeKind::kGroup, 0};
  if (name == "instance") return {ScopeKind::kInstance, 0};
  throw Malformed("an unknown scope: " + name);
}

matcher::When ReadWhen(ondemand::value value) {
  const std::string name = ReadString(value);
  if (name == "always") return matcher::When::kAlways;
  if (name == "never") return matcher::When::kNever;
  if (name == "on_success") return matcher::When::kOnSuccess;
  throw Malformed("an unknown `when`: " + name);
}

matcher::RuleClause ReadClause(ondemand::value value) {
  matcher::RuleClause clause;
  ReadObject(value.get_object(), [&clause](std::string_view key, ondemand::value item) {
    if (key == "if") {
      clause.if_text = ReadString(item);
    } else if (key == "events") {
      clause.events = ReadPatterns(item);
    } else if (key == "has_undecidable_part") {
      clause.has_undecidable_part = item.get_bool();
    } else if (key == "when") {
      clause.when = ReadWhen(item);
    } else if (key == "line") {
      clause.if_position.line = ReadInt(item);
    } else if (key == "column") {
      clause.if_position.column = ReadInt(item);
    } else {
      throw Malformed(fmt::format("an unknown key of a rule: {}", key));
    }
  });
  return clause;
}

matcher::RuleList ReadRules(ondemand::value value) {
  matcher::RuleList rules;
  for (auto clause : value.get_array()) rules.push_back(ReadClause(clause.value()));
  return rules;
}

void ReadEntryField(std::string_view key, ondemand::value value, matcher::Entry* entry) {
  if (key == "patterns") {
    entry->patterns = ReadPatterns(value);
  } else if (key == "scope") {
    entry->scope = ReadScope(value);
  } else if (key == "confidential") {
    entry->confidential = value.get_bool();
  } else if (key == "rules") {
    entry->rules = ReadRules(value);
  } else if (key == "inputs") {
    entry->inputs = ReadInputs(value);
  } else if (key == "options") {
    entry->options_json = CanonicalText(value);
  } else if (key == "line") {
    entry->position.line = ReadInt(value);
  } else if (key == "column") {
    entry->position.column = ReadInt(value);
  } else {
    throw Malformed(fmt::format("an unknown key of an entry: {}", key));
  }
}

matcher::HoistedJob ReadHoistedJob(ondemand::value value) {
  matcher::HoistedJob job;
  bool has_lists = false;
  ReadObject(value.get_object(), [&job, &has_lists](std::string_view key, ondemand::value item) {
    if (key == "name") {
      job.name = ReadString(item);
    } else if (key == "lists") {
      has_lists = true;
      for (auto list : item.get_array()) job.lists.push_back(ReadRules(list.value()));
    } else {
      throw Malformed(fmt::format("an unknown key of a job: {}", key));
    }
  });
  if (!has_lists) throw Malformed("a job without lists of rules");
  return job;
}

matcher::HoistedRules ReadHoistedRules(ondemand::object object) {
  matcher::HoistedRules rules;
  ReadObject(object, [&rules](std::string_view key, ondemand::value value) {
    if (key == "workflow") {
      rules.workflow = ReadRules(value);
    } else if (key == "jobs") {
      rules.jobs.emplace();
      for (auto job : value.get_array()) rules.jobs->push_back(ReadHoistedJob(job.value()));
    } else {
      throw Malformed(fmt::format("an unknown key of hoisted rules: {}", key));
    }
  });
  return rules;
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

std::vector<matcher::InputBinding> ReadInputs(ondemand::value value) {
  std::vector<matcher::InputBinding> inputs;
  for (auto item : value.get_array()) {
    matcher::InputBinding& input = inputs.emplace_back();
    for (auto field : item.get_object()) {
      const std::string key(std::string_view(field.unescaped_key()));
      if (key == "name") {
        input.name = ReadString(field.value());
      } else if (key == "value") {
        input.value_json = CanonicalText(field.value());
      } else if (key == "line") {
        input.position.line = ReadInt(field.value());
      } else if (key == "column") {
        input.position.column = ReadInt(field.value());
      } else {
        throw Malformed("an unknown key of an input: " + key);
      }
    }
    if (input.value_json.empty()) throw Malformed("an input without a value");
  }
  return inputs;
}

std::vector<matcher::Entry> ReadEntries(ondemand::value value) {
  std::vector<matcher::Entry> entries;
  for (auto item : value.get_array()) {
    matcher::Entry& entry = entries.emplace_back();
    for (auto field : item.get_object()) {
      const std::string key(std::string_view(field.unescaped_key()));
      ReadEntryField(key, field.value(), &entry);
    }
    if (entry.patterns.empty()) throw Malformed("an entry without patterns");
  }
  return entries;
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

absl::StatusOr<std::vector<matcher::Entry>> EntriesFromJson(std::string_view json) {
  return ReadDocument<std::vector<matcher::Entry>>(
      json, "the entries",
      [](ondemand::document& document) { return ReadEntries(document.get_value()); });
}

absl::StatusOr<std::vector<matcher::InputBinding>> InputsFromJson(std::string_view json) {
  return ReadDocument<std::vector<matcher::InputBinding>>(
      json, "the inputs", [](ondemand::document& document) {
        std::vector<matcher::InputBinding> inputs;
        for (auto field : document.get_object()) {
          matcher::InputBinding& input = inputs.emplace_back();
          input.name = std::string(std::string_view(field.unescaped_key()));
          input.value_json = CanonicalText(field.value());
        }
        return inputs;
      });
}

absl::StatusOr<matcher::HoistedRules> HoistedRulesFromJson(std::string_view json) {
  return ReadDocument<matcher::HoistedRules>(
      json, "the hoisted rules",
      [](ondemand::document& document) { return ReadHoistedRules(document.get_object()); });
}

}  // namespace cievents::ci_yaml
