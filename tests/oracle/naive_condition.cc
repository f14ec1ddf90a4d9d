#include "tests/oracle/naive_condition.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/oracle/naive_lexer.h"

namespace cievents::oracle {

// An operand or an operator; operands have no children.
struct NaiveNode {
  NaiveToken token;
  std::vector<NaivePart> parts;  // of a string
  std::shared_ptr<RE2> regex;    // of a pattern
  std::shared_ptr<const NaiveNode> left;
  std::shared_ptr<const NaiveNode> right;
};

namespace {

using Kind = NaiveValue::Kind;
using Node = std::shared_ptr<NaiveNode>;
using Variables = std::map<std::string, std::string>;

// `/../flags` as RE2 understands it; null if it is no valid pattern.
std::shared_ptr<RE2> CompilePattern(const std::string& text) {
  const size_t end = text.rfind('/');
  std::string source = text.substr(1, end - 1);
  for (size_t at = source.find("\\/"); at != std::string::npos; at = source.find("\\/", at)) {
    source.replace(at, 2, "/");
  }
  const std::string flags = text.substr(end + 1);
  if (!flags.empty()) source = "(?" + flags + ")" + source;
  RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_shared<RE2>(source, options);
  return regex->ok() ? regex : nullptr;
}

bool LooksLikePattern(const std::string& text) {
  static const RE2 pattern(R"((?s)/.*/[ismU]*)");
  return RE2::FullMatch(text, pattern);
}

int Precedence(const std::string& op) {
  if (op == "!") return 1;
  if (op == "&&") return 11;
  if (op == "||") return 12;
  return 10;
}

// GitLab's shunting-yard: operands and operators in the order in which they are computed.
bool ToRpn(const std::vector<NaiveToken>& tokens, std::vector<NaiveToken>* output,
           std::string* error) {
  std::vector<NaiveToken> operators;
  for (const NaiveToken& token : tokens) {
    if (token.kind == NaiveToken::Kind::kOpen) {
      operators.push_back(token);
    } else if (token.kind == NaiveToken::Kind::kClose) {
      while (!operators.empty() && operators.back().kind != NaiveToken::Kind::kOpen) {
        output->push_back(operators.back());
        operators.pop_back();
      }
      if (operators.empty()) {
        *error = "Unmatched parenthesis";
        return false;
      }
      operators.pop_back();
    } else if (token.kind == NaiveToken::Kind::kOperator) {
      while (token.text != "!" && !operators.empty() &&
             operators.back().kind == NaiveToken::Kind::kOperator &&
             Precedence(token.text) >= Precedence(operators.back().text)) {
        output->push_back(operators.back());
        operators.pop_back();
      }
      operators.push_back(token);
    } else {
      output->push_back(token);
    }
  }
  output->insert(output->end(), operators.rbegin(), operators.rend());
  return true;
}

Node Operand(const NaiveToken& token, std::string* error) {
  Node node = std::make_shared<NaiveNode>();
  node->token = token;
  if (token.kind == NaiveToken::Kind::kString) node->parts = SplitBlocks(token.text);
  if (token.kind == NaiveToken::Kind::kPattern) {
    if (token.text.find("$[[") != std::string::npos) {
      *error = "A block inside a pattern";
      return nullptr;
    }
    node->regex = CompilePattern(token.text);
    if (node->regex == nullptr) {
      *error = "Invalid regular expression!";
      return nullptr;
    }
  }
  return node;
}

bool IsEvent(const NaiveNode& node) {
  return node.token.kind == NaiveToken::Kind::kBlock && node.token.text.rfind("inputs.", 0) != 0;
}

// "`=~` with an event operand on the left needs a `/../` on the right; an event operand on the
// right is an error."
bool IsWrongMatch(const NaiveNode& node) {
  if (node.token.text != "=~" && node.token.text != "!~") return false;
  return IsEvent(*node.right) ||
         (IsEvent(*node.left) && node.right->token.kind != NaiveToken::Kind::kPattern);
}

Node BuildTree(const std::vector<NaiveToken>& rpn, std::string* error) {
  std::vector<Node> nodes;
  for (const NaiveToken& token : rpn) {
    if (token.kind == NaiveToken::Kind::kOpen) {
      *error = "Unprocessable token found in parse tree: parenthesis_open";
      return nullptr;
    }
    if (token.kind != NaiveToken::Kind::kOperator) {
      nodes.push_back(Operand(token, error));
      if (nodes.back() == nullptr) return nullptr;
      continue;
    }
    Node node = std::make_shared<NaiveNode>();
    node->token = token;
    const size_t wanted = token.text == "!" ? 1 : 2;
    if (nodes.size() < wanted) {
      *error = "Invalid left operand";
      return nullptr;
    }
    node->right = nodes.back();
    nodes.pop_back();
    if (wanted == 2) {
      node->left = nodes.back();
      nodes.pop_back();
      if (IsWrongMatch(*node)) {
        *error = "An event operand is matched against a pattern";
        return nullptr;
      }
    }
    nodes.push_back(node);
  }
  if (rpn.size() == 1 && rpn[0].kind == NaiveToken::Kind::kBlock && !IsEvent(*nodes[0])) {
    *error = "An input as a whole clause";
    return nullptr;
  }
  if (nodes.size() == 1) return nodes[0];
  *error = nodes.empty() ? "Empty parse tree" : "Unreachable nodes in parse tree";
  return nullptr;
}

bool EqualScalars(const NaiveValue& a, const NaiveValue& b) {
  if (a.kind == Kind::kNull || b.kind == Kind::kNull) return a.kind == b.kind;
  const bool a_is_text = a.kind == Kind::kText;
  const bool b_is_text = b.kind == Kind::kText;
  if (a_is_text && b_is_text) return a.text == b.text;
  if (!a_is_text && !b_is_text) return a.boolean == b.boolean;
  // "`true` / `false` equal the literals and the strings": JSON's do, the literals do not.
  const NaiveValue& boolean = a_is_text ? b : a;
  if (boolean.kind == Kind::kLiteral) return false;
  return (a_is_text ? a : b).text == (boolean.boolean ? "true" : "false");
}

std::vector<NaiveValue> Elements(const NaiveValue& value) {
  return value.kind == Kind::kList ? value.list : std::vector<NaiveValue>{value};
}

bool Equal(const NaiveValue& a, const NaiveValue& b) {
  if (a.kind != Kind::kList && b.kind != Kind::kList) return EqualScalars(a, b);
  for (const NaiveValue& x : Elements(a)) {
    for (const NaiveValue& y : Elements(b)) {
      if (EqualScalars(x, y)) return true;
    }
  }
  return false;
}

// Ruby's to_s.
std::string ToText(const NaiveValue& value) {
  if (value.kind == Kind::kNull) return "";
  if (value.kind == Kind::kText) return value.text;
  if (value.kind == Kind::kList) return value.Json();
  return value.boolean ? "true" : "false";
}

// Ruby's truthiness; a list is whether some element is present.
bool Falsy(const NaiveValue& value) {
  if (value.kind == Kind::kList) return !NaivePresent(value);
  if (value.kind == Kind::kNull) return true;
  return value.kind != Kind::kText && !value.boolean;
}

class Evaluation {
 public:
  Evaluation(const NaiveOperands& operands, const Variables& variables)
      : operands_(operands), variables_(variables) {}

