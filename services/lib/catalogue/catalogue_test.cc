#include "services/lib/catalogue/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <variant>

namespace cievents {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

matcher::Pattern P(std::string_view text) {
  auto pattern = matcher::Pattern::Parse(text);
  EXPECT_TRUE(pattern.ok()) << text << ": " << pattern.status();
  return *pattern;
}

std::shared_ptr<const Catalogue> Good(std::string_view text) {
  auto parsed = Catalogue::Parse(text, "f.yaml");
  if (const auto* issues = std::get_if<1>(&parsed)) {
    for (const Issue& issue : *issues) ADD_FAILURE() << FormatIssue(issue);
    return nullptr;
  }
  return std::get<0>(parsed);
}

std::vector<std::string> Formatted(const std::vector<Issue>& issues) {
  std::vector<std::string> lines;
  for (const Issue& issue : issues) lines.push_back(FormatIssue(issue));
  return lines;
}

std::vector<std::string> Bad(std::string_view text) {
  auto parsed = Catalogue::Parse(text, "f.yaml");
  if (parsed.index() == 0) return {"accepted"};
  return Formatted(std::get<1>(parsed));
}

TEST(BuiltInCatalogueTest, ItParsesAndIsMadeOnce) {
  const auto catalogue = Catalogue::BuiltIn();
  ASSERT_NE(catalogue, nullptr);
  EXPECT_GT(catalogue->event_types().size(), 130u);
  EXPECT_EQ(catalogue, Catalogue::BuiltIn());
}

TEST(BuiltInCatalogueTest, EveryNameThatTheBlueprintAndItsExamplesUseResolves) {
  const auto catalogue = Catalogue::BuiltIn();
  for (const char* name : {"issue/created",
                           "issue/closed",
                           "package/published",
                           "package/removed",
                           "package/*",
                           "events/package/published",
                           "events/package/removed",
                           "events/audit/package/*",
                           "issues/create",
                           "merge_request/created",
                           "merge_request/ready",
                           "member/added",
                           "group_member/added",
                           "issue/commented",
                           "merge_request/commented",
                           "note/created",
                           "pipeline/finished",
                           "branch/pushed",
                           "custom/order/shipped",
                           "cdevents/change/merged",
                           "cloudevent/commit"}) {
    EXPECT_TRUE(catalogue->CanMatch(P(name))) << name;
  }
  EXPECT_EQ(catalogue->NameOfWebhook("new_merge_request_created"), "merge_request/created");
  EXPECT_EQ(catalogue->NameOfCloudEvent("knative.gitlab.merge_request.created"),
            "merge_request/created");
}

TEST(BuiltInCatalogueTest, TheCloudEventsTypesOfGitLabsEventsPlatformResolve) {
  const auto catalogue = Catalogue::BuiltIn();
  const std::pair<const char*, const char*> kTypes[] = {
      {"com.gitlab.issues.created", "issue/created"},
      {"com.gitlab.merge_requests.created", "merge_request/created"},
      {"com.gitlab.merge_requests.approved", "merge_request/approved"},
      {"com.gitlab.merge_requests.merged", "merge_request/merged"},
      {"com.gitlab.merge_requests.ready", "merge_request/ready"},
      {"com.gitlab.merge_requests.code_conflict", "merge_request/conflicted"},
      {"com.gitlab.merge_requests.assigned_reviewers", "merge_request/reviewer_changed"},
      {"com.gitlab.members.added", "member/added"},
      {"com.gitlab.members.updated", "member/updated"},
      {"com.gitlab.members.destroyed", "member/removed"},
      {"com.gitlab.members.accepted_invite", "member/invite_accepted"},
      {"com.gitlab.work_items.created", "work_item/created"},
      {"com.gitlab.packages.published", "package/published"},
      {"com.gitlab.pipelines.finished", "pipeline/finished"}};
  for (const auto& type : kTypes) {
    EXPECT_EQ(catalogue->NameOfCloudEvent(type.first), type.second);
  }
  EXPECT_EQ(catalogue->NameOfCloudEvent("com.gitlab.merge_requests.exploded"), "");
  EXPECT_EQ(catalogue->NameOfCloudEvent(""), "");
}

TEST(BuiltInCatalogueTest, EveryFurtherNameHasAnEntryOfItsOwnAndEverySummaryIsASentence) {
  const auto catalogue = Catalogue::BuiltIn();
  for (const EventType& event : catalogue->event_types()) {
    EXPECT_GT(event.line, 0);
    EXPECT_THAT(event.summary, ::testing::MatchesRegex("[A-Z].*[.)]")) << event.name;
    std::vector<std::string> further = event.also;
    for (const WebhookRow& row : event.webhooks) {
      further.insert(further.end(), row.also.begin(), row.also.end());
    }
    for (const std::string& name : further) EXPECT_NE(catalogue->Find(name), nullptr) << name;
  }
}

TEST(BuiltInCatalogueTest, RowsOfAKindComeInFileOrder) {
  const auto catalogue = Catalogue::BuiltIn();
  std::vector<std::string> names;
  for (const Catalogue::RowRef& row : catalogue->RowsOfKind("push")) {
    names.push_back(catalogue->event_types()[row.event_type].name);
  }
  EXPECT_THAT(names, ElementsAre("branch/created", "branch/deleted", "branch/pushed"));
  EXPECT_THAT(catalogue->RowsOfKind("no_such_kind"), IsEmpty());
  EXPECT_TRUE(std::is_sorted(catalogue->webhook_kinds().begin(), catalogue->webhook_kinds().end()));
}

TEST(CatalogueTest, AnEntryKeepsAllThatItSays) {
  const auto catalogue = Good(
      "- name: events/merge_request/ready\n"
      "  summary: A merge request leaves draft.\n"
      "  webhook:\n"
      "    - {kind: merge_request, when: {a.b: update, c: true, d: \"true\", e: 1.5, f: present,\n"
      "       g: \"present\", h: \"!x\", i: \"!false\", j: \"!000\"}}\n"
      "    - {kind: other, also: [x/y]}\n"
      "  also: [merge_request/updated]\n"
      "  aliases: merge_request/undrafted\n"
      "  webhook_names: [mr_ready]\n"
      "  cloudevent: com.gitlab.merge_requests.ready\n"
      "  payload: [object_attributes.iid]\n");
  ASSERT_NE(catalogue, nullptr);
  const EventType* event = catalogue->Find("merge_request/ready");
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->summary, "A merge request leaves draft.");
  EXPECT_THAT(event->also, ElementsAre("merge_request/updated"));
  EXPECT_THAT(event->aliases, ElementsAre("merge_request/undrafted"));
  EXPECT_THAT(event->webhook_names, ElementsAre("mr_ready"));
  EXPECT_THAT(event->cloudevent_types, ElementsAre("com.gitlab.merge_requests.ready"));
  EXPECT_THAT(event->payload_paths, ElementsAre("object_attributes.iid"));
  EXPECT_EQ(event->line, 1);
  ASSERT_EQ(event->webhooks.size(), 2u);
  EXPECT_EQ(event->webhooks[1].kind, "other");
  EXPECT_THAT(event->webhooks[1].also, ElementsAre("x/y"));

