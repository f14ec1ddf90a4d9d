// Fuzzes the file reader: whatever the text and the role, reading it ends, what it says has a place
// in the file and survives the cache, and of a header-only file the body decides nothing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "matcher/base/check.h"
#include "services/lib/ci_yaml/header.h"
#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {
namespace {

const Catalogue& BuiltInCatalogue() {
  static const auto catalogue = Catalogue::BuiltIn();
  return *catalogue;
}

std::string Read(FileRole role, std::string_view content) {
  const ParsedFile file = ParseFile(role, "a.yml", content, BuiltInCatalogue());
  const auto lines = static_cast<int>(std::count(content.begin(), content.end(), '\n')) + 1;
  CIEVENTS_CHECK(file.issues.size() <= kIssuesPerFileMax + 2);
  for (const Issue& issue : file.issues) {
    CIEVENTS_CHECK(!issue.message.empty() && !issue.code.empty());
    if (issue.code == kTooManyIssues.text) continue;
    CIEVENTS_CHECK(issue.line >= 1 && issue.line <= lines + 1);
    CIEVENTS_CHECK(issue.column >= 1 && static_cast<size_t>(issue.column) <= content.size() + 2);
  }
  const std::string json = ParsedFileToJson(file);
  const auto cached = ParsedFileFromJson(json);
  CIEVENTS_CHECK(cached.ok());
  CIEVENTS_CHECK(ParsedFileToJson(*cached) == json);
  return json;
}

void ReadInEveryRole(std::string_view content) {
  for (const FileRole role : {FileRole::kCiFile, FileRole::kEventList, FileRole::kIncluded}) {
    Read(role, content);
  }
  const std::string as_it_is = Read(FileRole::kHeaderOnly, content);

  const Documents header = SplitHeader(content, kHeaderBytesMax);
  if (!header.first_is_closed) return;
  const Documents whole = SplitDocuments(content);
  CIEVENTS_CHECK(whole.first_is_closed && whole.first.text == header.first.text);
  CIEVENTS_CHECK(whole.first.first_line == header.first.first_line);
  // The header, `---` and the white space behind it: what follows may be anything.
  const size_t end = header.first.text.data() + header.first.text.size() - content.data();
  const std::string head(content.substr(0, end + 4));
  for (const std::string_view body :
       {std::string_view(), std::string_view("x: ["), std::string_view("---\n---\n"),
        std::string_view("\xFF\0", 2), std::string_view("# c\nspec:\n  events: [\n---\n")}) {
    CIEVENTS_CHECK(Read(FileRole::kHeaderOnly, head + std::string(body)) == as_it_is);
  }
}

}  // namespace
}  // namespace cievents::ci_yaml

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cievents::ci_yaml::ReadInEveryRole({reinterpret_cast<const char*>(data), size});
  return 0;
}
