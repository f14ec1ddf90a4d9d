#include "services/lib/ci_yaml/entry_checks.h"

#include <fmt/format.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// LINE CODE of each issue of a list of events.
std::vector<std::string> Issues(std::string_view events) {
  const ParsedFile file = ParseFile(FileRole::kEventList, "f.yml",
                                    fmt::format("events:\n{}", events), *Catalogue::BuiltIn());
  std::vector<std::string> texts;
  for (const Issue& issue : file.issues) {
    texts.push_back(fmt::format("{} {}", issue.line, issue.code));
  }
  return texts;
}

TEST(EntryChecksTest, ACommentThatAnybodyMayWriteIsAWarning) {
  EXPECT_THAT(Issues("  - merge_request/commented\n"), ElementsAre("2 comment-without-actor"));
  EXPECT_THAT(Issues("  - '*/commented'\n"), ElementsAre("2 comment-without-actor"));
  EXPECT_THAT(Issues("  - {name: [issue/closed, issue/commented], rules: [{if: '$[[ "
                     "event.payload.object_attributes.note ]] =~ /xx/'}]}\n"),
              ElementsAre("2 comment-without-actor"));
}

TEST(EntryChecksTest, ACommentWhoseActorIsTestedIsFine) {
  for (const char* condition :
       {"$[[ event.actor.access_level ]] == \"40\"",
        "$[[ gitlab.event.actor.username ]] == \"mia\"",
        "\"x\" == \"y\" || $[[ event.payload.user.username ]] == \"mia\""}) {
    EXPECT_THAT(
        Issues(fmt::format("  - {{name: issue/commented, rules: [{{if: '{}'}}]}}\n", condition)),
        IsEmpty())
        << condition;
  }
  EXPECT_THAT(Issues("  - issue/closed\n"), IsEmpty());
}

TEST(EntryChecksTest, AnAuditEventBesideItsActIsAnInfo) {
  EXPECT_THAT(Issues("  - package/published\n  - audit/package/published\n"),
              ElementsAre("3 same-act"));
  EXPECT_THAT(Issues("  - audit/package/*\n  - package/published\n"), ElementsAre("2 same-act"));
  EXPECT_THAT(Issues("  - name: [audit/package/published, package/**]\n"),
              ElementsAre("2 same-act"));
}

TEST(EntryChecksTest, AnAuditEventOfAnotherActOrScopeIsFine) {
  EXPECT_THAT(Issues("  - package/removed\n  - audit/package/published\n"), IsEmpty());
  EXPECT_THAT(Issues("  - audit/package/published\n"), IsEmpty());
  EXPECT_THAT(Issues("  - {name: package/published, scope: group}\n  - audit/package/published\n"),
              IsEmpty());
}

}  // namespace
}  // namespace cievents::ci_yaml
