// The cache's JSON is ours, but it may be old, or a hand was at it: reading it checks everything
// that later code relies on. simdjson's exceptions end in this file.
#include "services/lib/ci_yaml/entry_json.h"
#include "services/lib/ci_yaml/json_reading.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {
namespace {

namespace ondemand = simdjson::ondemand;

// Raise it when the form changes: what is cached in another version is read anew from its source.
constexpr int64_t kVersion = 3;

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

IncludeRule ReadRule(ondemand::value value) {
  IncludeRule rule;
  ReadObject(value, [&](std::string_view key, ondemand::value item) {
    if (key == "if") {
      rule.if_text = ReadString(item);
    } else if (key == "exists") {
      for (auto glob : item.get_array()) rule.exists.push_back(ReadString(glob.value()));
    } else if (key == "has_undecidable_part") {
      rule.has_undecidable_part = item.get_bool();
    } else if (key == "never") {
      rule.never = item.get_bool();
    } else {
      throw Malformed("an unknown key of an include's rule: " + std::string(key));
    }
  });
  return rule;
}

LocalInclude ReadInclude(ondemand::value value) {
  LocalInclude include;
  ReadObject(value, [&](std::string_view key, ondemand::value item) {
    if (key == "path") {
      include.path = ReadString(item);
    } else if (key == "is_wildcard") {
      include.is_wildcard = item.get_bool();
    } else if (key == "inputs") {
      include.inputs = ReadInputs(item);
    } else if (key == "rules") {
      include.rules.emplace();
      for (auto rule : item.get_array()) include.rules->push_back(ReadRule(rule.value()));
    } else if (key == "line") {
      include.position.line = ReadInt(item);
    } else if (key == "column") {
      include.position.column = ReadInt(item);
    } else {
      throw Malformed("an unknown key of an include: " + std::string(key));
    }
  });
  return include;
}

Body ReadBodyJson(ondemand::value value) {
  ondemand::object object = value.get_object();
  const std::string_view json = object.raw_json();
  absl::StatusOr<Body> body = BodyFromJson(json);
  if (!body.ok()) throw Malformed(std::string(body.status().message()));
  return *std::move(body);
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
    } else if (key == "has_unread_includes") {
      file.has_unread_includes = field.value().get_bool();
    } else if (key == "body") {
      file.body = ReadBodyJson(field.value());
    } else if (key == "issues") {
      for (auto item : field.value().get_array()) file.issues.push_back(ReadIssue(item.value()));
    } else {
      throw Malformed("an unknown key of a file: " + key);
    }
  }
  if (!has_version) throw Malformed("no version");
  return file;
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

void WriteRules(const std::vector<IncludeRule>& rules, JsonWriter* writer) {
  writer->BeginArray();
  for (const IncludeRule& rule : rules) {
    writer->BeginObject();
    if (rule.if_text.has_value()) {
      writer->Key("if");
      writer->String(*rule.if_text);
    }
    writer->Strings("exists", rule.exists);
    writer->Key("has_undecidable_part");
    writer->Bool(rule.has_undecidable_part);
    writer->Key("never");
    writer->Bool(rule.never);
    writer->EndObject();
  }
  writer->EndArray();
}

void WriteInclude(const LocalInclude& include, JsonWriter* writer) {
  writer->BeginObject();
  writer->Key("path");
  writer->String(include.path);
  writer->Key("is_wildcard");
  writer->Bool(include.is_wildcard);
  writer->Key("inputs");
  WriteInputs(include.inputs, Positions::kWith, writer);
  if (include.rules.has_value()) {
    writer->Key("rules");
    WriteRules(*include.rules, writer);
  }
  WritePosition(include.position, writer);
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
  for (const LocalInclude& include : file.includes) WriteInclude(include, &writer);
  writer.EndArray();
  writer.Key("has_unread_includes");
  writer.Bool(file.has_unread_includes);
  if (file.body != Body()) {
    writer.Key("body");
    writer.Raw(BodyToJson(file.body));
  }
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

}  // namespace cievents::ci_yaml
