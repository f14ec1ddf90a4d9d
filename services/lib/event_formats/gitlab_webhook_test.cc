#include "services/lib/event_formats/gitlab_webhook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <variant>

namespace cievents {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Event Read(std::string_view payload) {
  auto event = EventFromGitlabWebhook(payload, *Catalogue::BuiltIn());
  EXPECT_TRUE(event.ok()) << event.status() << "\n" << payload;
  return event.ok() ? *std::move(event) : Event();
}

std::string Refusal(std::string_view payload, const Catalogue& catalogue = *Catalogue::BuiltIn()) {
  auto event = EventFromGitlabWebhook(payload, catalogue);
  if (event.ok()) return "accepted";
  EXPECT_EQ(event.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(event.status().message());
}

constexpr char kReady[] = R"({
  "object_kind": "merge_request", "event_type": "merge_request",
  "user": {"id": 7, "name": "Ada", "username": "ada", "email": "[REDACTED]"},
  "project": {"id": 14, "path_with_namespace": "team/app"},
  "object_attributes": {"id": 900, "iid": 17, "target_project_id": 14, "source_project_id": 15,
                        "action": "update", "target_branch": "main"},
  "changes": {"draft": {"previous": true, "current": false}}
})";

TEST(GitlabWebhookTest, AMergeRequestThatLeavesDraftIsReadAndUpdated) {
  const Event event = Read(kReady);
  EXPECT_THAT(event.names, ElementsAre("merge_request/ready", "merge_request/updated"));
  EXPECT_EQ(event.project_id, 14);
  EXPECT_THAT(event.namespace_ids, IsEmpty());
  EXPECT_EQ(event.actor.user_id, 7);
  EXPECT_EQ(event.actor.username, "ada");
  EXPECT_FALSE(event.actor.access_level.has_value());
  EXPECT_FALSE(event.actor.bot);
  EXPECT_FALSE(event.confidential);
  EXPECT_EQ(event.subject, "merge_requests/17");
  EXPECT_EQ(event.cause.pipeline_id, 0);
  EXPECT_EQ(event.data, kReady) << "the payload is kept byte for byte";
  EXPECT_EQ(event.id, "");
  EXPECT_EQ(event.source, "");
  EXPECT_EQ(event.time_ms, 0);
}

TEST(GitlabWebhookTest, TheRowWithTheMostConditionsWins) {
  EXPECT_THAT(Read(R"({"object_kind":"issue","object_attributes":{"action":"update"}})").names,
              ElementsAre("issue/updated"));
  EXPECT_THAT(Read(R"({"object_kind":"issue","object_attributes":{"action":"update"},
                       "changes":{"labels":{"previous":[],"current":[]}}})")
                  .names,
              ElementsAre("issue/labeled", "issue/updated"));
}

TEST(GitlabWebhookTest, OnATieAllTiedRowsCountInFileOrderEachNameOnce) {
  EXPECT_THAT(Read(R"({"object_kind":"merge_request",
                       "object_attributes":{"action":"update","oldrev":"abc"},
                       "changes":{"assignees":{},"labels":{},"reviewers":{}}})")
                  .names,
              ElementsAre("merge_request/pushed", "merge_request/updated", "merge_request/labeled",
                          "merge_request/reviewer_changed", "merge_request/assigned"));
}

TEST(GitlabWebhookTest, AFieldThatIsNullIsNotPresent) {
  EXPECT_THAT(Read(R"({"object_kind":"issue","object_attributes":{"action":"update"},
                       "changes":{"labels":null}})")
                  .names,
              ElementsAre("issue/updated"));
  EXPECT_THAT(Read(R"({"object_kind":"issue","object_attributes":{"action":"update"},
                       "changes":[{"labels":1}]})")
                  .names,
              ElementsAre("issue/updated"));
}

TEST(GitlabWebhookTest, TrueIsNotTheTextTrue) {
  EXPECT_THAT(Read(R"({"object_kind":"merge_request","object_attributes":{"action":"update"},
                       "changes":{"draft":{"previous":"true","current":false}}})")
                  .names,
              ElementsAre("merge_request/updated"));
}

