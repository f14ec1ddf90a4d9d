#include "services/lib/yaml/builder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "matcher/base/string_map.h"
#include "services/lib/yaml/syntax_error.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/parser.h"

namespace cievents::yaml::internal {
namespace {

// What a subtree costs to walk, aliases expanded.
struct Cost {
  int64_t nodes = 0;
  int64_t bytes = 0;  // of its scalars, and of its tags: `%TAG` can make them as long as it likes
  int height = 0;     // nested collections; a scalar has none

  void AddChild(const Cost& child) {
    nodes += child.nodes;
    bytes += child.bytes;
    height = std::max(height, child.height + 1);
  }
};

// yaml-cpp writes the escapes `\N` (U+0085) and `\_` (U+00A0) as one byte, which is no UTF-8. The
// rest of a text is valid, so a byte that continues no character is one of them.
std::string WithWholeCharacters(const std::string& text) {
  if (simdjson::validate_utf8(text)) return text;
  std::string whole;
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead >= 0x80 && lead < 0xC0) {
      whole.push_back('\xC2');
      whole.push_back(text[at++]);
      continue;
    }
    const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    whole.append(text, at, length);
    at += length;
  }
  return whole;
}

// Ends the parse from inside a callback; caught in BuildTree.
struct Stop {
  ParseError error;
};

class Builder : public YAML::EventHandler {
 public:
  Builder(std::string_view text, const ParseOptions& options) : text_(text), options_(options) {}

  NodePtr TakeRoot() { return std::move(root_); }

  // Where in the text the last scalar starts, if it is quoted.
  std::optional<YAML::Mark> last_quoted() const { return last_quoted_; }

