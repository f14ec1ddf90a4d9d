#include "services/lib/catalogue/catalogue_parser.h"

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "matcher/pattern.h"
#include "services/lib/base/nearest.h"
#include "services/lib/yaml/yaml.h"

namespace cievents {
namespace {

using yaml::Mark;
using yaml::Node;

// A number as JSON spells it. The all-zero commit id is none: it is a string.
bool IsJsonNumber(std::string_view text) {
  size_t i = 0;
  const auto digits = [&] {
    const size_t start = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - start;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const size_t integer_start = i;
  const size_t integer_digits = digits();
  if (integer_digits == 0 || (integer_digits > 1 && text[integer_start] == '0')) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

bool IsJsonLiteral(std::string_view text) {
  return text == "true" || text == "false" || IsJsonNumber(text);
}

// Reads one file; each Parse... function adds an issue for what it cannot use and goes on.
class Parser {
 public:
  explicit Parser(std::string_view file) : file_(file) {}

  ParsedCatalogue Run(std::string_view text) {
    auto parsed = yaml::Parse(text);
    if (const auto* error = std::get_if<yaml::ParseError>(&parsed)) {
      Add(error->code, error->mark, error->message, error->suggestion);
      return std::move(result_);
    }
    const Node& root = *std::get<yaml::NodePtr>(parsed);
    if (!root.is_sequence()) {
      Add("wrong-type", root.mark, "an event catalogue is a list of entries",
          "- name: order/shipped");
      return std::move(result_);
    }
    if (root.items.size() > kCatalogueEntriesMax) {
      Add("too-many", root.mark,
          fmt::format("{} entries; a catalogue has at most {}", root.items.size(),
                      kCatalogueEntriesMax));
      return std::move(result_);
    }
    for (const yaml::NodePtr& item : root.items) ParseEntry(*item);
    return std::move(result_);
  }

 private:
  using Field = std::pair<std::string_view, std::function<void(const Node&)>>;

  void Add(std::string_view code, Mark mark, std::string message, std::string suggestion = "") {
    Issue issue;
    issue.code = std::string(code);
    issue.file = file_;
    issue.line = mark.line;
    issue.column = mark.column;
    issue.message = std::move(message);
    issue.suggestion = std::move(suggestion);
    result_.issues.push_back(std::move(issue));
  }

  // Calls the field's function for each key of `node`; `what` names the map in messages.
  void ParseMap(const Node& node, std::string_view what, const std::vector<Field>& fields) {
    if (!node.is_map()) {
      Add("wrong-type", node.mark, fmt::format("{} must be a map", what));
      return;
    }
    for (const yaml::MapItem& item : node.map) {
      const Field* found = nullptr;
      for (const Field& field : fields) {
        if (item.key->is_scalar() && item.key->scalar == field.first) found = &field;
      }
      if (found != nullptr) {
        found->second(*item.value);
        continue;
      }
      std::vector<std::string> known;
      for (const Field& field : fields) known.emplace_back(field.first);
      const auto nearest = NearestTexts(item.key->scalar, known, 1);
      Add("unknown-key", item.key->mark,
          fmt::format("unknown key \"{}\" in {}; it has: {}", item.key->scalar, what,
                      fmt::join(known, ", ")),
          nearest.empty() ? "" : nearest[0]);
    }
  }

  void ParseEntry(const Node& node) {
    EventType event;
    event.line = node.mark.line;
    event.column = node.mark.column;
    ParseMap(node, "an entry",
             {{"name", [&](const Node& n) { event.name = ParseName(n, "name"); }},
              {"summary", [&](const Node& n) { event.summary = ParseText(n, "summary"); }},
              {"webhook", [&](const Node& n) { ParseWebhooks(n, &event.webhooks); }},
              {"also", [&](const Node& n) { event.also = ParseNames(n, "also"); }},
              {"aliases", [&](const Node& n) { event.aliases = ParseNames(n, "aliases"); }},
              {"webhook_names",
               [&](const Node& n) { event.webhook_names = ParseTexts(n, "webhook_names"); }},
              {"cloudevent",
               [&](const Node& n) { event.cloudevent_types = ParseTexts(n, "cloudevent"); }},
              {"payload", [&](const Node& n) { event.payload_paths = ParsePaths(n); }}});
    if (!node.is_map()) return;
    if (node.Find("name") == nullptr) Add("missing-key", node.mark, "an entry needs a name");
    if (node.Find("summary") == nullptr) {
      Add("missing-key", node.mark,
          "an entry needs a summary: one sentence that says when the event happens");
    }
    if (!event.name.empty()) result_.event_types.push_back(std::move(event));
  }

  // A non-empty text; empty if it is none, with an issue.
  std::string ParseText(const Node& node, std::string_view what) {
    if (!node.is_scalar() || node.scalar.empty()) {
      Add("wrong-type", node.mark, fmt::format("{} must be a text", what));
      return "";
    }
    if (node.scalar.size() > kCatalogueTextBytesMax) {
      Add("too-long", node.mark,
          fmt::format("{} has {} bytes; at most {} are allowed", what, node.scalar.size(),
                      kCatalogueTextBytesMax));
      return "";
    }
    return node.scalar;
  }

  std::string ParseName(const Node& node, std::string_view what) {
    const std::string text = ParseText(node, what);
    if (text.empty()) return "";
    auto name = matcher::ParseEventName(text);
    if (!name.ok()) {
      Add("bad-name", node.mark, std::string(name.status().message()));
      return "";
    }
    return *std::move(name);
  }

  // A list, or a single item standing for a list of one; calls `parse` for each.
  void ForEach(const Node& node, std::string_view what,
               const std::function<void(const Node&)>& parse) {
    if (!node.is_sequence()) return parse(node);
    if (node.items.size() > kCatalogueListMax) {
      Add("too-many", node.mark,
          fmt::format("{} has {} items; at most {} are allowed", what, node.items.size(),
                      kCatalogueListMax));
      return;
    }
    for (const yaml::NodePtr& item : node.items) parse(*item);
  }

  std::vector<std::string> ParseTexts(const Node& node, std::string_view what) {
    std::vector<std::string> texts;
    ForEach(node, what, [&](const Node& item) {
      std::string text = ParseText(item, what);
      if (!text.empty()) texts.push_back(std::move(text));
    });
    return texts;
  }

  std::vector<std::string> ParseNames(const Node& node, std::string_view what) {
    std::vector<std::string> names;
    ForEach(node, what, [&](const Node& item) {
      std::string name = ParseName(item, what);
      if (!name.empty()) names.push_back(std::move(name));
    });
    return names;
  }

  // Keys joined by '.'; none may be empty.
  bool CheckPath(std::string_view path, Mark mark) {
    const bool good = !path.empty() && path.front() != '.' && path.back() != '.' &&
                      path.find("..") == std::string_view::npos &&
                      path.size() <= kCatalogueTextBytesMax;
    if (!good) {
      Add("bad-path", mark, fmt::format("\"{}\" is no path: write keys joined by dots", path),
          "object_attributes.action");
    }
    return good;
  }

  std::vector<std::string> ParsePaths(const Node& node) {
    std::vector<std::string> paths;
    ForEach(node, "payload", [&](const Node& item) {
      std::string path = ParseText(item, "payload");
      if (!path.empty() && CheckPath(path, item.mark)) paths.push_back(std::move(path));
    });
    return paths;
  }

  void ParseWebhooks(const Node& node, std::vector<WebhookRow>* rows) {
    ForEach(node, "webhook", [&](const Node& item) {
      WebhookRow row;
      ParseMap(item, "webhook",
               {{"kind", [&](const Node& n) { row.kind = ParseText(n, "kind"); }},
                {"when", [&](const Node& n) { ParseWhen(n, &row.when); }},
                {"also", [&](const Node& n) { row.also = ParseNames(n, "also"); }}});
      if (item.is_map() && item.Find("kind") == nullptr) {
        Add("missing-key", item.mark,
            "a webhook row needs a kind: the payload's object_kind or event_name");
      }
      if (!row.kind.empty()) rows->push_back(std::move(row));
    });
  }

  void ParseWhen(const Node& node, std::vector<WebhookCondition>* when) {
    if (!node.is_map()) {
      Add("wrong-type", node.mark, "when must be a map of paths to what they must be",
          "when: {object_attributes.action: open}");
      return;
    }
    if (node.map.size() > kCatalogueListMax) {
      Add("too-many", node.mark,
          fmt::format("when has {} conditions; at most {} are allowed", node.map.size(),
                      kCatalogueListMax));
      return;
    }
    for (const yaml::MapItem& item : node.map) {
      if (!CheckPath(item.key->scalar, item.key->mark)) continue;
      WebhookCondition condition;
      condition.path = item.key->scalar;
      if (ParseCondition(*item.value, &condition)) when->push_back(std::move(condition));
    }
  }

  bool ParseCondition(const Node& node, WebhookCondition* condition) {
    // YAML takes an unquoted `!x` for a tag, which would silently leave an empty value.
    if (!node.tag.empty() && node.tag != "!") {
      Add("bad-condition", node.mark,
          fmt::format("quote a negation: \"!...\" (YAML reads {} as a tag)", node.tag));
      return false;
    }
    if (!node.is_scalar()) {
      Add("bad-condition", node.mark,
          fmt::format("{} must be a literal, present, or \"!literal\"", condition->path));
      return false;
    }
    std::string_view literal = node.scalar;
    if (literal.size() > kCatalogueTextBytesMax) {
      Add("too-long", node.mark,
          fmt::format("the literal has {} bytes; at most {} are allowed", literal.size(),
                      kCatalogueTextBytesMax));
      return false;
    }
    if (node.plain && literal == "present") {
      condition->kind = WebhookCondition::Kind::kPresent;
      return true;
    }
    // In quotes `true` is the string; after the `!`, which has to be quoted, it is not.
    bool may_be_json = node.plain;
    if (!literal.empty() && literal.front() == '!') {
      literal.remove_prefix(1);
      condition->kind = WebhookCondition::Kind::kNotEquals;
      may_be_json = true;
    }
    condition->literal = std::string(literal);
    if (may_be_json && IsJsonLiteral(literal)) {
      condition->literal_type = WebhookCondition::LiteralType::kJson;
    }
    return true;
  }

  std::string file_;
  ParsedCatalogue result_;
};

}  // namespace

ParsedCatalogue ParseCatalogue(std::string_view text, std::string_view file) {
  return Parser(file).Run(text);
}

}  // namespace cievents