TEST(GitlabWebhookTest, PushesAreToldApartByTheirZeroCommits) {
  constexpr std::string_view kZero = "0000000000000000000000000000000000000000";
  const auto push = [&](std::string_view kind, std::string_view before, std::string_view after) {
    return Read(std::string("{\"object_kind\":\"").append(kind) + "\",\"before\":\"" +
                std::string(before) + "\",\"after\":\"" + std::string(after) +
                R"(","ref":"refs/heads/feature/x","user_id":4,"user_username":"jo",
                   "user_name":"Jo","project_id":15})");
  };
  EXPECT_THAT(push("push", kZero, "aa").names, ElementsAre("branch/created"));
  EXPECT_THAT(push("push", "aa", kZero).names, ElementsAre("branch/deleted"));
  EXPECT_THAT(push("push", "aa", "bb").names, ElementsAre("branch/pushed"));
  EXPECT_THAT(push("tag_push", kZero, "aa").names, ElementsAre("tag/created"));
  EXPECT_THAT(push("tag_push", "aa", kZero).names, ElementsAre("tag/deleted"));
  EXPECT_THAT(push("tag_push", "aa", "bb").names, ElementsAre("tag/updated"));
  const Event event = push("push", "aa", "bb");
  EXPECT_EQ(event.project_id, 15);
  EXPECT_EQ(event.actor.user_id, 4);
  EXPECT_EQ(event.actor.username, "jo");
  EXPECT_EQ(event.subject, "branches/feature/x");
  EXPECT_THAT(Refusal(R"({"object_kind":"push","after":"aa"})"),
              AllOf(HasSubstr("no event of the catalogue fits this \"push\" webhook"),
                    HasSubstr("before is absent"), HasSubstr("after is \"aa\"")));
}

TEST(GitlabWebhookTest, AnEventNameStandsInForAMissingObjectKind) {
  EXPECT_THAT(Read(R"({"event_name":"push","before":"aa","after":"bb","project_id":15})").names,
              ElementsAre("branch/pushed"));
  EXPECT_THAT(Read(R"({"object_kind":"push","event_name":"project_create","before":"aa",
                       "after":"bb"})")
                  .names,
              ElementsAre("branch/pushed"));
  EXPECT_THAT(Read(R"({"object_kind":"access_token","event_name":"expiring_access_token",
                       "project":{"id":7},"object_attributes":{"user_id":90,"id":25}})")
                  .names,
              ElementsAre("access_token/expiring"));
}

TEST(GitlabWebhookTest, ANoteWithoutActionCountsAsCreated) {
  const auto note = [](std::string_view attributes) {
    return Read(std::string(R"({"object_kind":"note","object_attributes":{)")
                    .append(attributes)
                    .append("}}"))
        .names;
  };
  EXPECT_THAT(note(R"("noteable_type":"Issue")"), ElementsAre("note/created", "issue/commented"));
  EXPECT_THAT(note(R"("noteable_type":"Issue","action":null)"),
              ElementsAre("note/created", "issue/commented"));
  EXPECT_THAT(note(R"("noteable_type":"MergeRequest","action":"update")"),
              ElementsAre("note/updated", "merge_request/comment_updated"));
  EXPECT_THAT(note(R"("noteable_type":"DesignManagement::Design")"), ElementsAre("note/created"));
}