  using Kind = WebhookCondition::Kind;
  using Type = WebhookCondition::LiteralType;
  struct Expected {
    const char* path;
    Kind kind;
    const char* literal;
    Type type;
  };
  const Expected kExpected[] = {{"a.b", Kind::kEquals, "update", Type::kString},
                                {"c", Kind::kEquals, "true", Type::kJson},
                                {"d", Kind::kEquals, "true", Type::kString},
                                {"e", Kind::kEquals, "1.5", Type::kJson},
                                {"f", Kind::kPresent, "", Type::kString},
                                {"g", Kind::kEquals, "present", Type::kString},
                                {"h", Kind::kNotEquals, "x", Type::kString},
                                {"i", Kind::kNotEquals, "false", Type::kJson},
                                {"j", Kind::kNotEquals, "000", Type::kString}};
  const std::vector<WebhookCondition>& when = event->webhooks[0].when;
  ASSERT_EQ(when.size(), std::size(kExpected));
  for (size_t i = 0; i < when.size(); ++i) {
    EXPECT_EQ(when[i].path, kExpected[i].path);
    EXPECT_EQ(when[i].kind, kExpected[i].kind) << when[i].path;
    EXPECT_EQ(when[i].literal, kExpected[i].literal) << when[i].path;
    EXPECT_EQ(when[i].literal_type, kExpected[i].type) << when[i].path;
  }
}

TEST(CatalogueTest, NamesFurtherNamesAndAliasesCanMatchAndNothingElse) {
  const auto catalogue = Good(
      "- {name: a/b, summary: S., also: [a/c/d], aliases: [x/y],"
      " webhook: {kind: k, also: [r/s]}}\n");
  ASSERT_NE(catalogue, nullptr);
  for (const char* pattern : {"a/b", "a/c/d", "x/y", "r/s", "a/*", "a/*/d", "a/**", "*/b", "**",
                              "custom/x", "custom/**", "cloudevent/a/b", "cdevents/*"}) {
    EXPECT_TRUE(catalogue->CanMatch(P(pattern))) << pattern;
  }
  for (const char* pattern : {"a", "a/d", "b/*", "x/y/**", "custom", "customs/x", "*/zzz"}) {
    EXPECT_FALSE(catalogue->CanMatch(P(pattern))) << pattern;
  }
}

