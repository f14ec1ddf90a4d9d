#include "services/lib/ci_yaml/patterns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "services/lib/ci_yaml/parsed_file.h"
#include "services/lib/ci_yaml/yaml_access.h"

namespace cievents::ci_yaml {
namespace {

constexpr size_t kSuggestedNamesMax = 3;

}  // namespace

std::optional<matcher::Pattern> PatternReader::Read(std::string_view text, yaml::Mark mark) {
  if (full_) return std::nullopt;
  auto pattern = matcher::Pattern::Parse(text);
  if (!pattern.ok()) {
    sink_->Add(kBadPattern, mark, std::string(pattern.status().message()));
    return std::nullopt;
  }
  if (++count_ > kPatternsPerSubscriptionMax) {
    full_ = true;
    sink_->Add(kTooManyPatterns, mark,
               fmt::format("more than {} patterns in one subscription; this one and those after it "
                           "are not applied",
                           kPatternsPerSubscriptionMax),
               "use `*` or `**`, or split the file");
    return std::nullopt;
  }
  if (pattern->is_literal()) {
    auto resolved = matcher::Pattern::Parse(catalogue_.ResolveAlias(pattern->text()));
    if (resolved.ok()) pattern = std::move(resolved);
  }
  Judge(*pattern, mark);
  return *std::move(pattern);
}

void PatternReader::Judge(const matcher::Pattern& pattern, yaml::Mark mark) {
  const std::string& text = pattern.text();
  if (pattern.matches_every_subject()) {
    sink_->Add(kMatchesEverything, mark,
               text == "*" ? "`*` matches every event with a name of one segment"
                           : "`**` matches every event",
               "name the events that the pipeline is for");
    return;
  }
  if (!catalogue_.CanMatch(pattern)) {
    if (pattern.is_literal() && catalogue_.HasNamesBelow(text)) {
      sink_->Add(kSubjectOnly, mark,
                 fmt::format("`{}` is no event, only the beginning of some names", text),
                 fmt::format("write `{}/**` for all of them", text));
      return;
    }
    if (catalogue_.HasDeeperNames(pattern)) {
      sink_->Add(kUnknownEvent, mark, fmt::format("all events below `{}` have more segments", text),
                 fmt::format("write `{}*` to match them", text));
      return;
    }
    const std::vector<std::string> nearest = catalogue_.Nearest(text, kSuggestedNamesMax);
    sink_->Add(kUnknownEvent, mark, fmt::format("no event of the catalogue matches `{}`", text),
               nearest.empty() ? "`cievents events list` shows the names"
                               : fmt::format("did you mean `{}`?", fmt::join(nearest, "`, `")));
    return;
  }
  if (text.ends_with("/*") && catalogue_.HasDeeperNames(pattern)) {
    sink_->Add(kDeeperNames, mark,
               fmt::format("`{}` does not match the events that have more segments", text),
               fmt::format("write `{}*` to match them too", text));
  }
}

std::vector<matcher::Pattern> PatternReader::ReadList(const yaml::Node& value,
                                                      std::string_view key) {
  std::vector<matcher::Pattern> patterns;
  const auto read = [&](const yaml::Node& node) {
    if (!node.is_scalar()) {
      AddWrongType({key, value.mark, &node}, "a pattern or a list of patterns", sink_);
    } else if (auto pattern = Read(node.scalar, node.mark)) {
      patterns.push_back(*std::move(pattern));
    }
  };
  if (!value.is_sequence()) {
    read(value);
    return patterns;
  }
  if (value.items.empty()) {
    sink_->Add(kEmptyEvents, value.mark, fmt::format("`{}` is an empty list", yaml::Shorten(key)),
               "name an event, or remove the key");
  }
  for (const yaml::NodePtr& item : value.items) read(*item);
  return patterns;
}

}  // namespace cievents::ci_yaml