  Mark MarkOf(const YAML::Mark& mark) const {
    if (mark.is_null()) return Mark{options_.first_line, 1};
    return Mark{mark.line + options_.first_line, mark.column + 1};
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = std::make_shared<Node>();
    node->mark = MarkOf(mark);
    const std::string_view written = WrittenNull(mark);
    node->scalar = written;
    // A value that is left out has the mark of what comes next; its key is the better place.
    if (written.empty() && !open_.empty() && open_.back().key != nullptr) {
      node->mark = open_.back().key->mark;
    }
    AddLeaf(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (++aliases_ > options_.limits.aliases_max) {
      Fail("yaml-too-many-aliases", MarkOf(mark),
           fmt::format("more than {} aliases", options_.limits.aliases_max),
           "write some of them out, or split the file");
    }
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      Fail("yaml-syntax", MarkOf(mark), "the alias names the node that it stands in", "");
    }
    const auto& [node, cost] = found->second;
    Charge(cost, MarkOf(mark));
    CheckDepth(static_cast<int>(open_.size()) + cost.height, MarkOf(mark));
    Add(node, cost, MarkOf(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckTag(mark);
    auto node = std::make_shared<Node>();
    node->kind = Kind::kScalar;
    node->mark = MarkOf(mark);
    node->plain = tag == "?";
    // yaml-cpp says `!` of every quoted text; `! "x"` has it written.
    const bool is_written = tag != "!" || TextAt(mark).starts_with("!");
    if (tag != "?" && is_written) node->tag = tag;
    if (value.find('\0') != std::string::npos) {
      Fail("yaml-not-utf8", node->mark, "the text contains the character U+0000", "remove it");
    }
    last_quoted_ = node->plain ? std::nullopt : std::optional<YAML::Mark>(mark);
    node->scalar = WithWholeCharacters(value);
    AddLeaf(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Kind::kSequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  // A collection that is not complete yet.
  struct OpenNode {
    std::shared_ptr<Node> node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    Cost cost;
    NodePtr key;     // kMap: the key that waits for its value
    StringSet keys;  // kMap: those seen
  };

  [[noreturn]] void Fail(std::string code, Mark mark, std::string message,
                         std::string suggestion) const {
    throw Stop{{std::move(code), mark, std::move(message), std::move(suggestion)}};
  }

  // The text from `mark` on; empty if it is not in the text.
  std::string_view TextAt(const YAML::Mark& mark) const {
    if (mark.is_null() || static_cast<size_t>(mark.pos) >= text_.size()) return "";
    return text_.substr(mark.pos);
  }

  // `!$[[ .. ]]` and `!($[[ .. ]] == "x")` are a tag and lists to YAML.
  void CheckTag(const YAML::Mark& mark) const {
    std::string_view rest = TextAt(mark);
    if (!rest.starts_with("!")) return;
    rest.remove_prefix(std::min(rest.find_first_not_of("!("), rest.size()));
    if (!rest.starts_with("$[[")) return;
    Explanation explanation = ExplainNegatedBlock();
    Fail("yaml-syntax", MarkOf(mark), std::move(explanation.message),
         std::move(explanation.suggestion));
  }

  std::string_view WrittenNull(const YAML::Mark& mark) const {
    const std::string_view rest = TextAt(mark);
    for (const std::string_view spelling : {"~", "null", "Null", "NULL"}) {
      if (rest.substr(0, spelling.size()) != spelling) continue;
      // The next token's text may only begin alike: `null-safe: 1`.
      const std::string_view after = rest.substr(spelling.size());
      const size_t stop = after.find_first_not_of(" \t");
      if (stop == std::string_view::npos) return spelling;
      if (std::string_view("\r\n,]}").find(after[stop]) != std::string_view::npos) return spelling;
      if (stop > 0 && after[stop] == '#') return spelling;
      if (after[stop] == ':' && !open_.empty() && open_.back().node->is_map() &&
          open_.back().key == nullptr) {
        return spelling;  // `null:`, a key
      }
    }
    return "";
  }

  void Charge(const Cost& cost, Mark mark) {
    nodes_ += cost.nodes;
    bytes_ += cost.bytes;
    if (nodes_ > options_.limits.nodes_max) {
      Fail("yaml-too-many-nodes", mark,
           fmt::format("more than {} nodes (aliases count as what they name)",
                       options_.limits.nodes_max),
           "split the file");
    }
    if (bytes_ > static_cast<int64_t>(options_.limits.bytes_max)) {
      Fail("file-too-large", mark,
           fmt::format("more than {} bytes once the aliases are expanded",
                       options_.limits.bytes_max),
           "split the file");
    }
  }

  void CheckDepth(int depth, Mark mark) const {
    if (depth > options_.limits.depth_max) {
      Fail("yaml-too-deep", mark,
           fmt::format("more than {} maps and lists inside each other", options_.limits.depth_max),
           "flatten the structure");
    }
  }

  void AddLeaf(std::shared_ptr<Node> node, YAML::anchor_t anchor) {
    const Cost cost{1, static_cast<int64_t>(node->scalar.size() + node->tag.size()), 0};
    const Mark mark = node->mark;
    Charge(cost, mark);
    NodePtr leaf = std::move(node);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {leaf, cost};
    Add(std::move(leaf), cost, mark);
  }

  void Open(Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    CheckTag(mark);
    OpenNode opened;
    opened.node = std::make_shared<Node>();
    opened.node->kind = kind;
    opened.node->mark = MarkOf(mark);
    if (tag != "?" && tag != "!") opened.node->tag = tag;
    opened.anchor = anchor;
    opened.cost = Cost{1, static_cast<int64_t>(opened.node->tag.size()), 1};
    CheckDepth(static_cast<int>(open_.size()) + 1, opened.node->mark);
    Charge(opened.cost, opened.node->mark);
    last_quoted_ = std::nullopt;
    open_.push_back(std::move(opened));
  }

  void Close() {
    OpenNode closed = std::move(open_.back());
    open_.pop_back();
    const Mark mark = closed.node->mark;
    NodePtr node = std::move(closed.node);
    if (closed.anchor != YAML::NullAnchor) anchors_[closed.anchor] = {node, closed.cost};
    Add(std::move(node), closed.cost, mark);
  }

  // Hangs a complete node into the collection that is open.
  void Add(NodePtr node, const Cost& cost, Mark mark) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    OpenNode& parent = open_.back();
    parent.cost.AddChild(cost);
    if (parent.node->is_sequence()) {
      parent.node->items.push_back(std::move(node));
    } else if (parent.key == nullptr) {
      CheckKey(*node, mark, &parent.keys);
      parent.key = std::move(node);
    } else {
      parent.node->map.push_back({std::move(parent.key), std::move(node)});
      parent.key = nullptr;
    }
  }

  void CheckKey(const Node& key, Mark mark, StringSet* keys) const {
    if (key.is_sequence() || key.is_map()) {
      Fail("yaml-syntax", mark, "a key of a map is itself a list or a map",
           "quote the key if it is meant as text");
    }
    // GitLab merges each of several `<<` keys of one map, and real files have them.
    if (key.plain && key.scalar == "<<") return;
    // A null key is the empty text in GitLab.
    if (!keys->insert(key.is_null() ? std::string() : key.scalar).second) {
      Fail("yaml-duplicate-key", mark,
           fmt::format("the key `{}` stands twice", Shorten(key.scalar)), "remove one of them");
    }
  }

  const std::string_view text_;
  const ParseOptions options_;
  std::vector<OpenNode> open_;
  NodePtr root_;
  absl::flat_hash_map<YAML::anchor_t, std::pair<NodePtr, Cost>> anchors_;  // complete ones
  std::optional<YAML::Mark> last_quoted_;
  int64_t nodes_ = 0;
  int64_t bytes_ = 0;
  int aliases_ = 0;
};

// Learns only where a further document starts, and ends the parse there.
class NextDocumentProbe : public YAML::EventHandler {
 public:
  struct Found {
    YAML::Mark mark;
  };
  void OnDocumentStart(const YAML::Mark& mark) override { throw Found{mark}; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// True if the last line with content before `offset` ends the document (`...`).
bool FollowsDocumentEnd(std::string_view text, size_t offset) {
  size_t end = offset;
  while (end > 0) {
    const size_t newline = text.rfind('\n', end - 1);
    const size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    const std::string_view line = text.substr(begin, end - begin);
    const size_t content = line.find_first_not_of(" \t\r\n");
    if (content != std::string_view::npos && line[content] != '#') return line.starts_with("...");
    if (newline == std::string_view::npos) return false;
    end = newline;
  }
  return false;
}

// yaml-cpp ends a document where its root node ends and silently drops the rest (`- a`, then
// `b: c`). Returns where such a rest starts.
std::optional<YAML::Mark> FindRest(std::string_view text, YAML::Parser* parser) {
  NextDocumentProbe probe;
  try {
    parser->HandleNextDocument(probe);
  } catch (const NextDocumentProbe::Found& found) {
    const size_t offset = std::min<size_t>(found.mark.pos, text.size());
    if (text.substr(offset, 3) == "---" || FollowsDocumentEnd(text, offset)) return std::nullopt;
    return found.mark;
  } catch (const YAML::Exception&) {
    // Broken directives of a further document: not ours to judge.
  }
  return std::nullopt;
}

// The first line with content, if it is a directive.
size_t FindDirective(std::string_view text) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    const size_t content = line.find_first_not_of(" \t\r");
    if (content != std::string_view::npos && line[content] != '#') {
      return line[0] == '%' ? begin : std::string_view::npos;
    }
    begin = end + 1;
  }
  return std::string_view::npos;
}

// yaml-cpp takes the end of the text for the missing quote.
bool QuoteIsOpen(std::string_view text, size_t offset) {
  // A tag or an anchor may stand before the quote.
  while (offset < text.size() && (text[offset] == '!' || text[offset] == '&')) {
    offset = text.find_first_of(" \t\r\n", offset);
    offset = text.find_first_not_of(" \t\r\n", offset);
  }
  if (offset >= text.size() || (text[offset] != '"' && text[offset] != '\'')) return false;
  const char quote = text[offset];
  for (size_t i = offset + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || text.substr(i, 2) != "''") return false;
      ++i;
    }
  }
  return true;
}

}  // namespace

