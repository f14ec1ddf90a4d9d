#include "matcher/condition/access.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace cievents::matcher {
namespace {

class Collector {
 public:
  explicit Collector(const CompiledCondition& condition) : condition_(condition) {}

  // The groups of one node: its value is falsy if one of them does not hold.
  std::vector<AccessGroup> CollectGroups(uint8_t index) const {
    const Node& node = condition_.expression.nodes[index];
    switch (node.kind) {
      case NodeKind::kAnd: {
        std::vector<AccessGroup> groups = CollectGroups(node.left);
        for (AccessGroup& group : CollectGroups(node.right)) {
          if (std::find(groups.begin(), groups.end(), group) == groups.end()) {
            groups.push_back(std::move(group));
          }
        }
        return groups;
      }
      case NodeKind::kOr:
        return Either(CollectGroups(node.left), CollectGroups(node.right));
      case NodeKind::kEquals:
      case NodeKind::kMatches:
        if (std::optional<AccessTerm> term = FindTerm(node)) return {{*std::move(term)}};
        return {};
      default:
        return {};
    }
  }

 private:
  // One group of both: each side gives the one that an index can use best.
  static std::vector<AccessGroup> Either(std::vector<AccessGroup> left,
                                         std::vector<AccessGroup> right) {
    if (left.empty() || right.empty()) return {};
    AccessGroup group = std::move(*Best(&left));
    for (AccessTerm& term : *Best(&right)) {
      if (std::find(group.begin(), group.end(), term) == group.end()) {
        group.push_back(std::move(term));
      }
    }
    return {std::move(group)};
  }

  // Equality is the cheapest to look up and the most selective, a regex the least; a group is as
  // weak as its weakest term.
  static AccessGroup* Best(std::vector<AccessGroup>* groups) {
    const auto rank = [](const AccessGroup& group) {
      int weakest = 0;
      for (const AccessTerm& term : group) weakest = std::max(weakest, static_cast<int>(term.kind));
      return std::pair(weakest, group.size());
    };
    return &*std::min_element(
        groups->begin(), groups->end(),
        [&](const AccessGroup& a, const AccessGroup& b) { return rank(a) < rank(b); });
  }

  std::optional<AccessTerm> FindTerm(const Node& node) const {
    const Node* event = &condition_.expression.nodes[node.left];
    const Node* other = &condition_.expression.nodes[node.right];
    if (node.kind == NodeKind::kEquals && event->kind != NodeKind::kEvent) std::swap(event, other);
    if (event->kind != NodeKind::kEvent) return std::nullopt;
    AccessTerm term;
    term.path = condition_.paths[event->operand];
    // Its value depends on the entry that asks.
    if (term.path->root == EventPath::Root::kName) return std::nullopt;
    const bool found =
        node.kind == NodeKind::kEquals ? SetLiteral(*other, &term) : SetPattern(*other, &term);
    return found ? std::optional(std::move(term)) : std::nullopt;
  }

  bool SetLiteral(const Node& node, AccessTerm* term) const {
    term->kind = AccessTerm::Kind::kEquals;
    switch (node.kind) {
      case NodeKind::kString:
        term->literal = condition_.expression.Content(node);
        return true;
      // Only JSON's booleans equal the literals; their text is asked for, which lets the strings
      // "true" and "false" through as well: a superset.
      case NodeKind::kTrue:
        term->literal = "true";
        return true;
      case NodeKind::kFalse:
        term->literal = "false";
        return true;
      default:
        return false;
    }
  }

  // No term for a pattern that finds something in the empty text: it holds for what is absent,
  // which an index does not look up.
  bool SetPattern(const Node& node, AccessTerm* term) const {
    if (node.kind != NodeKind::kPattern) return false;
    const Regex& regex = *condition_.regexes[node.operand];
    RegexBudget budget;
    if (regex.Search({}, budget) != Regex::Outcome::kNotFound) return false;
    if (regex.shape() == Regex::Shape::kExact) {
      term->kind = AccessTerm::Kind::kEquals;
      term->literal = regex.literal();
      return true;
    }
    term->literal = RequiredPrefix(regex.source());
    term->kind = AccessTerm::Kind::kPrefix;
    if (!term->literal.empty()) return true;
    term->literal = regex.source();
    term->kind = AccessTerm::Kind::kRegex;
    return true;
  }

  const CompiledCondition& condition_;
};

}  // namespace

std::vector<AccessGroup> FindAccess(const CompiledCondition& condition) {
  if (condition.expression.undecidable) return {};
  return Collector(condition).CollectGroups(condition.expression.root());
}

}  // namespace cievents::matcher
