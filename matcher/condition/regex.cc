#include "matcher/condition/regex.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <cstring>
#include <utility>

#include "matcher/condition/condition.h"
#include "matcher/condition/sequence_pattern.h"

namespace cievents::matcher {
namespace {

// Room for kRegexProgramMax instructions and a DFA of useful size; without room for a DFA RE2 falls
// back to slower engines, never to a wrong answer.
constexpr int64_t kRegexMemoryBytes = 1024 * 1024;

// A search costs this much however short the text is.
constexpr int64_t kSearchBytesMin = 16;

bool IsPunctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`' && c != '_') ||
         (c >= '{' && c <= '~');
}

bool IsMeta(char c) {
  return std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos;
}

// Takes the literal characters at the front of `rest` into `literal`. Stops before the first
// operator; a character that a quantifier follows is left in `rest`.
void TakeLiteral(std::string_view* rest, std::string* literal) {
  while (!rest->empty()) {
    size_t length = 1;
    char c = (*rest)[0];
    if (c == '\\') {
      if (rest->size() < 2 || !IsPunctuation((*rest)[1])) return;
      c = (*rest)[1];
      length = 2;
    } else if (IsMeta(c)) {
      return;
    } else if ((c & 0x80) != 0) {  // a quantifier belongs to the whole character
      while (length < rest->size() && ((*rest)[length] & 0xC0) == 0x80) ++length;
    }
    if (length < rest->size()) {
      const char next = (*rest)[length];
      if (next == '*' || next == '+' || next == '?' || next == '{') return;
    }
    if (length == 2 && (*rest)[0] == '\\') {
      literal->push_back(c);
    } else {
      literal->append(rest->substr(0, length));
    }
    rest->remove_prefix(length);
  }
}

bool TakePrefix(std::string_view* rest, std::string_view prefix) {
  if (!rest->starts_with(prefix)) return false;
  rest->remove_prefix(prefix.size());
  return true;
}

struct Flags {
  bool fold_case = false;
  bool multi_line = false;
};

// Takes `(?isU)` from the front, which PatternSource puts there.
Flags TakeFlags(std::string_view* rest) {
  Flags flags;
  if (!rest->starts_with("(?")) return flags;
  const size_t end = rest->find_first_not_of("ismU", 2);
  if (end == 2 || end == std::string_view::npos || (*rest)[end] != ')') return flags;
  for (const char c : rest->substr(2, end - 2)) {
    if (c == 'i') flags.fold_case = true;
    if (c == 'm') flags.multi_line = true;
  }
  rest->remove_prefix(end + 1);
  return flags;
}

bool IsAtEnd(std::string_view rest) { return rest.empty() || rest == "$" || rest == "\\z"; }

// A pattern that is a literal with or without anchors. `.*` at an open end asks for nothing, so it
// is dropped; beside an anchor it asks that no line ends between.
Regex::Shape FindShape(std::string_view source, std::string* literal) {
  std::string_view rest = source;
  const Flags flags = TakeFlags(&rest);
  if (flags.fold_case || flags.multi_line) return Regex::Shape::kEngine;
  const bool at_start = TakePrefix(&rest, "^") || TakePrefix(&rest, "\\A");
  if (!at_start) TakePrefix(&rest, ".*");
  TakeLiteral(&rest, literal);
  if (rest == ".*") rest = {};
  if (!IsAtEnd(rest)) return Regex::Shape::kEngine;
  const bool at_end = !rest.empty();
  if (at_start) return at_end ? Regex::Shape::kExact : Regex::Shape::kPrefix;
  return at_end ? Regex::Shape::kSuffix : Regex::Shape::kContains;
}

// What stands in a pattern outside of classes and groups, as far as two questions need it.
struct Skeleton {
  bool alternatives = false;  // a `|` outside of groups
  int assertions = 0;         // ^ $ \A \z \b \B anywhere outside of classes
  bool quoted = false;        // \Q..\E: not looked into
};

// `at` stands on a `[`; returns the place behind the class.
size_t SkipClass(std::string_view source, size_t at) {
  ++at;
  if (at < source.size() && source[at] == '^') ++at;
  if (at < source.size() && source[at] == ']') ++at;
  while (at < source.size() && source[at] != ']') {
    if (source[at] == '\\') {
      ++at;
    } else if (source.substr(at, 2) == "[:") {
      const size_t end = source.find(":]", at + 2);
      if (end != std::string_view::npos) at = end + 1;
    }
    ++at;
  }
  return at + 1;
}

Skeleton FindSkeleton(std::string_view source) {
  Skeleton skeleton;
  int depth = 0;
  for (size_t at = 0; at < source.size();) {
    const char c = source[at];
    if (c == '[') {
      at = SkipClass(source, at);
      continue;
    }
    if (c == '\\' && at + 1 < source.size()) {
      const char escaped = source[at + 1];
      if (escaped == 'Q') skeleton.quoted = true;
      if (escaped == 'A' || escaped == 'z' || escaped == 'b' || escaped == 'B') {
        ++skeleton.assertions;
      }
      at += 2;
      continue;
    }
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == '^' || c == '$') ++skeleton.assertions;
    if (c == '|' && depth == 0) skeleton.alternatives = true;
    ++at;
  }
  return skeleton;
}

// Whether a regex that finds something in the empty text finds it in every text: an empty match is
// possible anywhere if no assertion forbids it. With one assertion, at an end of the pattern, the
// empty match stands at that end of the text.
bool EmptyMatchIsEverywhere(std::string_view source) {
  const Skeleton skeleton = FindSkeleton(source);
  if (skeleton.quoted) return false;
  if (skeleton.assertions == 0) return true;
  if (skeleton.assertions > 1 || skeleton.alternatives) return false;
  TakeFlags(&source);
  if (source.starts_with("^") || source.starts_with("\\A")) return true;
  return source.ends_with("\\z") || (source.ends_with("$") && !source.ends_with("\\$"));
}

re2::RE2::Options EngineOptions() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemoryBytes);
  return options;
}

// Asks an engine of its own: the first search builds a DFA, which would double the memory of a
// regex that may never be used.
bool MatchesEmptyText(std::string_view source) {
  return re2::RE2::PartialMatch(
      "", re2::RE2(re2::StringPiece(source.data(), source.size()), EngineOptions()));
}

std::string SyntaxMessage(const re2::RE2& engine) {
  std::string message = engine.error();
  switch (engine.error_code()) {
    case re2::RE2::ErrorBadPerlOp:
      message += "; RE2 has no look-ahead and no look-behind";
      break;
    case re2::RE2::ErrorBadEscape:
      message += "; RE2 has no back-references";
      break;
    default:
      break;
  }
  return message;
}

}  // namespace

Regex::Regex(std::string_view source, Shape shape, std::string literal)
    : source_(source), shape_(shape), literal_(std::move(literal)) {}
Regex::~Regex() = default;

std::unique_ptr<const Regex> Regex::Compile(std::string_view source, Error* error,
                                            std::string* message) {
  *error = Error::kNone;
  std::string_view pattern = source;
  TakeFlags(&pattern);
  if (pattern.size() > kRegexBytesMax) {
    *error = Error::kLimit;
    *message = fmt::format("the pattern has {} bytes, at most {} are allowed", pattern.size(),
                           kRegexBytesMax);
    return nullptr;
  }
  std::string literal;
  const Shape shape = FindShape(source, &literal);
  if (shape != Shape::kEngine) {
    auto regex = std::unique_ptr<Regex>(new Regex(source, shape, std::move(literal)));
    regex->matches_every_text_ = regex->literal_.empty() && shape != Shape::kExact;
    return regex;
  }
  auto engine =
      std::make_unique<re2::RE2>(re2::StringPiece(source.data(), source.size()), EngineOptions());
  const bool too_large = engine->error_code() == re2::RE2::ErrorPatternTooLarge;
  if (!engine->ok() && !too_large) {
    *error = Error::kSyntax;
    *message = SyntaxMessage(*engine);
    return nullptr;
  }
  if (too_large || engine->ProgramSize() > kRegexProgramMax) {
    *error = Error::kLimit;
    *message = fmt::format("the pattern is too large: compiled, it may have {} instructions",
                           kRegexProgramMax);
    return nullptr;
  }
  auto regex = std::unique_ptr<Regex>(new Regex(source, shape, std::string()));
  regex->program_size_ = engine->ProgramSize();
  regex->matches_every_text_ = EmptyMatchIsEverywhere(source) && MatchesEmptyText(source);
  regex->sequence_ = CompileSequence(source);
  if (!regex->is_sequence()) regex->engine_ = std::move(engine);
  return regex;
}

Regex::Outcome Regex::Search(std::string_view text, RegexBudget& budget) const {
  bool found = false;
  switch (shape_) {
    case Shape::kExact:
      found = text == literal_;
      break;
    case Shape::kPrefix:
      found = text.starts_with(literal_);
      break;
    case Shape::kSuffix:
      found = text.ends_with(literal_);
      break;
    case Shape::kContains:
      found = Contains(text, literal_);
      break;
    case Shape::kEngine:
      budget.work_left -= program_size_ * (static_cast<int64_t>(text.size()) + kSearchBytesMin);
      if (budget.work_left < 0) return Outcome::kOverBudget;
      found = is_sequence()
                  ? MatchesSequence(sequence_, text)
                  : re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *engine_);
      break;
  }
  return found ? Outcome::kFound : Outcome::kNotFound;
}

std::optional<std::string> PatternSource(std::string_view text) {
  std::string unescaped;
  for (size_t start = 0; start <= text.size();) {
    size_t end = text.find('\n', start);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view line = text.substr(start, end - start);
    start = end + 1;
    if (!line.starts_with("/") && !line.starts_with("\\/")) continue;
    unescaped.clear();
    for (size_t at = 0; at < line.size(); ++at) {
      if (line.substr(at, 2) == "\\/") ++at;
      unescaped.push_back(line[at]);
    }
    const size_t last = unescaped.rfind('/');
    if (last == 0 || unescaped.find_first_not_of("ismU", last + 1) != std::string::npos) continue;
    const std::string flags = unescaped.substr(last + 1);
    const std::string pattern = unescaped.substr(1, last - 1);
    return flags.empty() ? pattern : fmt::format("(?{}){}", flags, pattern);
  }
  return std::nullopt;
}

std::string RequiredPrefix(std::string_view source) {
  const Skeleton skeleton = FindSkeleton(source);
  if (skeleton.alternatives || skeleton.quoted) return {};
  const Flags flags = TakeFlags(&source);
  if (flags.fold_case || flags.multi_line) return {};
  if (!TakePrefix(&source, "^") && !TakePrefix(&source, "\\A")) return {};
  std::string literal;
  TakeLiteral(&source, &literal);
  return literal;
}

bool Contains(std::string_view text, std::string_view part) {
  if (part.empty()) return true;
  if (part.size() > text.size()) return false;
  return memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

std::shared_ptr<const Regex> RegexTable::Intern(std::string_view source, Regex::Error* error,
                                                std::string* message) {
  *error = Regex::Error::kNone;
  const auto found = regexes_.find(source);
  if (found != regexes_.end()) {
    if (std::shared_ptr<const Regex> regex = found->second.lock()) return regex;
  }
  std::shared_ptr<const Regex> regex = Regex::Compile(source, error, message);
  if (regex == nullptr) return nullptr;
  SweepIfGrown();
  regexes_.insert_or_assign(std::string(source), regex);
  return regex;
}

// A regex goes with its last condition, on whatever thread that is; its entry here goes later, with
// the writer, so that no lock is needed.
void RegexTable::SweepIfGrown() {
  if (regexes_.size() < sweep_at_) return;
  absl::erase_if(regexes_, [](const auto& entry) { return entry.second.expired(); });
  sweep_at_ = 2 * regexes_.size() + 64;
}

}  // namespace cievents::matcher