  NaiveValue Of(const NaiveNode& node) const {
    switch (node.token.kind) {
      case NaiveToken::Kind::kNull:
        return NaiveValue();
      case NaiveToken::Kind::kBoolean:
        return NaiveValue::Literal(node.token.text == "true");
      case NaiveToken::Kind::kString:
        return OfString(node);
      case NaiveToken::Kind::kPattern:
        return NaiveValue::Text(node.token.text);
      case NaiveToken::Kind::kVariable: {
        const auto found = variables_.find(node.token.text);
        return found == variables_.end() ? NaiveValue() : NaiveValue::Text(found->second);
      }
      case NaiveToken::Kind::kBlock:
        return OfBlock(node.token.text);
      default:
        return OfOperator(node);
    }
  }

 private:
  NaiveValue OfBlock(const std::string& block) const {
    if (block.rfind("inputs.", 0) == 0) return operands_.input(block.substr(7));
    return operands_.event(block);
  }

  NaiveValue OfString(const NaiveNode& node) const {
    std::string text;
    for (const NaivePart& part : node.parts) {
      if (!part.is_block) {
        text += part.text;
        continue;
      }
      const NaiveValue value = OfBlock(part.text);
      if (value.kind == Kind::kNull || value.kind == Kind::kFailed) return value;
      text += ToText(value);
    }
    return NaiveValue::Text(text);
  }

  NaiveValue OfOperator(const NaiveNode& node) const {
    const std::string& op = node.token.text;
    if (op == "!") {
      const NaiveValue value = Of(*node.right);
      if (value.kind == Kind::kFailed) return value;
      return NaiveValue::Literal(!NaivePresent(value));
    }
    const NaiveValue left = Of(*node.left);
    if (left.kind == Kind::kFailed) return left;
    if (op == "&&" || op == "||") {
      // Operands are handed on as they are: of a list, what it is compared with decides later.
      if (Falsy(left) == (op == "&&")) return left;
      return Of(*node.right);
    }
    const NaiveValue right = Of(*node.right);
    if (right.kind == Kind::kFailed) return right;
    if (op == "==") return NaiveValue::Literal(Equal(left, right));
    if (op == "!=") return NaiveValue::Literal(!Equal(left, right));
    return NaiveValue::Literal(Matches(left, right, node) == (op == "=~"));
  }