std::variant<NodePtr, ParseError> BuildTree(std::string_view text, const ParseOptions& options) {
  Builder builder(text, options);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    if (const auto quoted = builder.last_quoted();
        quoted.has_value() && QuoteIsOpen(text, quoted->pos)) {
      return ParseError{"yaml-syntax", builder.MarkOf(*quoted), "the quoted text is never closed",
                        "add the closing quote"};
    }
    if (const auto rest = FindRest(text, &parser); rest.has_value()) {
      return ParseError{"yaml-syntax", builder.MarkOf(*rest),
                        "this line does not belong to the document above it",
                        "check its indentation"};
    }
  } catch (const Stop& stop) {
    return stop.error;
  } catch (const YAML::Exception& exception) {
    const size_t offset = exception.mark.is_null() ? 0 : exception.mark.pos;
    Explanation explanation = ExplainSyntaxError(text, offset, exception.msg);
    // yaml-cpp counts on behind the end of an escape that the end of the text cuts off.
    const Mark mark = offset > text.size() ? MarkAt(text, text.size(), options.first_line)
                                           : builder.MarkOf(exception.mark);
    return ParseError{"yaml-syntax", mark, explanation.message, explanation.suggestion};
  } catch (const std::logic_error& exception) {
    // None is known. The text is a stranger's: no surprise in yaml-cpp may end the process.
    return ParseError{"yaml-syntax", Mark{options.first_line, 1},
                      fmt::format("not valid YAML: {}", exception.what()), ""};
  }
  NodePtr root = builder.TakeRoot();
  if (root != nullptr) return root;
  if (const size_t directive = FindDirective(text); directive != std::string_view::npos) {
    return ParseError{
        "yaml-syntax", MarkAt(text, directive, options.first_line),
        "a `%` directive stands alone: GitLab reads what comes before a `---` by itself",
        "remove the line"};
  }
  auto empty = std::make_shared<Node>();
  empty->mark = Mark{options.first_line, 1};
  return NodePtr(std::move(empty));
}

}  // namespace cievents::yaml::internal
