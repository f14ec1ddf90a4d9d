#include "matcher/condition/operand.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "matcher/base/json_escape.h"

namespace cievents::matcher {
namespace {

using Kind = Operand::Kind;

constexpr std::string_view kOverBudget =
    "the patterns of the condition need too much work on this text";
constexpr std::string_view kTrueIsNoPattern = "the right side of the match is true, not a pattern";
constexpr std::string_view kPatternOnLeft = "the left side of the match is a pattern, not a text";
constexpr std::string_view kPatternTooLarge = "the pattern in the value is over its limits";

// Two lists of this product are compared pair by pair; longer ones by a hash set.
constexpr size_t kPairsMax = 256;

// The bytes of the white space character that `text` begins with; 0 = none.
size_t SpaceBytes(std::string_view text) {
  const auto c = static_cast<unsigned char>(text[0]);
  if (c == ' ' || (c >= '\t' && c <= '\r')) return 1;
  if (c < 0xC2) return 0;
  const std::string_view two = text.substr(0, 2);
  if (two == "\xC2\x85" || two == "\xC2\xA0") return 2;
  const std::string_view three = text.substr(0, 3);
  if (three.size() < 3) return 0;
  if (three == "\xE1\x9A\x80" || three == "\xE2\x81\x9F" || three == "\xE3\x80\x80") return 3;
  if (three.starts_with("\xE2\x80")) {
    const auto last = static_cast<unsigned char>(three[2]);
    if (last <= 0x8A || last == 0xA8 || last == 0xA9 || last == 0xAF) return 3;
  }
  return 0;
}

std::string_view ElementText(const Value& element) {
  if (element.kind != Value::Kind::kBoolean) return element.text;
  return element.boolean ? "true" : "false";
}

// JSON values are equal if their texts are: `true` equals "true".
bool ListsMeet(std::span<const Value> left, std::span<const Value> right) {
  if (left.size() * right.size() <= kPairsMax) {
    for (const Value& a : left) {
      for (const Value& b : right) {
        if (ElementText(a) == ElementText(b)) return true;
      }
    }
    return false;
  }
  absl::flat_hash_set<std::string_view, absl::Hash<std::string_view>> texts;
  texts.reserve(left.size());
  for (const Value& a : left) texts.insert(ElementText(a));
  for (const Value& b : right) {
    if (texts.contains(ElementText(b))) return true;
  }
  return false;
}

bool ScalarsEqual(const Operand& left, const Operand& right) {
  switch (left.kind) {
    case Kind::kText:
      if (right.kind == Kind::kText) return left.text() == right.text();
      if (right.kind == Kind::kJsonTrue) return left.text() == "true";
      return right.kind == Kind::kJsonFalse && left.text() == "false";
    case Kind::kTrue:
      return right.kind == Kind::kTrue || right.kind == Kind::kJsonTrue;
    case Kind::kFalse:
      return right.kind == Kind::kFalse || right.kind == Kind::kJsonFalse;
    case Kind::kJsonTrue:
    case Kind::kJsonFalse:
      return left.kind == right.kind || ((right.kind == Kind::kText || right.kind == Kind::kTrue ||
                                          right.kind == Kind::kFalse) &&
                                         ScalarsEqual(right, left));
    case Kind::kPattern:
      return right.kind == Kind::kPattern && left.pattern().source() == right.pattern().source();
    default:
      return left.kind == right.kind;  // null
  }
}

Operand FromOutcome(Regex::Outcome outcome) {
  if (outcome == Regex::Outcome::kOverBudget) return Operand::Failed(kOverBudget);
  return Operand::Boolean(outcome == Regex::Outcome::kFound);
}

// Calls `match` with the text of `left`, or of its elements until one is found or fails.
template <typename MatchText>
Operand MatchSome(const Operand& left, MatchText match) {
  if (left.kind != Kind::kList) {
    std::string unused;
    return match(ToText(left, &unused));
  }
  for (const Value& element : left.list()) {
    const Operand found = match(ElementText(element));
    if (found.kind != Kind::kFalse) return found;
  }
  return Operand::Of(Kind::kFalse);
}

// A right side that is a text: the pattern in it, or GitLab's "right contains left".
Operand MatchText(const Operand& left, std::string_view right, RegexBudget& budget) {
  if (const std::optional<std::string> source = PatternSource(right)) {
    Regex::Error error;
    std::string message;
    const std::unique_ptr<const Regex> regex = Regex::Compile(*source, &error, &message);
    if (error == Regex::Error::kLimit) return Operand::Failed(kPatternTooLarge);
    if (regex != nullptr) {
      return MatchSome(
          left, [&](std::string_view text) { return FromOutcome(regex->Search(text, budget)); });
    }
  }
  return MatchSome(left, [&](std::string_view text) {
    budget.work_left -= static_cast<int64_t>(right.size());
    if (budget.work_left < 0) return Operand::Failed(kOverBudget);
    return Operand::Boolean(Contains(right, text));
  });
}

void AppendJsonList(std::span<const Value> list, std::string* out) {
  out->push_back('[');
  for (const Value& element : list) {
    if (&element != list.data()) out->push_back(',');
    if (element.kind == Value::Kind::kBoolean || element.bare_json) {
      out->append(ElementText(element));
    } else {
      AppendJsonString(element.text, out);
    }
  }
  out->push_back(']');
}

}  // namespace

bool IsBlank(std::string_view text) {
  while (!text.empty()) {
    const size_t bytes = SpaceBytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

bool Present(const Operand& operand) {
  switch (operand.kind) {
    case Kind::kTrue:
    case Kind::kJsonTrue:
    case Kind::kPattern:
      return true;
    case Kind::kText:
      return !IsBlank(operand.text());
    case Kind::kList:
      for (const Value& element : operand.list()) {
        if (Present(Operand::From(element))) return true;
      }
      return false;
    default:
      return false;
  }
}

bool Truthy(const Operand& operand) {
  switch (operand.kind) {
    case Kind::kNull:
    case Kind::kFalse:
    case Kind::kJsonFalse:
      return false;
    case Kind::kList:
      return Present(operand);
    default:
      return true;
  }
}

bool Equal(const Operand& left, const Operand& right) {
  if (left.kind == Kind::kText && right.kind == Kind::kText) return left.text() == right.text();
  if (left.kind != Kind::kList && right.kind != Kind::kList) return ScalarsEqual(left, right);
  if (left.kind == Kind::kList && right.kind == Kind::kList) {
    return ListsMeet(left.list(), right.list());
  }
  const Operand& list = left.kind == Kind::kList ? left : right;
  const Operand& scalar = left.kind == Kind::kList ? right : left;
  for (const Value& element : list.list()) {
    if (ScalarsEqual(Operand::From(element), scalar)) return true;
  }
  return false;
}

Operand Match(const Operand& left, const Operand& right, RegexBudget& budget) {
  if (left.kind == Kind::kPattern) return Operand::Failed(kPatternOnLeft);
  switch (right.kind) {
    case Kind::kNull:
    case Kind::kFalse:
    case Kind::kJsonFalse:
      return Operand::Of(Kind::kFalse);
    case Kind::kPattern:
      return MatchSome(left, [&](std::string_view text) {
        return FromOutcome(right.pattern().Search(text, budget));
      });
    case Kind::kText:
      return MatchText(left, right.text(), budget);
    case Kind::kList:
      for (const Value& element : right.list()) {
        const Operand found = Match(left, Operand::From(element), budget);
        if (found.kind != Kind::kFalse) return found;
      }
      return Operand::Of(Kind::kFalse);
    default:
      return Operand::Failed(kTrueIsNoPattern);
  }
}

std::string_view ToText(const Operand& operand, std::string* store) {
  switch (operand.kind) {
    case Kind::kTrue:
    case Kind::kJsonTrue:
      return "true";
    case Kind::kFalse:
    case Kind::kJsonFalse:
      return "false";
    case Kind::kText:
      return operand.text();
    case Kind::kList:
      AppendJsonList(operand.list(), store);
      return *store;
    default:
      return {};
  }
}

std::string ToJson(const Operand& operand) {
  std::string json;
  switch (operand.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kText:
      AppendJsonString(operand.text(), &json);
      return json;
    case Kind::kPattern:
      AppendJsonString(fmt::format("/{}/", operand.pattern().source()), &json);
      return json;
    default:
      return std::string(ToText(operand, &json));
  }
}

}  // namespace cievents::matcher