TEST(CatalogueTest, AnAliasGivesTheNameAndEverythingElseStays) {
  const auto catalogue = Good("- {name: a/b, summary: S., aliases: [x/y]}\n");
  ASSERT_NE(catalogue, nullptr);
  EXPECT_EQ(catalogue->ResolveAlias("x/y"), "a/b");
  EXPECT_EQ(catalogue->ResolveAlias("a/b"), "a/b");
  EXPECT_EQ(catalogue->ResolveAlias("un/known"), "un/known");
  EXPECT_EQ(catalogue->Find("x/y"), nullptr);
}

TEST(CatalogueTest, NearestFindsMisspelledNamesAndSubjectsOfWildcards) {
  const auto catalogue = Catalogue::BuiltIn();
  EXPECT_THAT(catalogue->Nearest("isue/created", 1), ElementsAre("issue/created"));
  EXPECT_THAT(catalogue->Nearest("events/pakage/published", 1), ElementsAre("package/published"));
  EXPECT_THAT(catalogue->Nearest("pakage/*", 1), ElementsAre("package/*"));
  EXPECT_THAT(catalogue->Nearest("merge_requests/**", 1), ElementsAre("merge_request/**"));
  EXPECT_THAT(catalogue->Nearest("qqqqqqqqqqqqqqqq", 3), IsEmpty());
  EXPECT_THAT(catalogue->Nearest("issue/created", 0), IsEmpty());
}

TEST(CatalogueTest, ATrailingStarKnowsWhetherDeeperNamesExist) {
  const auto catalogue = Good(
      "- {name: audit/package/published, summary: S.}\n"
      "- {name: package/published, summary: S.}\n");
  ASSERT_NE(catalogue, nullptr);
  for (const char* pattern : {"audit/*", "*", "*/*"}) {
    EXPECT_TRUE(catalogue->HasDeeperNames(P(pattern))) << pattern;
  }
  for (const char* pattern : {"package/*", "audit/**", "audit/package/*", "audit", "**"}) {
    EXPECT_FALSE(catalogue->HasDeeperNames(P(pattern))) << pattern;
  }
  EXPECT_TRUE(catalogue->HasNamesBelow("package"));
  EXPECT_TRUE(catalogue->HasNamesBelow("audit"));
  EXPECT_TRUE(catalogue->HasNamesBelow("audit/package"));
  for (const char* literal : {"pack", "package/published", "aud", "", "zzz"}) {
    EXPECT_FALSE(catalogue->HasNamesBelow(literal)) << literal;
  }
}

TEST(CatalogueTest, ABadEntryIsRefusedWithItsPlaceAndEveryIssueIsReported) {
  EXPECT_THAT(Bad("name: a/b\n"), ElementsAre(HasSubstr("f.yaml:1:1: error: an event catalogue")));
  EXPECT_THAT(Bad("- name: a/b\n  sumary: S.\n"),
              ElementsAre(HasSubstr("f.yaml:1:3: error: an entry needs a summary"),
                          HasSubstr("f.yaml:2:3: error: unknown key \"sumary\" in an entry")));
  EXPECT_THAT(Bad("- summary: S.\n"), ElementsAre(HasSubstr("f.yaml:1:3: error: an entry needs a "
                                                            "name")));
  EXPECT_THAT(
      Bad("- name: Package/x\n  summary: S.\n"),
      ElementsAre(::testing::AllOf(HasSubstr("f.yaml:1:9: error:"), HasSubstr("bad-name"))));
  EXPECT_THAT(Bad("- {name: a/b, summary: S., also: [a/*]}\n"),
              ElementsAre(HasSubstr("f.yaml:1:35: error:")));
  EXPECT_THAT(Bad("- {name: a/b, summary: [S]}\n"),
              ElementsAre(HasSubstr("f.yaml:1:24: error: summary must be a text")));
  EXPECT_THAT(Bad("- word\n"), ElementsAre(HasSubstr("f.yaml:1:3: error: an entry must be a map")));
}

