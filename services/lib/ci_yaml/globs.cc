#include "services/lib/ci_yaml/globs.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>

namespace cievents::ci_yaml {
namespace {

// A glob of the longest path compiles to much less.
constexpr int64_t kRegexMemoryMax = 1 << 20;

std::string Quote(std::string_view text) {
  return RE2::QuoteMeta(re2::StringPiece(text.data(), text.size()));
}

bool EndsAsYaml(std::string_view glob) {
  for (const std::string_view end : {".yml", ".yaml", ".{yml,yaml}", ".{yaml,yml}"}) {
    if (glob.ends_with(end)) return true;
  }
  return false;
}

// Turns a glob of `exists` into a regular expression, piece by piece.
class ExistsTranslator {
 public:
  explicit ExistsTranslator(std::string_view glob) : glob_(glob) {}

  std::string Translate() {
    while (at_ < glob_.size()) TranslateNext();
    // Braces that are not closed are no alternatives; Ruby then matches nothing, and so does this:
    // the expression does not compile.
    if (open_braces_ > 0) regex_.push_back('(');
    return std::move(regex_);
  }

 private:
  bool Skip(std::string_view text) {
    if (glob_.substr(at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }

  void TranslateNext() {
    const bool begins_segment = at_ == 0 || glob_[at_ - 1] == '/';
    if (begins_segment && Skip("**/")) {
      regex_ += "(?:[^/]+/)*";
    } else if (Skip("*")) {
      while (Skip("*")) {
      }
      regex_ += "[^/]*";
    } else if (Skip("?")) {
      regex_ += "[^/]";
    } else if (Skip("{")) {
      ++open_braces_;
      regex_ += "(?:";
    } else if (open_braces_ > 0 && Skip(",")) {
      regex_ += "|";
    } else if (open_braces_ > 0 && Skip("}")) {
      --open_braces_;
      regex_ += ")";
    } else if (glob_[at_] == '[' && TranslateClass()) {
      return;
    } else {
      if (glob_[at_] == '\\' && at_ + 1 < glob_.size()) ++at_;
      AddCharacter();
    }
  }

  // All bytes of one character, so that QuoteMeta sees it whole.
  void AddCharacter() {
    size_t end = at_ + 1;
    while (end < glob_.size() && (static_cast<unsigned char>(glob_[end]) & 0xC0) == 0x80) ++end;
    regex_ += Quote(glob_.substr(at_, end - at_));
    at_ = end;
  }

  bool TranslateClass() {
    const size_t close = glob_.find(']', at_ + 2);
    if (close == std::string_view::npos) return false;
    std::string_view inside = glob_.substr(at_ + 1, close - at_ - 1);
    const bool negated = inside.starts_with('!') || inside.starts_with('^');
    if (negated) inside.remove_prefix(1);
    if (inside.empty()) return false;
    regex_ += negated ? "[^/" : "[";
    for (const char c : inside) {
      if (c == '[' || c == '\\' || c == '^' || c == '&' || c == ']') regex_.push_back('\\');
      regex_.push_back(c);
    }
    regex_ += "]";
    at_ = close + 1;
    return true;
  }

  const std::string_view glob_;
  size_t at_ = 0;
  int open_braces_ = 0;
  std::string regex_;
};

std::string TranslateWildcard(std::string_view wildcard) {
  std::string regex;
  for (size_t at = 0; at < wildcard.size();) {
    if (wildcard.substr(at, 2) == "**") {
      regex += ".*";
      at += 2;
    } else if (wildcard[at] == '*') {
      regex += "[^/]*";
      ++at;
    } else {
      const size_t end = std::min(wildcard.find('*', at), wildcard.size());
      regex += Quote(wildcard.substr(at, end - at));
      at = end;
    }
  }
  return regex;
}

RE2::Options GlobOptions() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(kRegexMemoryMax);
  return options;
}

}  // namespace

struct PathGlob::Compiled {
  explicit Compiled(const std::string& regex) : re(regex, GlobOptions()) {}
  const RE2 re;
};

PathGlob::PathGlob() = default;
PathGlob::~PathGlob() = default;
PathGlob::PathGlob(PathGlob&&) noexcept = default;
PathGlob& PathGlob::operator=(PathGlob&&) noexcept = default;

PathGlob PathGlob::OfInclude(std::string_view wildcard) {
  PathGlob glob;
  const size_t special = wildcard.find('*');
  glob.literal_prefix_ = std::string(wildcard.substr(0, special));
  glob.is_literal_ = special == std::string_view::npos;
  glob.is_yaml_only_ = EndsAsYaml(wildcard);
  if (!glob.is_literal_) {
    glob.compiled_ = std::make_unique<const Compiled>(TranslateWildcard(wildcard));
  }
  return glob;
}

PathGlob PathGlob::OfExists(std::string_view text) {
  PathGlob glob;
  const size_t special = text.find_first_of("*?[{\\");
  glob.literal_prefix_ = std::string(text.substr(0, special));
  glob.is_literal_ = special == std::string_view::npos;
  glob.is_yaml_only_ = EndsAsYaml(text);
  if (!glob.is_literal_) {
    glob.compiled_ = std::make_unique<const Compiled>(ExistsTranslator(text).Translate());
  }
  return glob;
}

bool PathGlob::is_valid() const { return compiled_ == nullptr || compiled_->re.ok(); }

bool PathGlob::Matches(std::string_view path) const {
  if (!path.starts_with(literal_prefix_)) return false;
  if (compiled_ == nullptr) return path.size() == literal_prefix_.size();
  return compiled_->re.ok() &&
         RE2::FullMatch(re2::StringPiece(path.data(), path.size()), compiled_->re);
}

}  // namespace cievents::ci_yaml