TEST(GitlabWebhookTest, AFinishedPipelineCarriesThatNameLastAndNamesItself) {
  const auto pipeline = [](std::string_view status) {
    return Read(std::string(R"({"object_kind":"pipeline","object_attributes":{"id":31,"iid":3,
                                "status":")")
                    .append(status)
                    .append(R"("},"project":{"id":1},"user":{"id":42,"username":"u"}})"));
  };
  EXPECT_THAT(pipeline("success").names, ElementsAre("pipeline/succeeded", "pipeline/finished"));
  EXPECT_THAT(pipeline("failed").names, ElementsAre("pipeline/failed", "pipeline/finished"));
  EXPECT_THAT(pipeline("canceled").names, ElementsAre("pipeline/canceled", "pipeline/finished"));
  EXPECT_THAT(pipeline("running").names, ElementsAre("pipeline/started"));
  EXPECT_EQ(pipeline("failed").cause.pipeline_id, 31);
  EXPECT_EQ(pipeline("failed").subject, "pipelines/31");

  const Event job = Read(R"({"object_kind":"build","build_id":5,"build_status":"failed",
                             "pipeline_id":31,"project_id":380,"user":{"id":42}})");
  EXPECT_THAT(job.names, ElementsAre("job/failed"));
  EXPECT_EQ(job.cause.pipeline_id, 31);
  EXPECT_EQ(job.subject, "jobs/5");
}

TEST(GitlabWebhookTest, WhatBelongsToSomethingConfidentialIsConfidential) {
  for (const char* payload :
       {R"({"object_kind":"issue","object_attributes":{"action":"open","confidential":true}})",
        R"({"object_kind":"issue","event_type":"confidential_issue",
            "object_attributes":{"action":"open"}})",
        R"({"object_kind":"note","event_type":"confidential_note",
            "object_attributes":{"noteable_type":"Issue"}})",
        R"({"object_kind":"note","object_attributes":{"noteable_type":"Issue"},
            "issue":{"confidential":true}})",
        R"({"object_kind":"note","object_attributes":{"noteable_type":"Issue","internal":true}})",
        R"({"object_kind":"emoji","object_attributes":{"action":"award"},
            "issue":{"confidential":true}})"}) {
    EXPECT_TRUE(Read(payload).confidential) << payload;
  }
  for (const char* payload :
       {R"({"object_kind":"issue","object_attributes":{"action":"open","confidential":false}})",
        R"({"object_kind":"issue","event_type":"issue","object_attributes":{"action":"open"}})",
        R"({"object_kind":"note","object_attributes":{"noteable_type":"Issue"},
            "issue":{"confidential":false}})"}) {
    EXPECT_FALSE(Read(payload).confidential) << payload;
  }
}

TEST(GitlabWebhookTest, TheProjectIsFoundWhereEachKindHasIt) {
  EXPECT_EQ(Read(R"({"object_kind":"issue","object_attributes":{"action":"open","project_id":8}})")
                .project_id,
            8);
  EXPECT_EQ(Read(R"({"object_kind":"merge_request","object_attributes":{"action":"open",
                     "source_project_id":3,"target_project_id":14}})")
                .project_id,
            14);
  EXPECT_EQ(Read(R"({"event_name":"user_add_to_team","project_id":74,"user_id":41})").project_id,
            74);
  EXPECT_EQ(Read(R"({"object_kind":"issue","object_attributes":{"action":"open"},
                     "project":{"id":"14"},"project_id":-3})")
                .project_id,
            0)
      << "what is no id is none";
}

TEST(GitlabWebhookTest, AGroupHookNamesItsGroupAndASubgroupItsParentFirst) {
  const Event member = Read(R"({"event_name":"user_add_to_group","group_id":100,"group_path":"g",
                                "user_id":64,"user_username":"new","group_access":"Guest"})");
  EXPECT_THAT(member.names, ElementsAre("group_member/added", "member/added"));
  EXPECT_EQ(member.project_id, 0);
  EXPECT_THAT(member.namespace_ids, ElementsAre(100));
  EXPECT_EQ(member.subject, "group_members/64");

  EXPECT_THAT(
      Read(R"({"event_name":"subgroup_create","group_id":10,"parent_group_id":2})").namespace_ids,
      ElementsAre(2, 10));
  EXPECT_THAT(Read(R"({"object_kind":"access_token","event_name":"expiring_access_token",
                       "group":{"group_id":35},"object_attributes":{"id":25}})")
                  .namespace_ids,
              ElementsAre(35));
}

