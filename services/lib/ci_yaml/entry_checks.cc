#include "services/lib/ci_yaml/entry_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "matcher/pattern.h"

namespace cievents::ci_yaml {
namespace {

constexpr std::string_view kAuditPrefix = "audit/";

bool IsAboutComments(const matcher::Pattern& pattern) {
  return pattern.text().ends_with("/commented") || pattern.text().starts_with("note/");
}

// Whether a condition of the entry asks who acted.
bool TestsActor(const matcher::Entry& entry) {
  if (!entry.rules.has_value()) return false;
  return std::any_of(
      entry.rules->begin(), entry.rules->end(), [](const matcher::RuleClause& clause) {
        if (!clause.if_text.has_value()) return false;
        for (const std::string_view path : {"event.actor.", "event.payload.user", "event.user"}) {
          if (clause.if_text->find(path) != std::string::npos) return true;
        }
        return false;
      });
}

void CheckComments(const matcher::Entry& entry, IssueSink* sink) {
  const auto comments = std::find_if(entry.patterns.begin(), entry.patterns.end(), IsAboutComments);
  if (comments == entry.patterns.end() || TestsActor(entry)) return;
  sink->Add(kCommentWithoutActor, entry.position,
            fmt::format("`{}` is fired by anybody who may comment: the entry tests nothing of the "
                        "actor",
                        comments->text()),
            "test `$[[ event.actor.access_level ]]` in `rules`");
}

// True if some name can match both. Exact if one of them is a literal.
bool Overlap(const matcher::Pattern& a, const matcher::Pattern& b) {
  return a == b || (a.is_literal() && b.Matches(a.text())) ||
         (b.is_literal() && a.Matches(b.text()));
}

// An audit event tells of an act that has an event of its own.
void CheckSameAct(const std::vector<matcher::Entry>& entries, IssueSink* sink) {
  struct Place {
    const matcher::Entry* entry;
    const matcher::Pattern* pattern;
  };
  std::vector<Place> others;
  for (const matcher::Entry& entry : entries) {
    for (const matcher::Pattern& pattern : entry.patterns) {
      if (!pattern.text().starts_with(kAuditPrefix)) others.push_back({&entry, &pattern});
    }
  }
  for (const matcher::Entry& entry : entries) {
    for (const matcher::Pattern& audit : entry.patterns) {
      if (!audit.text().starts_with(kAuditPrefix)) continue;
      const auto act = matcher::Pattern::Parse(audit.text().substr(kAuditPrefix.size()));
      // `audit/*` is beside everything: whoever writes it wants the audit.
      if (!act.ok() || act->matches_every_subject()) continue;
      const auto other = std::find_if(others.begin(), others.end(), [&](const Place& place) {
        return place.entry->scope == entry.scope && !place.pattern->matches_every_subject() &&
               Overlap(*place.pattern, *act);
      });
      if (other == others.end()) continue;
      sink->Add(
          kSameAct, entry.position,
          fmt::format("`{}` and `{}` may be one act that is told by two events: each starts a "
                      "pipeline",
                      audit.text(), other->pattern->text()),
          "remove one, unless both are meant");
    }
  }
}

}  // namespace

void CheckEntries(const std::vector<matcher::Entry>& entries, IssueSink* sink) {
  for (const matcher::Entry& entry : entries) CheckComments(entry, sink);
  CheckSameAct(entries, sink);
}

}  // namespace cievents::ci_yaml
