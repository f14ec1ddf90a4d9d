#include "services/lib/ci_yaml/parsed_file.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <utility>
#include <variant>

#include "services/lib/ci_yaml/entries.h"
#include "services/lib/ci_yaml/header.h"
#include "services/lib/ci_yaml/includes.h"
#include "services/lib/ci_yaml/inputs.h"
#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/ci_yaml/unsupported.h"
#include "services/lib/ci_yaml/yaml_access.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {
namespace {

class FileParser {
 public:
  FileParser(std::string_view path, std::string_view content, const Catalogue& catalogue)
      : content_(content), sink_(path), entries_(catalogue, content, &sink_) {}

  void ParseHeaderOnly();
  void ParseCiFile();
  void ParseEventList();
  // Against the file's own declarations: an event list has none, it is checked with its CI file.
  void CheckInputs();

  ParsedFile Take() {
    file_.entries = entries_.Take();
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
  void ReadBody(const yaml::Node& root);

  const std::string_view content_;
  IssueSink sink_;
  EntryReader entries_;
  ParsedFile file_;
  yaml::Mark spec_inputs_mark_;
};

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
      sink_.Add(kHeaderTooLarge, matcher::Position{documents.first.first_line, 1},
                fmt::format("the header is over {} bytes", kHeaderBytesMax),
                "close it with a line `---`, and move large values into the body");
    }
    return;
  }
  if (!documents.first_is_closed) return WarnOfOpenHeader(documents.first);
  if (const yaml::NodePtr root = ParseDocument(documents.first)) ReadHeader(*root);
}

void FileParser::ParseCiFile() {
  if (!IsSmallEnough()) return;
  const Documents documents = SplitDocuments(content_);
  if (documents.third_line > 0) {
    sink_.Add(kTooManyDocuments, matcher::Position{documents.third_line, 1},
              "a CI file has at most two documents: the header and the body",
              "remove this `---` and what follows it");
  }
  if (!documents.first_is_closed) WarnOfOpenHeader(documents.first);
  const yaml::NodePtr first = ParseDocument(documents.first);
  if (first == nullptr) return;
  if (!documents.second.has_value() || !first->is_map() || first->Find("spec") == nullptr) {
    return ReadBody(*first);
  }
  if (documents.first.text.size() > kHeaderBytesMax) {
    sink_.Add(kHeaderTooLarge, matcher::Position{documents.first.first_line, 1},
              fmt::format("the header is over {} bytes", kHeaderBytesMax),
              "move large values into the body");
    return;
  }
  ReadHeader(*first);
  if (const yaml::NodePtr body = ParseDocument(*documents.second)) ReadBody(*body);
}

void FileParser::ReadHeader(const yaml::Node& root) {
  if (!root.is_map() || root.Find("spec") == nullptr) return;
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
    } else if (item.key != "include" && item.key != "component") {
      AddUnknownKey(item, "`spec`", {"events", "on", "inputs", "include", "component"}, &sink_);
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
  spec_inputs_mark_ = inputs.key_mark;
}

void FileParser::CheckInputs() {
  // What a file that subscribes to nothing declares is GitLab's business alone.
  if (entries_.empty()) return;
  for (const std::string& problem : CheckSpecInputs(file_.spec_inputs_json)) {
    sink_.Add(kBadInput, spec_inputs_mark_, problem);
  }
  entries_.CheckInputs(file_.spec_inputs_json);
}

void FileParser::ReadBody(const yaml::Node& root) {
  if (root.is_null()) return;
  if (!root.is_map()) {
    sink_.Add(kWrongType, root.mark,
              fmt::format("a CI file is a map of jobs, not {}", NameOfKind(root)));
    return;
  }
  for (const KeyValue& item : ItemsOf(root)) {
    if (item.key == "workflow" && item.value->is_map()) {
      for (const KeyValue& key : ItemsOf(*item.value)) {
        if (key.key == "events" || IsOnKey(key.key)) entries_.Read(key);
      }
    } else if (item.key == "include") {
      file_.includes = ReadIncludes(item, &sink_);
    }
  }
  WarnOfUnsupportedEvents(root, &sink_);
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
  FileParser parser(path, content, catalogue);
  switch (role) {
    case FileRole::kCiFile:
      parser.ParseCiFile();
      parser.CheckInputs();
      break;
    case FileRole::kEventList:
      parser.ParseEventList();
      break;
    case FileRole::kHeaderOnly:
    case FileRole::kIncluded:
      parser.ParseHeaderOnly();
      parser.CheckInputs();
      break;
  }
  return parser.Take();
}

}  // namespace cievents::ci_yaml