TEST(GitlabWebhookTest, AUserThatSomethingHappenedToIsNotTheActor) {
  EXPECT_EQ(Read(R"({"event_name":"user_add_to_group","group_id":1,"user_id":64})").actor.user_id,
            0);
  EXPECT_EQ(Read(R"({"event_name":"user_create","user_id":41,"username":"js"})").actor.user_id, 0);
  EXPECT_EQ(Read(R"({"event_name":"repository_update","user_id":1,"project_id":1})").actor.user_id,
            1);
}

TEST(GitlabWebhookTest, TokenAndServiceAccountsAreBots) {
  const auto bot = [](std::string_view user) {
    return Read(std::string(R"({"object_kind":"issue","object_attributes":{"action":"open"},
                               "user":{)")
                    .append(user)
                    .append("}}"))
        .actor.bot;
  };
  for (const char* user :
       {R"("username":"project_12_bot")", R"("username":"project_12_bot3")",
        R"("username":"group_7_bot_0123abcd")", R"("username":"service_account_group_7_ab")",
        R"("username":"x","user_type":"project_bot")"}) {
    EXPECT_TRUE(bot(user)) << user;
  }
  for (const char* user :
       {R"("username":"ada")", R"("username":"project_bot")", R"("username":"project_12_botany")",
        R"("username":"my_project_12_bot")", R"("username":"project_12")",
        R"("username":"ada","name":"project_12_bot")",
        R"("username":"project_12_bot","user_type":"human")", R"("username":5)"}) {
    EXPECT_FALSE(bot(user)) << user;
  }
}

TEST(GitlabWebhookTest, WhatIsNotJsonIsRefusedWithItsPlace) {
  EXPECT_EQ(Refusal(""),
            "the webhook payload is not valid JSON at line 1, column 1: the text ends early: the "
            "text is empty");
  EXPECT_EQ(Refusal("{\"object_kind\":\n\"push\",}"),
            "the webhook payload is not valid JSON at line 2, column 8: expected a key in double "
            "quotes");
  EXPECT_THAT(Refusal("{\"object_kind\":\"\xFF\"}"), HasSubstr("a byte that is not UTF-8"));
  EXPECT_EQ(Refusal("[]"), "the webhook payload is not a JSON object");
  EXPECT_EQ(Refusal("null"), "the webhook payload is not a JSON object");
}

TEST(GitlabWebhookTest, AKindThatIsUnknownIsRefusedWithNearKinds) {
  EXPECT_EQ(Refusal("{}"), "the webhook payload has neither object_kind nor event_name");
  EXPECT_EQ(Refusal(R"({"object_kind":5})"),
            "the webhook payload has neither object_kind nor event_name");
  EXPECT_THAT(Refusal(R"({"object_kind":"merge_reqest"})"),
              AllOf(HasSubstr("the webhook kind \"merge_reqest\""),
                    HasSubstr("(near ones: merge_request)")));
}

TEST(GitlabWebhookTest, AnActionThatIsUnknownIsRefusedWithWhatWasSeen) {
  EXPECT_THAT(Refusal(R"({"object_kind":"wiki_page","object_attributes":{"action":"explode"}})"),
              HasSubstr("no event of the catalogue fits this \"wiki_page\" webhook: "
                        "object_attributes.action is \"explode\""));
  const std::string long_action = R"({"object_kind":"wiki_page","object_attributes":{"action":")" +
                                  std::string(5000, 'x') + R"("}})";
  EXPECT_LT(Refusal(long_action).size(), 300u) << "a message does not repeat the payload";
  std::string long_kind = R"({"object_kind":"x)";
  for (int i = 0; i < 100; ++i) long_kind += "\xC3\xA9";
  const std::string message = Refusal(long_kind + "\"}");
  EXPECT_LT(message.size(), 300u);
  EXPECT_THAT(message, HasSubstr("\xC3\xA9\"; add it")) << "no character is cut in two";
}

TEST(GitlabWebhookTest, TheSizeLimitHoldsAtAndOnePastIt) {
  std::string payload =
      R"({"object_kind":"wiki_page","object_attributes":{"action":"create"},"x":")";
  payload.append(kEventDataBytesMax - payload.size() - 2, 'x').append("\"}");
  ASSERT_EQ(payload.size(), kEventDataBytesMax);
  EXPECT_THAT(Read(payload).names, ElementsAre("wiki_page/created"));
  payload += ' ';
  EXPECT_EQ(Refusal(payload), "the webhook payload has 1048577 bytes; at most 1048576 are allowed");
}

