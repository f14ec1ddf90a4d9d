#include "services/lib/ci_yaml/parsed_file.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <utility>
#include <variant>

#include "services/lib/ci_yaml/entries.h"
#include "services/lib/ci_yaml/entry_checks.h"
#include "services/lib/ci_yaml/header.h"
#include "services/lib/ci_yaml/includes.h"
#include "services/lib/ci_yaml/inputs.h"
#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/ci_yaml/text_checks.h"
#include "services/lib/ci_yaml/yaml_access.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {
namespace {

bool IsHeader(const yaml::Node& root) { return root.is_map() && root.Find("spec") != nullptr; }

class FileParser {
 public:
  FileParser(FileRole role, std::string_view path, std::string_view content,
             const Catalogue& catalogue)
      : role_(role), content_(content), sink_(path), entries_(catalogue, content, &sink_) {}

  void ParseHeaderOnly();
  void ParseCiFile();
  void ParseIncluded();
  void ParseEventList();
  // False after an error: nothing else of the file can be read.
  bool IsUtf8();
  // Against the file's own declarations: an event list has none, it is checked with its CI file.
  void CheckInputs();

  ParsedFile Take() {
    file_.entries = entries_.Take();
    const StringSet event_inputs = CheckEventInputs(file_.entries, file_.spec_inputs_json, &sink_);
    const bool may_declare = role_ == FileRole::kEventList || has_header_include_;
    if (file_.spec_inputs_json == "{}" && !may_declare) CheckNoInputs(file_.entries, &sink_);
    if (body_ != nullptr) CheckScripts(*body_, event_inputs, content_, &sink_);
    CheckEntries(file_.entries, &sink_);
    file_.issues = sink_.Take();
    return std::move(file_);
  }

 private:
  bool IsSmallEnough();
  yaml::NodePtr ParseDocument(const Document& document);
  void WarnOfOpenHeader(const Document& document);
  void ReadHeader(const yaml::Node& root);
  void ReadSpec(const KeyValue& spec);
  void ReadSpecInputs(const KeyValue& inputs);
  void WarnOfThirdDocument(const Documents& documents);
  void AddHeaderTooLarge(const Document& header);
  void ReadRoot(yaml::NodePtr root_node);
  void ReadWorkflow(const yaml::Node& workflow);

