// The cache's JSON is ours, but it may be old, or a hand was at it: reading it checks everything
// that later code relies on. simdjson's exceptions end in this file.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "matcher/base/status.h"
#include "services/lib/ci_yaml/entry_json.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {
namespace {

namespace ondemand = simdjson::ondemand;

// Raise it when the form changes: what is cached in another version is read anew from its source.
constexpr int64_t kVersion = 2;
constexpr int kDepthMax = 128;  // twice what YAML may nest

// What the JSON says is not what it should.
struct Malformed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Canonical text of a value, the digits of its numbers kept. (A database may have moved keys.)
std::string CanonicalText(ondemand::value value, int depth = 0) {
  if (depth > kDepthMax) throw Malformed("nested too deeply");
  std::string text;
  switch (value.type().value()) {
    case ondemand::json_type::object: {
      std::map<std::string, std::string> items;
      for (auto field : value.get_object()) {
        const std::string key(std::string_view(field.unescaped_key()));
        items[key] = CanonicalText(field.value(), depth + 1);
      }
      text = "{";
      for (const auto& [key, json] : items) {
        if (text.size() > 1) text.push_back(',');
        AppendJsonString(key, &text);
        text.push_back(':');
        text.append(json);
      }
      return text + "}";
    }
    case ondemand::json_type::array:
      text = "[";
      for (auto item : value.get_array()) {
        if (text.size() > 1) text.push_back(',');
        text.append(CanonicalText(item.value(), depth + 1));
      }
      return text + "]";
    case ondemand::json_type::string:
      AppendJsonString(std::string_view(value.get_string()), &text);
      return text;
    case ondemand::json_type::number: {
      std::string_view token = value.raw_json_token();
      token = token.substr(0, std::min(token.find_first_of(" \t\r\n"), token.size()));
      static_cast<void>(double(value.get_double()));  // throws if it is no number
      return std::string(token);
    }
    case ondemand::json_type::boolean:
      return bool(value.get_bool()) ? "true" : "false";
    case ondemand::json_type::null:
      if (!value.is_null()) throw Malformed("a value of no type");
      return "null";
  }
  throw Malformed("a value of no type");
}

std::string ReadString(ondemand::value value) {
  return std::string(std::string_view(value.get_string()));
}

int ReadInt(ondemand::value value) {
  const int64_t number = value.get_int64();
  if (number < 0 || number > INT32_MAX) throw Malformed("a number out of range");
  return static_cast<int>(number);
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
  for (auto field : value.get_object()) {
    const std::string key(std::string_view(field.unescaped_key()));
    if (key == "if") {
      clause.if_text = ReadString(field.value());
    } else if (key == "events") {
      clause.events = ReadPatterns(field.value());
    } else if (key == "when") {
      clause.when = ReadWhen(field.value());
    } else if (key == "line") {
      clause.if_position.line = ReadInt(field.value());
    } else if (key == "column") {
      clause.if_position.column = ReadInt(field.value());
    } else {
      throw Malformed("an unknown key of a rule: " + key);
    }
  }
  return clause;
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

void ReadEntryField(std::string_view key, ondemand::value value, matcher::Entry* entry) {
  if (key == "patterns") {
    entry->patterns = ReadPatterns(value);
  } else if (key == "scope") {
    entry->scope = ReadScope(value);
  } else if (key == "confidential") {
    entry->confidential = value.get_bool();
  } else if (key == "rules") {
    entry->rules.emplace();
    for (auto clause : value.get_array()) entry->rules->push_back(ReadClause(clause.value()));
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

Severity ReadSeverity(ondemand::value value) {
  const std::string name = ReadString(value);
  for (const Severity severity : {Severity::kError, Severity::kWarning, Severity::kInfo}) {
    if (name == SeverityName(severity)) return severity;
  }
  throw Malformed("an unknown severity: " + name);
}

Issue ReadIssue(ondemand::value value) {
  Issue issue;
  for (auto field : value.get_object()) {
    const std::string key(std::string_view(field.unescaped_key()));
    if (key == "severity") {
      issue.severity = ReadSeverity(field.value());
    } else if (key == "code") {
      issue.code = ReadString(field.value());
    } else if (key == "file") {
      issue.file = ReadString(field.value());
    } else if (key == "line") {
      issue.line = ReadInt(field.value());
    } else if (key == "column") {
      issue.column = ReadInt(field.value());
    } else if (key == "message") {
      issue.message = ReadString(field.value());
    } else if (key == "suggestion") {
      issue.suggestion = ReadString(field.value());
    } else {
      throw Malformed("an unknown key of an issue: " + key);
    }
  }
  return issue;
}

LocalInclude ReadInclude(ondemand::value value) {
  LocalInclude include;
  for (auto field : value.get_object()) {
    const std::string key(std::string_view(field.unescaped_key()));
    if (key == "path") {
      include.path = ReadString(field.value());
    } else if (key == "inputs") {
      include.inputs = ReadInputs(field.value());
    } else if (key == "line") {
      include.position.line = ReadInt(field.value());
    } else if (key == "column") {
      include.position.column = ReadInt(field.value());
    } else {
      throw Malformed("an unknown key of an include: " + key);
    }
  }
  return include;
}

ParsedFile ReadFile(ondemand::object object) {
  ParsedFile file;
  bool has_version = false;
  for (auto field : object) {
    const std::string key(std::string_view(field.unescaped_key()));
    if (key == "version") {
      if (int64_t(field.value().get_int64()) != kVersion) throw Malformed("another version");
      has_version = true;
    } else if (key == "entries") {
      file.entries = ReadEntries(field.value());
    } else if (key == "has_spec_events") {
      file.has_spec_events = field.value().get_bool();
    } else if (key == "spec_inputs") {
      file.spec_inputs_json = CanonicalText(field.value());
    } else if (key == "includes") {
      for (auto item : field.value().get_array())
        file.includes.push_back(ReadInclude(item.value()));
    } else if (key == "issues") {
      for (auto item : field.value().get_array()) file.issues.push_back(ReadIssue(item.value()));
    } else {
      throw Malformed("an unknown key of a file: " + key);
    }
  }
  if (!has_version) throw Malformed("no version");
  return file;
}

// Runs `read` on the document in `json`; what it throws becomes kDataLoss.
template <typename Value, typename Read>
absl::StatusOr<Value> ReadDocument(std::string_view json, std::string_view what, Read read) {
  try {
    const simdjson::padded_string padded(json);
    ondemand::parser parser;
    ondemand::document document = parser.iterate(padded);
    Value value = read(document);
    if (document.current_location().error() == simdjson::SUCCESS)
      throw Malformed("text after the end");
    return value;
  } catch (const std::exception& exception) {
    return Error(absl::StatusCode::kDataLoss, "{} cannot be read: {}", what, exception.what());
  }
}

void WritePosition(const matcher::Position& position, JsonWriter* writer) {
  writer->Key("line");
  writer->Int(position.line);
  writer->Key("column");
  writer->Int(position.column);
}

void WriteIssue(const Issue& issue, JsonWriter* writer) {
  writer->BeginObject();
  writer->Key("severity");
  writer->String(SeverityName(issue.severity));
  writer->Key("code");
  writer->String(issue.code);
  writer->Key("file");
  writer->String(issue.file);
  WritePosition({issue.line, issue.column}, writer);
  writer->Key("message");
  writer->String(issue.message);
  writer->Key("suggestion");
  writer->String(issue.suggestion);
  writer->EndObject();
}

}  // namespace

std::string ParsedFileToJson(const ParsedFile& file) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("version");
  writer.Int(kVersion);
  writer.Key("entries");
  WriteEntries(file.entries, Positions::kWith, &writer);
  writer.Key("has_spec_events");
  writer.Bool(file.has_spec_events);
  writer.Key("spec_inputs");
  writer.Raw(file.spec_inputs_json);
  writer.Key("includes");
  writer.BeginArray();
  for (const LocalInclude& include : file.includes) {
    writer.BeginObject();
    writer.Key("path");
    writer.String(include.path);
    writer.Key("inputs");
    WriteInputs(include.inputs, Positions::kWith, &writer);
    WritePosition(include.position, &writer);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("issues");
  writer.BeginArray();
  for (const Issue& issue : file.issues) WriteIssue(issue, &writer);
  writer.EndArray();
  writer.EndObject();
  return writer.Take();
}

absl::StatusOr<ParsedFile> ParsedFileFromJson(std::string_view json) {
  return ReadDocument<ParsedFile>(json, "the cached file", [](ondemand::document& document) {
    return ReadFile(document.get_object());
  });
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

}  // namespace cievents::ci_yaml
