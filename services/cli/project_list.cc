#include "services/cli/project_list.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>

#include "matcher/base/status.h"
#include "services/cli/terminal.h"

namespace cievents::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kListBytesMax = 256 * 1024 * 1024;

std::optional<int64_t> ParseId(std::string_view text) {
  int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id <= 0) return std::nullopt;
  return id;
}

// A field's value or values, as texts.
using Values = std::vector<std::string>;

absl::Status WrongValue(std::string_view key, std::string_view wanted) {
  return Error(absl::StatusCode::kInvalidArgument, "`{}` must be {}", key, wanted);
}

absl::Status SetIds(std::string_view key, const Values& values, std::vector<int64_t>* ids) {
  ids->clear();
  for (const std::string& value : values) {
    const auto id = ParseId(value);
    if (!id.has_value()) return WrongValue(key, "ids greater than 0");
    ids->push_back(*id);
  }
  return absl::OkStatus();
}

absl::Status SetId(std::string_view key, const Values& values, int64_t* to) {
  const auto id = values.size() == 1 ? ParseId(values[0]) : std::nullopt;
  if (!id.has_value()) return WrongValue(key, "a whole number greater than 0");
  *to = *id;
  return absl::OkStatus();
}

absl::Status SetText(std::string_view key, const Values& values, std::string* to) {
  if (values.size() > 1) return WrongValue(key, "one text");
  *to = values.empty() ? "" : values[0];
  return absl::OkStatus();
}

absl::Status SetField(std::string_view key, const Values& values, PushOptions* project) {
  if (key == "dir") return SetText(key, values, &project->dir);
  if (key == "project_id") return SetId(key, values, &project->project_id);
  if (key == "namespace_ids") return SetIds(key, values, &project->namespace_ids);
  if (key == "project_path") return SetText(key, values, &project->project_path);
  if (key == "branch") return SetText(key, values, &project->branch);
  if (key == "ci_config_path") return SetText(key, values, &project->ci_config_path);
  if (key == "commit") return SetText(key, values, &project->commit);
  if (key == "sequence") return SetId(key, values, &project->sequence);
  if (key == "user_id") return SetId(key, values, &project->user_id);
  if (key == "allowed_scopes") {
    project->allowed_scopes = values;
    return absl::OkStatus();
  }
  if (key == "allow_confidential") {
    if (values != Values{"true"} && values != Values{"false"}) {
      return WrongValue(key, "true or false");
    }
    project->allow_confidential = values[0] == "true";
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kInvalidArgument,
               "`{}` is none of: dir, project_id, namespace_ids, project_path, branch, "
               "ci_config_path, commit, sequence, user_id, allowed_scopes, allow_confidential",
               key);
}

// Adds a project that is read, with its folder below `from_dir`.
class List {
 public:
  explicit List(const PushOptions& defaults) : defaults_(defaults) {}

  PushOptions Start() const {
    PushOptions project = defaults_;
    project.dir.clear();
    return project;
  }

  absl::Status Add(PushOptions project) {
    if (project.dir.empty()) return absl::InvalidArgumentError("`dir` is missing");
    const fs::path dir = fs::path(project.dir).lexically_normal();
    if (dir.is_absolute() || *dir.begin() == "..") {
      return Error(absl::StatusCode::kInvalidArgument, "`dir` '{}' is not below {}", project.dir,
                   defaults_.from_dir);
    }
    if (project.project_id == 0) return absl::InvalidArgumentError("`project_id` is missing");
    if (project.namespace_ids.empty()) {
      return absl::InvalidArgumentError("`namespace_ids` is missing (or --namespace-ids for all)");
    }
    if (!ids_.insert(project.project_id).second) {
      return Error(absl::StatusCode::kInvalidArgument, "project {} stands twice",
                   project.project_id);
    }
    project.dir = (fs::path(defaults_.from_dir) / dir).generic_string();
    projects_.push_back(std::move(project));
    return absl::OkStatus();
  }

  std::vector<PushOptions> Take() { return std::move(projects_); }

 private:
  const PushOptions& defaults_;
  std::vector<PushOptions> projects_;
  std::set<int64_t> ids_;
};

absl::Status AtPlace(std::string_view place, size_t number, const absl::Status& status) {
  return Error(absl::StatusCode::kInvalidArgument, "{} {}: {}", place, number,
               std::string(status.message()));
}

std::optional<std::string> ScalarText(simdjson::dom::element value) {
  if (value.is_string()) return std::string(std::string_view(value));
  if (value.is_int64() || value.is_uint64() || value.is_bool()) return simdjson::minify(value);
  return std::nullopt;
}

absl::StatusOr<Values> JsonValues(std::string_view key, simdjson::dom::element value) {
  Values values;
  simdjson::dom::array items;
  if (value.get(items) != simdjson::SUCCESS) {
    const auto text = ScalarText(value);
    if (!text.has_value()) return WrongValue(key, "a text, a whole number, true, false or a list");
    return Values{*text};
  }
  for (const simdjson::dom::element item : items) {
    const auto text = ScalarText(item);
    if (!text.has_value()) return WrongValue(key, "a list of texts or whole numbers");
    values.push_back(*text);
  }
  return values;
}

absl::Status ReadJsonProject(simdjson::dom::element element, PushOptions* project) {
  simdjson::dom::object object;
  if (element.get(object) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("not an object");
  }
  for (const auto field : object) {
    CIEVENTS_ASSIGN_OR_RETURN(const Values values, JsonValues(field.key, field.value));
    CIEVENTS_RETURN_IF_ERROR(SetField(field.key, values, project));
  }
  return absl::OkStatus();
}