  const FileRole role_;
  const std::string_view content_;
  IssueSink sink_;
  EntryReader entries_;
  ParsedFile file_;
  std::vector<InputProblem> declaration_problems_;
  yaml::NodePtr body_;               // null: none was read
  bool has_header_include_ = false;  // of files that may declare inputs
};

// A file in UTF-16 has no line `---` and no word `spec`, so that it would be passed over silently.
bool FileParser::IsUtf8() {
  const auto error = yaml::CheckEncoding(content_);
  if (error.has_value()) sink_.Add(*error);
  return !error.has_value();
}

bool FileParser::IsSmallEnough() {
  if (content_.size() <= kFileBytesMax) return true;
  sink_.Add(kFileTooLarge, matcher::Position{1, 1},
            fmt::format("{} bytes; the limit is {}", content_.size(), kFileBytesMax),
            "split the file with `include`");
  return false;
}

// Null after an error.
yaml::NodePtr FileParser::ParseDocument(const Document& document) {
  yaml::ParseOptions options;
  options.first_line = document.first_line;
  auto parsed = yaml::Parse(document.text, options);
  if (const auto* error = std::get_if<yaml::ParseError>(&parsed)) {
    sink_.Add(*error);
    return nullptr;
  }
  return std::get<yaml::NodePtr>(parsed);
}

void FileParser::WarnOfOpenHeader(const Document& document) {
  if (!StartsWithSpec(document.text)) return;
  sink_.Add(kHeaderNotClosed, matcher::Position{document.first_line, 1},
            "`spec` counts only in a header, and the header is not closed",
            "add a line `---` after `spec`");
}

void FileParser::ParseHeaderOnly() {
  const Documents documents = SplitHeader(content_, kHeaderBytesMax);
  if (documents.first.text.size() > kHeaderBytesMax) {
    // A large file without a header is an ordinary one: nothing of it is read here.
    if (documents.first_is_closed || StartsWithSpec(documents.first.text)) {
      AddHeaderTooLarge(documents.first);
    }
    return;
  }
  if (!documents.first_is_closed) return WarnOfOpenHeader(documents.first);
  if (const yaml::NodePtr root = ParseDocument(documents.first)) ReadHeader(*root);
}

void FileParser::ParseCiFile() {
  if (!IsSmallEnough()) return;
  const Documents documents = SplitDocuments(content_);
  WarnOfThirdDocument(documents);
  if (!documents.first_is_closed) WarnOfOpenHeader(documents.first);
  const yaml::NodePtr first = ParseDocument(documents.first);
  if (first == nullptr) return;
  if (!documents.second.has_value() || !IsHeader(*first)) return ReadRoot(first);
  if (documents.first.text.size() > kHeaderBytesMax) return AddHeaderTooLarge(documents.first);
  ReadHeader(*first);
  if (yaml::NodePtr body = ParseDocument(*documents.second)) ReadRoot(std::move(body));
}

// The header comes first, and alone: with `spec: events` in it the file has a pipeline of its own,
// and its body may be of any size, even broken.
void FileParser::ParseIncluded() {
  const Documents head = SplitHeader(content_, kHeaderBytesMax);
  const bool is_large = head.first.text.size() > kHeaderBytesMax;
  if (is_large && StartsWithSpec(head.first.text)) return AddHeaderTooLarge(head.first);
  if (is_large || !head.first_is_closed) return ParseCiFile();
  const yaml::NodePtr first = ParseDocument(head.first);
  if (first == nullptr) return;
  if (IsHeader(*first)) {
    ReadHeader(*first);
    if (file_.has_spec_events) return;
  }
  if (!IsSmallEnough()) return;
  const Documents documents = SplitDocuments(content_);
  WarnOfThirdDocument(documents);
  if (!IsHeader(*first)) return ReadRoot(first);
  if (yaml::NodePtr body = ParseDocument(*documents.second)) ReadRoot(std::move(body));
}

void FileParser::WarnOfThirdDocument(const Documents& documents) {
  if (documents.third_line == 0) return;
  sink_.Add(kTooManyDocuments, matcher::Position{documents.third_line, 1},
            "a CI file has at most two documents: the header and the body",
            "remove this `---` and what follows it");
}

void FileParser::AddHeaderTooLarge(const Document& header) {
  sink_.Add(kHeaderTooLarge, matcher::Position{header.first_line, 1},
            fmt::format("the header is over {} bytes", kHeaderBytesMax),
            "close it with a line `---`, and move large values into the body");
}

void FileParser::ReadHeader(const yaml::Node& root) {
  if (!IsHeader(root)) return;
  for (const KeyValue& item : ItemsOf(root)) {
    if (item.key == "spec") {
      ReadSpec(item);
    } else {
      AddUnknownKey(item, "a header", {"spec"}, &sink_);
    }
  }
}

void FileParser::ReadSpec(const KeyValue& spec) {
  if (spec.value->is_null()) return;
  if (!spec.value->is_map()) return AddWrongType(spec, "a map", &sink_);
  for (const KeyValue& item : ItemsOf(*spec.value)) {
    if (item.key == "events" || IsOnKey(item.key)) {
      file_.has_spec_events = true;
      entries_.Read(item);
    } else if (item.key == "inputs") {
      ReadSpecInputs(item);
    } else if (item.key == "include") {
      has_header_include_ = true;
    } else if (item.key != "component" && item.key != "description") {
      AddUnknownKey(item, "`spec`",
                    {"events", "on", "inputs", "include", "component", "description"}, &sink_);
    }
  }
}

void FileParser::ReadSpecInputs(const KeyValue& inputs) {
  if (inputs.value->is_null()) return;
  if (!inputs.value->is_map()) return AddWrongType(inputs, "a map of inputs", &sink_);
  std::string json = yaml::ToCanonicalJson(*inputs.value);
  simdjson::dom::parser parser;
  if (parser.parse(json).error() != simdjson::SUCCESS) {
    sink_.Add(kBadValue, inputs.key_mark, "`inputs` has a number out of range", "quote the number");
    return;
  }
  file_.spec_inputs_json = std::move(json);
  declaration_problems_ = CheckSpecInputs(*inputs.value);
}

void FileParser::CheckInputs() {
  // What a file that subscribes to nothing declares is GitLab's business alone.
  if (entries_.empty()) return;
  for (InputProblem& problem : declaration_problems_) {
    sink_.Add(kBadInput, problem.position, std::move(problem.message));
  }
  entries_.CheckInputs(file_.spec_inputs_json);
}

void FileParser::ReadRoot(yaml::NodePtr root_node) {
  body_ = std::move(root_node);
  const yaml::Node& root = *body_;
  if (root.is_null()) return;
  if (!root.is_map()) {
    sink_.Add(kWrongType, root.mark,
              fmt::format("a CI file is a map of jobs, not {}", NameOfKind(root)));
    return;
  }
  for (const KeyValue& item : ItemsOf(root)) {
    if (item.key == "workflow" && item.value->is_map()) {
      ReadWorkflow(*item.value);
    } else if (item.key == "include") {
      Includes includes = ReadIncludes(item, &sink_);
      file_.includes = std::move(includes.local);
      file_.has_unread_includes = includes.has_unread;
    }
  }
  file_.body = ReadBody(root);
}

void FileParser::ReadWorkflow(const yaml::Node& workflow) {
  for (const KeyValue& item : ItemsOf(workflow)) {
    if (item.key != "events" && !IsOnKey(item.key)) continue;
    if (role_ == FileRole::kCiFile) {
      entries_.Read(item);
    } else {
      sink_.Add(kWorkflowEventsInInclude, item.key_mark,
                fmt::format("`workflow: {}` subscribes in the CI file only, not in a file that it "
                            "includes",
                            item.key),
                "move it there, or write `spec: events` into a header: then this file has a "
                "pipeline of its own");
    }
  }
}

void FileParser::ParseEventList() {
  if (!IsSmallEnough()) return;
  const Documents documents = SplitDocuments(content_);
  const yaml::NodePtr root = ParseDocument(documents.first);
  if (root == nullptr) return;
  if (documents.first_is_closed) {
    sink_.Add(kTooManyDocuments, PositionOf(root->mark), "an event list is one document",
              "remove the `---` after it");
  }
  if (root->is_null()) return;
  if (!root->is_map()) {
    sink_.Add(
        kWrongType, root->mark,
        fmt::format("an event list is a map with the key `events`, not {}", NameOfKind(*root)),
        "write `events:` above the list");
    return;
  }
  for (const KeyValue& item : ItemsOf(*root)) {
    if (item.key == "events") {
      entries_.Read(item);
    } else {
      AddUnknownKey(item, "an event list", {"events"}, &sink_);
    }
  }
}

}  // namespace

ParsedFile ParseFile(FileRole role, std::string_view path, std::string_view content,
                     const Catalogue& catalogue) {
  FileParser parser(role, path, content, catalogue);
  if (!parser.IsUtf8()) return parser.Take();
  switch (role) {
    case FileRole::kCiFile:
      parser.ParseCiFile();
      parser.CheckInputs();
      break;
    case FileRole::kEventList:
      parser.ParseEventList();
      break;
    case FileRole::kHeaderOnly:
      parser.ParseHeaderOnly();
      parser.CheckInputs();
      break;
    case FileRole::kIncluded:
      parser.ParseIncluded();
      parser.CheckInputs();
      break;
  }
  return parser.Take();
}

}  // namespace cievents::ci_yaml