TEST(CatalogueTest, ABadWebhookRowIsRefusedWithItsPlace) {
  const auto bad = [](std::string_view webhook) {
    return Bad(std::string("- name: a/b\n  summary: S.\n  webhook: ").append(webhook));
  };
  EXPECT_THAT(bad("{when: {a: b}}"), ElementsAre(HasSubstr("f.yaml:3:12: error: a webhook row "
                                                           "needs a kind")));
  EXPECT_THAT(bad("{kind: k, wen: {}}"),
              ElementsAre(HasSubstr("f.yaml:3:22: error: unknown key \"wen\" in webhook")));
  EXPECT_THAT(bad("{kind: k, when: [a]}"),
              ElementsAre(HasSubstr("f.yaml:3:28: error: when must be a map")));
  EXPECT_THAT(bad("{kind: k, when: {a: [b]}}"),
              ElementsAre(HasSubstr("f.yaml:3:32: error: a must be a literal")));
  EXPECT_THAT(bad("{kind: k, when: {a..b: c}}"),
              ElementsAre(HasSubstr("f.yaml:3:29: error: \"a..b\" is no path")));
  EXPECT_THAT(bad("{kind: k, when: {a: !c }}"), ElementsAre(HasSubstr("quote a negation")));
  EXPECT_THAT(bad("k"), ElementsAre(HasSubstr("f.yaml:3:12: error: webhook must be a map")));
}

TEST(CatalogueTest, ASpellingThatIsTakenIsRefusedAtTheLaterEntry) {
  EXPECT_THAT(Bad("- {name: a/b, summary: S.}\n- {name: events/a/b, summary: S.}\n"),
              ElementsAre(HasSubstr("f.yaml:2:3: error: name \"a/b\" of a/b stands already for the "
                                    "entry of line 1")));
  EXPECT_THAT(Bad("- {name: a/b, summary: S., aliases: [c/d]}\n- {name: c/d, summary: S.}\n"),
              ElementsAre(HasSubstr("f.yaml:1:3: error: alias \"c/d\" of a/b")));
  EXPECT_THAT(
      Bad("- {name: a/b, summary: S., aliases: [x/y], webhook_names: [w], cloudevent: t}\n"
          "- {name: c/d, summary: S., aliases: [x/y], webhook_names: [w], cloudevent: t}\n"),
      ElementsAre(HasSubstr("alias \"x/y\" of c/d stands already for a/b"),
                  HasSubstr("webhook name \"w\""), HasSubstr("CloudEvents type \"t\"")));
}

TEST(CatalogueTest, TextThatIsNoYamlIsRefusedWithItsPlace) {
  const auto issues = Bad("- name: a/b\n- {summary: [\n");
  ASSERT_EQ(issues.size(), 1u);
  EXPECT_THAT(issues[0], HasSubstr("f.yaml:"));
  EXPECT_THAT(Bad("- {name: a/b, name: c/d, summary: S.}\n"),
              ElementsAre(HasSubstr("yaml-duplicate-key")));
  EXPECT_THAT(Bad(""), ElementsAre(HasSubstr("an event catalogue is a list")));
}

TEST(CatalogueTest, LimitsHoldAtAndOnePastThem) {
  const auto with_also = [](size_t count) {
    std::string text = "- {name: a/b, summary: S., also: [";
    for (size_t i = 0; i < count; ++i) text += "a/n" + std::to_string(i) + ", ";
    return text + "]}\n";
  };
  EXPECT_THAT(Bad(with_also(100)), ElementsAre("accepted"));
  EXPECT_THAT(Bad(with_also(101)), ElementsAre(HasSubstr("also has 101 items")));
  EXPECT_THAT(Bad("- {name: a/b, summary: " + std::string(500, 'x') + "}\n"),
              ElementsAre("accepted"));
  EXPECT_THAT(Bad("- {name: a/b, summary: " + std::string(501, 'x') + "}\n"),
              ElementsAre(HasSubstr("summary has 501 bytes")));
}

TEST(CatalogueTest, AnExtensionReplacesAndAddsEntriesAndIsCheckedAgainstItsBase) {
  const auto base = Good(
      "- {name: a/b, summary: Old., aliases: [x/y]}\n"
      "- {name: c/d, summary: Kept.}\n");
  ASSERT_NE(base, nullptr);
  auto extended = Catalogue::Extend(
      *base, "- {name: order/shipped, summary: Added.}\n- {name: a/b, summary: New.}\n", "g.yaml");
  ASSERT_EQ(extended.index(), 0u);
  const auto& catalogue = *std::get<0>(extended);
  EXPECT_EQ(catalogue.Find("a/b")->summary, "New.");
  EXPECT_EQ(catalogue.Find("c/d")->summary, "Kept.");
  EXPECT_EQ(catalogue.Find("order/shipped")->summary, "Added.");
  EXPECT_EQ(catalogue.ResolveAlias("x/y"), "x/y");
  EXPECT_EQ(catalogue.event_types()[0].name, "a/b");

  auto refused = Catalogue::Extend(*base, "- {name: e/f, summary: S., aliases: [c/d]}\n", "g.yaml");
  ASSERT_EQ(refused.index(), 1u);
  EXPECT_THAT(Formatted(std::get<1>(refused)),
              ElementsAre(HasSubstr("g.yaml:1:3: error: alias \"c/d\" of e/f")));
}

}  // namespace
}  // namespace cievents