  // "Right nil -> false; a pattern: searched in left.to_s; a plain string: right contains left."
  static bool Matches(const NaiveValue& left, const NaiveValue& right, const NaiveNode& node) {
    if (right.kind == Kind::kNull) return false;
    std::shared_ptr<RE2> regex = node.right->regex;
    const std::string pattern = ToText(right);
    if (regex == nullptr && LooksLikePattern(pattern)) regex = CompilePattern(pattern);
    const auto found = [&](const NaiveValue& element) {
      const std::string text = ToText(element);
      return regex != nullptr ? RE2::PartialMatch(text, *regex)
                              : pattern.find(text) != std::string::npos;
    };
    if (left.kind != Kind::kList) return found(left);
    return std::any_of(left.list.begin(), left.list.end(), found);
  }

  const NaiveOperands& operands_;
  const Variables& variables_;
};

// Variables that a pattern is searched in.
void CollectSearched(const NaiveNode& node, std::set<std::string>* variables) {
  if (node.left != nullptr && node.right->regex != nullptr &&
      node.left->token.kind == NaiveToken::Kind::kVariable) {
    variables->insert(node.left->token.text);
  }
  if (node.left != nullptr) CollectSearched(*node.left, variables);
  if (node.right != nullptr) CollectSearched(*node.right, variables);
}

void Collect(const NaiveNode& node, std::set<std::string>* variables,
             std::vector<const NaiveNode*>* operands) {
  if (node.token.kind == NaiveToken::Kind::kVariable) variables->insert(node.token.text);
  if (node.token.kind != NaiveToken::Kind::kOperator) operands->push_back(&node);
  if (node.left != nullptr) Collect(*node.left, variables, operands);
  if (node.right != nullptr) Collect(*node.right, variables, operands);
}

bool IsBlank(const std::string& text) {
  static const RE2 blank(R"([\s\x0B\x{85}\p{Z}]*)");
  return RE2::FullMatch(text, blank);
}

}  // namespace

bool NaivePresent(const NaiveValue& value) {
  switch (value.kind) {
    case Kind::kText:
      return !IsBlank(value.text);
    case Kind::kList:
      return std::any_of(value.list.begin(), value.list.end(), &NaivePresent);
    default:
      return !Falsy(value);
  }
}

std::shared_ptr<const NaiveCondition> NaiveCondition::Parse(const std::string& text,
                                                            std::string* error) {
  std::vector<NaiveToken> tokens;
  std::vector<NaiveToken> rpn;
  if (!NaiveTokens(text, &tokens, error) || !ToRpn(tokens, &rpn, error)) return nullptr;
  const Node root = BuildTree(rpn, error);
  if (root == nullptr) return nullptr;
  const auto condition = std::make_shared<NaiveCondition>();
  condition->text_ = text;
  condition->root_ = root;
  Collect(*root, &condition->variables_, &condition->operands_);
  CollectSearched(*root, &condition->searched_);
  return condition;
}

NaiveValue NaiveCondition::Evaluate(const NaiveOperands& operands,
                                    const Variables& variables) const {
  return Evaluation(operands, variables).Of(*root_);
}

NaiveVerdict NaiveCondition::Decide(const NaiveOperands& operands,
                                    const std::vector<std::string>& texts) const {
  std::set<std::optional<std::string>> some = {std::nullopt, "", " ", "true", "/..*/", "other"};
  const Variables none;
  // What a variable may be compared with.
  for (const NaiveNode* operand : operands_) {
    if (variables_.empty()) break;
    for (const NaiveValue& element : Elements(Evaluation(operands, none).Of(*operand))) {
      some.insert(ToText(element));
    }
  }
  const std::vector<std::string> names(variables_.begin(), variables_.end());
  std::vector<std::vector<std::optional<std::string>>> choices;
  for (const std::string& name : names) {
    choices.emplace_back(some.begin(), some.end());
    // Only a pattern finds more than what it is compared with.
    if (searched_.count(name) != 0) {
      choices.back().insert(choices.back().end(), texts.begin(), texts.end());
    }
  }
  std::vector<size_t> chosen(names.size(), 0);
  std::set<NaiveVerdict> verdicts;
  while (true) {
    Variables variables;
    for (size_t i = 0; i < names.size(); ++i) {
      const std::optional<std::string>& choice = choices[i][chosen[i]];
      if (choice.has_value()) variables[names[i]] = *choice;
    }
    const NaiveValue value = Evaluate(operands, variables);
    // "Errors at run time: no request", also if only some completions get there.
    if (value.kind == Kind::kFailed) return NaiveVerdict::kFailed;
    verdicts.insert(NaivePresent(value) ? NaiveVerdict::kTrue : NaiveVerdict::kFalse);
    // The next completion, as an odometer counts.
    size_t digit = 0;
    while (digit < names.size() && ++chosen[digit] == choices[digit].size()) chosen[digit++] = 0;
    if (digit == names.size()) break;
  }
  return verdicts.size() == 1 ? *verdicts.begin() : NaiveVerdict::kUndecided;
}

}  // namespace cievents::oracle