absl::Status ReadJson(std::string_view text, List* list) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  simdjson::dom::array items;
  const auto error = parser.parse(text.data(), text.size()).get(document);
  if (error != simdjson::SUCCESS || document.get(items) != simdjson::SUCCESS) {
    return Error(absl::StatusCode::kInvalidArgument, "not a JSON array of objects: {}",
                 error == simdjson::SUCCESS ? "it is no array" : simdjson::error_message(error));
  }
  size_t number = 0;
  for (const simdjson::dom::element item : items) {
    ++number;
    PushOptions project = list->Start();
    absl::Status status = ReadJsonProject(item, &project);
    if (status.ok()) status = list->Add(std::move(project));
    if (!status.ok()) return AtPlace("project", number, status);
  }
  return absl::OkStatus();
}

// The next record of RFC 4180; moves `text` behind it. Quotes are for fields with commas, quotes
// (doubled) or line ends.
absl::StatusOr<Values> NextRecord(std::string_view* text, size_t* line) {
  Values fields(1);
  bool quoted = false;
  size_t at = 0;
  for (; at < text->size(); ++at) {
    const char c = (*text)[at];
    if (c == '\n') ++*line;
    if (quoted) {
      if (c != '"') {
        fields.back().push_back(c);
      } else if (at + 1 < text->size() && (*text)[at + 1] == '"') {
        fields.back().push_back((*text)[++at]);
      } else {
        quoted = false;
      }
    } else if (c == '"' && fields.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      break;
    } else if (c != '\r') {
      fields.back().push_back(c);
    }
  }
  if (quoted) return absl::InvalidArgumentError("a quote is not closed");
  text->remove_prefix(std::min(text->size(), at + 1));
  return fields;
}

Values SplitAtSpaces(std::string_view text) {
  Values values;
  while (!text.empty()) {
    const size_t space = text.find(' ');
    if (space != 0) values.emplace_back(text.substr(0, space));
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  return values;
}

bool IsList(std::string_view key) { return key == "namespace_ids" || key == "allowed_scopes"; }

absl::Status ReadCsvProject(const Values& keys, const Values& fields, PushOptions* project) {
  if (fields.size() != keys.size()) {
    return Error(absl::StatusCode::kInvalidArgument, "{} fields under a header of {}",
                 fields.size(), keys.size());
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    if (fields[i].empty()) continue;  // as if the column were not there
    CIEVENTS_RETURN_IF_ERROR(
        SetField(keys[i], IsList(keys[i]) ? SplitAtSpaces(fields[i]) : Values{fields[i]}, project));
  }
  return absl::OkStatus();
}

absl::Status ReadCsv(std::string_view text, List* list) {
  size_t line = 1;
  CIEVENTS_ASSIGN_OR_RETURN(const Values keys, NextRecord(&text, &line));
  while (!text.empty()) {
    const size_t first_line = line;
    absl::StatusOr<Values> fields = NextRecord(&text, &line);
    if (fields.ok() && *fields == Values{""}) continue;  // a blank line
    PushOptions project = list->Start();
    absl::Status status = fields.status();
    if (status.ok()) status = ReadCsvProject(keys, *fields, &project);
    if (status.ok()) status = list->Add(std::move(project));
    if (!status.ok()) return AtPlace("line", first_line, status);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PushOptions>> FromFolderNames(const PushOptions& options) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(options.from_dir, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored)) names.push_back(it->path().filename().string());
  }
  if (error) {
    return Error(absl::StatusCode::kNotFound, "{} cannot be read: {}", options.from_dir,
                 error.message());
  }
  std::sort(names.begin(), names.end());
  List list(options);
  for (const std::string& name : names) {
    if (name.front() == '.') continue;
    PushOptions project = list.Start();
    project.dir = name;
    const auto id = ParseId(std::string_view(name).substr(0, name.find('-')));
    if (!id.has_value()) {
      return Error(absl::StatusCode::kInvalidArgument,
                   "{}: without a list of projects (projects.json, projects.csv) folders must be "
                   "called ID or ID-NAME; '{}' is not",
                   options.from_dir, Printable(name));
    }
    project.project_id = *id;
    const absl::Status status = list.Add(std::move(project));
    if (!status.ok()) {
      return Error(absl::StatusCode::kInvalidArgument, "{}: {}", Printable(name),
                   std::string(status.message()));
    }
  }
  return list.Take();
}

}  // namespace

absl::StatusOr<std::vector<PushOptions>> ParseProjectList(std::string_view text, ListFormat format,
                                                          const PushOptions& defaults) {
  List list(defaults);
  CIEVENTS_RETURN_IF_ERROR(format == ListFormat::kJson ? ReadJson(text, &list)
                                                       : ReadCsv(text, &list));
  return list.Take();
}

absl::StatusOr<std::vector<PushOptions>> FindProjects(const PushOptions& options) {
  std::string path = options.projects_file;
  for (const char* name : {"projects.json", "projects.csv"}) {
    const fs::path candidate = fs::path(options.from_dir) / name;
    std::error_code ignored;
    if (path.empty() && fs::exists(candidate, ignored)) path = candidate.string();
  }
  if (path.empty()) return FromFolderNames(options);
  const std::string extension = fs::path(path).extension().string();
  if (extension != ".json" && extension != ".csv") {
    return Error(absl::StatusCode::kInvalidArgument, "{}: the list must end in .json or .csv",
                 path);
  }
  CIEVENTS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kListBytesMax));
  auto projects =
      ParseProjectList(text, extension == ".json" ? ListFormat::kJson : ListFormat::kCsv, options);
  if (projects.ok()) return projects;
  return Error(absl::StatusCode::kInvalidArgument, "{}: {}", path,
               std::string(projects.status().message()));
}

}  // namespace cievents::cli
