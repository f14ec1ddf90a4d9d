#include "services/lib/ci_yaml/header.h"

#include <algorithm>

namespace cievents::ci_yaml {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// `---` at the end of the text without a line end is none, as in GitLab.
bool IsSeparator(std::string_view line) {
  return line.size() > 3 && line.starts_with("---") && IsSpace(line[3]);
}

bool IsBlankOrComment(std::string_view line) {
  const auto content = std::find_if_not(line.begin(), line.end(), IsSpace);
  return content == line.end() || *content == '#';
}

// Reads a text document by document.
class Splitter {
 public:
  explicit Splitter(std::string_view content) : content_(content) {}

  // Line of the next unread text.
  int line() const { return line_; }

  enum class Blank { kSkip, kKeep };

  // Reads up to the next separator, or past `bytes_max`; true if a separator ended the document.
  // kSkip: documents without content are passed over.
  bool ReadDocument(Blank blank, size_t bytes_max, Document* document) {
    bool has_content = begins_with_content_;
    for (size_t end; NextLine(&end); position_ = end, ++line_) {
      if (has_content && position_ - begin_ > bytes_max) break;
      const std::string_view text = content_.substr(position_, end - position_);
      if (!IsSeparator(text)) {
        has_content = has_content || !IsBlankOrComment(text);
        continue;
      }
      const bool ends = has_content || blank == Blank::kKeep;
      if (ends) *document = {content_.substr(begin_, position_ - begin_), first_line_};
      BeginAfterSeparator(end);
      has_content = begins_with_content_;
      if (ends) {
        position_ = end;
        ++line_;
        return true;
      }
    }
    *document = {content_.substr(begin_, position_ - begin_), first_line_};
    return false;
  }

 private:
  bool NextLine(size_t* end) const {
    if (position_ >= content_.size()) return false;
    const size_t newline = content_.find('\n', position_);
    *end = newline == std::string_view::npos ? content_.size() : newline + 1;
    return true;
  }

  // What stands on the separator's own line (`--- # comment`, `--- {a: 1}`) belongs to the document
  // that it begins.
  void BeginAfterSeparator(size_t line_end) {
    begin_ = std::min(content_.find_first_not_of(" \t\r\n", position_ + 3), line_end);
    begins_with_content_ = begin_ < line_end && content_[begin_] != '#';
    first_line_ = begin_ < line_end ? line_ : line_ + 1;
  }

  const std::string_view content_;
  size_t position_ = 0;  // of the next line
  int line_ = 1;
  size_t begin_ = 0;  // of the document
  int first_line_ = 1;
  bool begins_with_content_ = false;
};

}  // namespace

Documents SplitDocuments(std::string_view content) {
  Splitter splitter(content);
  Documents documents;
  documents.first_is_closed =
      splitter.ReadDocument(Splitter::Blank::kSkip, content.size(), &documents.first);
  if (documents.first_is_closed &&
      splitter.ReadDocument(Splitter::Blank::kKeep, content.size(), &documents.second.emplace())) {
    documents.third_line = splitter.line() - 1;
  }
  return documents;
}

Documents SplitHeader(std::string_view content, size_t header_bytes_max) {
  Splitter splitter(content);
  Documents documents;
  documents.first_is_closed =
      splitter.ReadDocument(Splitter::Blank::kSkip, header_bytes_max, &documents.first);
  return documents;
}

bool StartsWithSpec(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (IsBlankOrComment(line)) continue;
    for (const std::string_view key : {"spec", "\"spec\"", "'spec'"}) {
      if (!line.starts_with(key)) continue;
      const size_t colon = line.find_first_not_of(" \t", key.size());
      if (colon != std::string_view::npos && line[colon] == ':') return true;
    }
    return false;
  }
  return false;
}

}  // namespace cievents::ci_yaml
