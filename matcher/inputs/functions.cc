#include "matcher/inputs/functions.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "matcher/base/check.h"
#include "matcher/base/status.h"

namespace cievents::matcher {
namespace {

constexpr int kArgumentsMax = 2;

bool ContinuesCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The first `count` characters of `text`, in bytes. GitLab counts characters, not bytes.
size_t BytesOfCharacters(std::string_view text, uint64_t count) {
  size_t bytes = 0;
  for (; count > 0 && bytes < text.size(); --count) {
    ++bytes;
    while (bytes < text.size() && ContinuesCharacter(text[bytes])) ++bytes;
  }
  return bytes;
}

// More digits than fit mean "more than any text has".
uint64_t ParseCount(std::string_view digits) {
  uint64_t count = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return result.ec == std::errc() ? count : UINT64_MAX;
}

std::string Truncate(std::span<const std::string> arguments, const FunctionContext& /*context*/,
                     std::string* text) {
  std::string_view rest = *text;
  rest.remove_prefix(BytesOfCharacters(rest, ParseCount(arguments[0])));
  rest = rest.substr(0, BytesOfCharacters(rest, ParseCount(arguments[1])));
  *text = std::string(rest);
  return {};
}

// As Ruby's Shellwords.escape: a backslash before every character that a shell could take for
// something, quotes around a newline.
std::string PosixEscape(std::span<const std::string> /*arguments*/,
                        const FunctionContext& /*context*/, std::string* text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.,:+/@";
  if (text->find('\0') != std::string::npos) return "the text has a NUL character";
  std::string escaped;
  escaped.reserve(text->size() + text->size() / 8 + 2);
  for (const char c : *text) {
    if (c == '\n') {
      escaped.append("'\n'");
      continue;
    }
    if (!ContinuesCharacter(c) && kPlain.find(c) == std::string_view::npos) escaped.push_back('\\');
    escaped.push_back(c);
  }
  *text = escaped.empty() ? "''" : std::move(escaped);
  return {};
}

// As GitLab's expand_existing: a variable that is not defined stays as it is written. Expanded
// text is not expanded again. Masked variables do not exist here: who calls leaves them out.
std::string ExpandVars(std::span<const std::string> /*arguments*/, const FunctionContext& context,
                       std::string* text) {
  static const RE2& reference = *new RE2(
      R"(\$([a-zA-Z_][a-zA-Z0-9_]*)|\$\{([a-zA-Z_][a-zA-Z0-9_]*)\}|%([a-zA-Z_][a-zA-Z0-9_]*)%)");
  if (context.variables == nullptr) {
    return "no variable is known when an event is matched; expand it where the input is used";
  }
  std::string expanded;
  re2::StringPiece rest(*text);
  std::array<re2::StringPiece, 4> groups;
  while (reference.Match(rest, 0, rest.size(), RE2::UNANCHORED, groups.data(), groups.size())) {
    const size_t begin = groups[0].data() - rest.data();
    expanded.append(rest.data(), begin);
    const auto name = std::find_if(groups.begin() + 1, groups.end(),
                                   [](const re2::StringPiece& group) { return !group.empty(); });
    const auto variable = context.variables->find(std::string_view(name->data(), name->size()));
    if (variable == context.variables->end()) {
      expanded.append(groups[0].data(), groups[0].size());
    } else {
      expanded.append(variable->second);
    }
    rest.remove_prefix(begin + groups[0].size());
  }
  expanded.append(rest.data(), rest.size());
  *text = std::move(expanded);
  return {};
}

// The functions that there are.
constexpr Function kFunctions[] = {
    {"truncate", R"(^truncate\(\s*(\d+)\s*,\s*(\d+)\s*\)?$)", Function::Reads::kTextOnly, Truncate},
    {"posix_escape", "^posix_escape$", Function::Reads::kTextOnly, PosixEscape},
    {"expand_vars", "^expand_vars$", Function::Reads::kVariables, ExpandVars},
};

const RE2& PatternOf(size_t row) {
  static const auto& patterns = *[] {
    auto* compiled = new std::array<std::unique_ptr<RE2>, std::size(kFunctions)>();
    for (size_t i = 0; i < compiled->size(); ++i) {
      const std::string_view pattern = kFunctions[i].pattern;
      (*compiled)[i] = std::make_unique<RE2>(re2::StringPiece(pattern.data(), pattern.size()));
      CIEVENTS_CHECK((*compiled)[i]->ok());
      CIEVENTS_CHECK((*compiled)[i]->NumberOfCapturingGroups() <= kArgumentsMax);
    }
    return compiled;
  }();
  return *patterns[row];
}

}  // namespace

absl::StatusOr<FunctionCall> ParseFunctionCall(std::string_view expression) {
  const re2::StringPiece text(expression.data(), expression.size());
  for (size_t row = 0; row < std::size(kFunctions); ++row) {
    const RE2& pattern = PatternOf(row);
    const int groups = pattern.NumberOfCapturingGroups();
    std::array<re2::StringPiece, kArgumentsMax + 1> found;
    if (!pattern.Match(text, 0, text.size(), RE2::ANCHOR_BOTH, found.data(), groups + 1)) continue;
    FunctionCall call;
    call.function = &kFunctions[row];
    for (int i = 1; i <= groups; ++i) call.arguments.push_back(found[i].as_string());
    return call;
  }
  return Error(absl::StatusCode::kInvalidArgument,
               "no function matching `{}`: check that the function name, arguments, and types are "
               "correct",
               expression);
}

absl::Status ApplyFunction(const FunctionCall& call, const FunctionContext& context,
                           InputValue* value) {
  const std::string_view name = call.function->name;
  if (value->kind != InputValue::Kind::kString) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "error in `{}` function: invalid input type: {} can only be used with string "
                 "inputs",
                 name, name);
  }
  const std::string wrong = call.function->apply(call.arguments, context, &value->text);
  if (wrong.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "error in `{}` function: {}", name, wrong);
}

}  // namespace cievents::matcher
