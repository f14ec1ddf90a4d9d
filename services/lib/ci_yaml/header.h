// Splits a CI file into header and body as GitLab does: by the text `^---\s+`, not by a YAML
// parser.
#ifndef SERVICES_LIB_CI_YAML_HEADER_H_
#define SERVICES_LIB_CI_YAML_HEADER_H_

#include <cstddef>
#include <optional>
#include <string_view>

namespace cievents::ci_yaml {

struct Document {
  std::string_view text;  // view into the file's content
  int first_line = 1;     // the line of the file that it starts on
};

struct Documents {
  Document first;                  // blank and comment-only documents before it are dropped
  bool first_is_closed = false;    // a `---` follows it
  std::optional<Document> second;  // what follows that `---`
  int third_line = 0;              // the line of the separator of a third document; 0 = none
};

// The whole file.
Documents SplitDocuments(std::string_view content);

// Only as far as the first document goes, and no further than the line on which it grows over
// `header_bytes_max`: what follows is never looked at, `second` is absent.
Documents SplitHeader(std::string_view content, size_t header_bytes_max);

// True if the first line with content of `text` begins a top-level key `spec`.
bool StartsWithSpec(std::string_view text);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_HEADER_H_