TEST(GitlabWebhookTest, HostilePayloadsAreRefusedOrReadButNeverCrash) {
  EXPECT_THAT(Refusal(std::string(100000, '[')), HasSubstr("the webhook payload"));
  EXPECT_THAT(Refusal(std::string(2000, '[') + std::string(2000, ']')),
              HasSubstr("cannot be read as JSON"));
  std::string deep = R"({"object_kind":"wiki_page","object_attributes":{"action":"create"},"x":)";
  deep += std::string(500, '[') + std::string(500, ']') + "}";
  EXPECT_THAT(Read(deep).names, ElementsAre("wiki_page/created"));
  EXPECT_THAT(Read(R"({"object_kind":"wiki_page","object_kind":"push",
                       "object_attributes":{"action":"create","slug":"a\u0000b"}})")
                  .names,
              ElementsAre("wiki_page/created"))
      << "of a key that stands twice the first counts";
  const Event with_nul = Read(R"({"object_kind":"wiki_page","user":{"username":"a\u0000b"},
                                  "object_attributes":{"action":"create","slug":"a\u0000b"}})");
  EXPECT_EQ(with_nul.subject, "") << "U+0000 does not get into the texts of an event";
  EXPECT_EQ(with_nul.actor.username, "");
  EXPECT_THAT(
      Read(R"({"object_kind":"issue","object_attributes":{"action":"open","iid":1e300}})").subject,
      "");
}

TEST(GitlabWebhookTest, ACatalogueOfOnesOwnDecidesWhatIsKnown) {
  auto parsed = Catalogue::Parse(
      "- {name: n/one, summary: S., webhook: {kind: k, when: {a: 1.5, b: \"!x\", c: \"!2\"}}}\n"
      "- {name: n/any, summary: S., webhook: {kind: k}}\n",
      "f.yaml");
  ASSERT_TRUE(std::holds_alternative<std::shared_ptr<const Catalogue>>(parsed));
  const Catalogue& catalogue = *std::get<0>(parsed);
  const auto names = [&](std::string_view payload) {
    auto event = EventFromGitlabWebhook(payload, catalogue);
    EXPECT_TRUE(event.ok()) << event.status();
    return event.ok() ? event->names : std::vector<std::string>();
  };
  EXPECT_THAT(names(R"({"object_kind":"k","a":1.50,"b":"y","c":3})"), ElementsAre("n/one"));
  EXPECT_THAT(names(R"({"object_kind":"k","a":"1.5","b":"y","c":3})"), ElementsAre("n/any"));
  EXPECT_THAT(names(R"({"object_kind":"k","a":1.5,"b":"x","c":3})"), ElementsAre("n/any"));
  EXPECT_THAT(names(R"({"object_kind":"k","a":1.5,"c":3})"), ElementsAre("n/any"))
      << "what must differ must be there";
  EXPECT_THAT(names(R"({"object_kind":"k","a":1.5,"b":"y","c":2.0})"), ElementsAre("n/any"));
  EXPECT_THAT(Refusal(kReady, catalogue), HasSubstr("the webhook kind \"merge_request\""));
}

TEST(GitlabWebhookTest, AnEventCarriesAtMostEightNames) {
  std::string text;
  for (int i = 0; i < 12; ++i) {
    text += "- {name: n/e" + std::to_string(i) + ", summary: S., webhook: {kind: k}}\n";
  }
  auto parsed = Catalogue::Parse(text, "f.yaml");
  ASSERT_TRUE(std::holds_alternative<std::shared_ptr<const Catalogue>>(parsed));
  auto event = EventFromGitlabWebhook(R"({"object_kind":"k"})", *std::get<0>(parsed));
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->names.size(), static_cast<size_t>(kEventNamesMax));
  EXPECT_EQ(event->names.back(), "n/e7");
}

}  // namespace
}  // namespace cievents
