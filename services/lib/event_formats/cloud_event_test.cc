#include "services/lib/event_formats/cloud_event.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "services/lib/event_formats/event_validation.h"

namespace cievents {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Binary = CloudEventView::Binary;
using DataForm = CloudEventView::DataForm;
using Timestamp = CloudEventView::Timestamp;
using Attribute = CloudEventView::Attribute;
using std::string_view_literals::operator""sv;

constexpr int64_t kTimeMs = 1'780'308'000'000;  // 2026-06-01T10:00:00Z

CloudEventView Least() {
  CloudEventView given;
  given.id = "e1";
  given.source = "/somewhere";
  given.spec_version = "1.0";
  given.type = "com.example.x";
  return given;
}

CloudEventView With(Attribute attribute) {
  CloudEventView given = Least();
  given.attributes = {attribute};
  return given;
}

CloudEventView WithData(std::string_view data, std::string_view content_type = {}) {
  CloudEventView given = Least();
  given.data_form = DataForm::kBytes;
  given.data = data;
  if (!content_type.empty()) given.attributes = {{"datacontenttype", content_type}};
  return given;
}

Event Read(const CloudEventView& given) {
  const auto event = EventFromCloudEvent(given, *Catalogue::BuiltIn());
  EXPECT_TRUE(event.ok()) << event.status();
  return event.ok() ? *event : Event();
}

std::string WhyNot(const CloudEventView& given) {
  const absl::Status status = EventFromCloudEvent(given, *Catalogue::BuiltIn()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

// What GitLab's Events Platform sends.
CloudEventView Gitlab(std::string_view type, std::string_view source, std::string_view data) {
  CloudEventView given;
  given.id = "7b1f3b0e-6f0e-4a36-9a55-3a1f5a7b2c11";
  given.source = source;
  given.spec_version = "1.0";
  given.type = type;
  given.attributes = {{"time", "2026-06-01T10:00:00Z"sv},
                      {"datacontenttype", "application/json"sv},
                      {"dataschema", "https://gitlab.com/schemas/issues/created/v1.0"sv},
                      {"subject", "issues/301"sv},
                      {"gitlab_user_id", 1},
                      {"gitlab_user_username", "root"sv},
                      {"gitlab_organization_id", 2}};
  given.data_form = DataForm::kBytes;
  given.data = data;
  return given;
}

TEST(CloudEventTest, TheLeastThatIsOne) {
  Event event = Read(Least());
  EXPECT_EQ(event.retries, Retries::kMayChangeTime);
  EXPECT_EQ(event.id, "e1");
  EXPECT_EQ(event.source, "/somewhere");
  EXPECT_EQ(event.type, "com.example.x");
  EXPECT_THAT(event.names, ElementsAre("cloudevent/com/example/x"));
  EXPECT_EQ(event.time_ms, 0);
  EXPECT_EQ(event.project_id, 0);
  EXPECT_THAT(event.namespace_ids, IsEmpty());
  EXPECT_EQ(event.data, "");
  EXPECT_EQ(event.extensions_json, "");
  event.time_ms = kTimeMs;  // the intake's part
  EXPECT_TRUE(ValidateEvent(event).ok());
}

TEST(CloudEventTest, AnEventOfGitlabIsReadWhole) {
  const std::string_view data = R"({"issue_id": 301, "project_id": 15, "namespace_id": 9})";
  const Event event = Read(Gitlab("com.gitlab.issues.created", "/projects/14", data));
  EXPECT_THAT(event.names, ElementsAre("issue/created"));
  EXPECT_EQ(event.type, "com.gitlab.issues.created");
  EXPECT_EQ(event.time_ms, kTimeMs);
  EXPECT_EQ(event.project_id, 14) << "the source, not the payload";
  EXPECT_THAT(event.namespace_ids, IsEmpty()) << "the intake knows them";
  EXPECT_EQ(event.organization_id, 2);
  EXPECT_EQ(event.actor.user_id, 1);
  EXPECT_EQ(event.actor.username, "root");
  EXPECT_FALSE(event.actor.bot);
  EXPECT_FALSE(event.confidential);
  EXPECT_EQ(event.subject, "issues/301");
  EXPECT_EQ(event.data_schema, "https://gitlab.com/schemas/issues/created/v1.0");
  EXPECT_EQ(event.data, data) << "as it came";
  EXPECT_EQ(event.extensions_json, "");
}

TEST(CloudEventTest, WhereAnEventOfGitlabHappened) {
  struct Case {
    std::string source;
    std::string data;
    int64_t project_id;
    std::vector<int64_t> namespace_ids;
  };
  const std::vector<Case> cases = {
      {"projects/14", "{}", 14, {}},
      {"/projects/14", "{}", 14, {}},
      {"groups/70", "{}", 0, {70}},
      {"/groups/70", R"({"project_id": 14})", 0, {70}},
      {"https://gitlab.example.com/a/b", R"({"project_id": 14})", 14, {}},
      {"https://gitlab.example.com/a/b", R"({"project": {"id": 14}})", 14, {}},
      {"https://gitlab.example.com/a/b", R"([14])", 0, {}},
      {"projects/", "{}", 0, {}},
      {"projects/1x", "{}", 0, {}},
      {"projects/-1", "{}", 0, {}},
      {"projects/99999999999999999999", "{}", 0, {}},
      {"projects/14/issues", R"({"project_id": "14"})", 0, {}},
  };
  for (const Case& one : cases) {
    const Event event = Read(Gitlab("com.gitlab.issues.created", one.source, one.data));
    EXPECT_EQ(event.project_id, one.project_id) << one.source;
    EXPECT_EQ(event.namespace_ids, one.namespace_ids) << one.source;
  }
  const Event foreign = Read(Gitlab("com.example.x", "projects/14", R"({"project_id": 14})"));
  EXPECT_EQ(foreign.project_id, 0) << "nobody knows what others mean by a project";
}

TEST(CloudEventTest, GitlabsExtensionsAreKnownWithAndWithoutUnderscores) {
  for (const bool underscores : {true, false}) {
    const std::string prefix = underscores ? "gitlab_" : "gitlab";
    const std::string sep = underscores ? "_" : "";
    std::vector<std::string> names;
    for (const char* name : {"project", "namespace", "organization", "user"}) {
      names.push_back(prefix + name + sep + (names.size() == 1 ? "ids" : "id"));
    }
    const std::string username = prefix + "user" + sep + "username";
    const std::string confidential = prefix + "confidential";
    CloudEventView given = Gitlab("com.gitlab.issues.created", "projects/14", "{}");
    given.attributes = {
        {names[0], "3000000000"sv}, {names[1], "70,71"sv},         {names[2], 5},
        {names[3], "4000000000"sv}, {username, "project_7_bot"sv}, {confidential, true}};
    const Event event = Read(given);
    EXPECT_EQ(event.project_id, 3'000'000'000) << "what is said counts, not the source";
    EXPECT_THAT(event.namespace_ids, ElementsAre(70, 71));
    EXPECT_EQ(event.organization_id, 5);
    EXPECT_EQ(event.actor.user_id, 4'000'000'000) << "an Integer of CloudEvents has 32 bits";
    EXPECT_EQ(event.actor.username, "project_7_bot");
    EXPECT_TRUE(event.actor.bot);
    EXPECT_TRUE(event.confidential);
  }
  CloudEventView both = Least();
  both.attributes = {{"gitlab_user_id", 1}, {"gitlabuserid", 1}};
  EXPECT_THAT(WhyNot(both), HasSubstr("gitlabuserid: is given twice"));
}

TEST(CloudEventTest, AConfidentialPayloadOfGitlabIsConfidential) {
  for (const char* data : {R"({"confidential": true})", R"({"issue": {"confidential": true}})",
                           R"({"event_type": "confidential_note"})"}) {
    EXPECT_TRUE(Read(Gitlab("com.gitlab.issues.updated", "projects/14", data)).confidential);
  }
  EXPECT_FALSE(Read(WithData(R"({"confidential": true})")).confidential);
}

TEST(CloudEventTest, ATimeThatIsNoneCountsAsAbsent) {
  EXPECT_EQ(Read(With({"time", Timestamp{kTimeMs}})).time_ms, kTimeMs);
  EXPECT_EQ(Read(With({"time", "2026-06-01T12:00:00.0019+02:00"sv})).time_ms, kTimeMs + 1);
  for (const Attribute& wrong :
       {Attribute{"time", "yesterday"sv}, Attribute{"time", ""sv}, Attribute{"time", 17},
        Attribute{"time", Timestamp{}}, Attribute{"time", std::monostate()},
        Attribute{"time", "2026-13-01T10:00:00Z"sv}, Attribute{"time", "\xff"sv}}) {
    EXPECT_EQ(Read(With(wrong)).time_ms, 0);
  }
}

TEST(CloudEventTest, TracingHasFieldsAndEverythingElseIsKept) {
  CloudEventView given = Least();
  given.attributes = {{"traceparent", "00-ab-cd-01"sv},
                      {"correlationid", "01ABC"sv},
                      {"astring", "\"aaa\""sv},
                      {"aboolean", true},
                      {"anumber", -10},
                      {"binary", Binary{"\x00\xff"sv}},
                      {"when", Timestamp{kTimeMs}},
                      {"nothing", std::monostate()},
                      {"gitlab_composite_actor_id", 9}};
  const Event event = Read(given);
  EXPECT_EQ(event.traceparent, "00-ab-cd-01");
  EXPECT_EQ(event.correlation_id, "01ABC");
  EXPECT_EQ(event.extensions_json,
            R"({"astring":"\"aaa\"","aboolean":true,"anumber":-10,"binary":"AP8=",)"
            R"("when":"2026-06-01T10:00:00.000Z","nothing":null,"gitlab_composite_actor_id":9})");
}

TEST(CloudEventTest, WhatIsMissingOrWrongIsNamed) {
  struct Case {
    void (*spoil)(CloudEventView*);
    const char* says;
  };
  const std::vector<Case> cases = {
      {[](CloudEventView* e) { e->id = ""; }, "id: is missing"},
      {[](CloudEventView* e) { e->source = ""; }, "source: is missing"},
      {[](CloudEventView* e) { e->type = ""; }, "type: is missing"},
      {[](CloudEventView* e) { e->spec_version = ""; }, "specversion: is missing"},
      {[](CloudEventView* e) { e->spec_version = "0.3"; }, "specversion: \"0.3\""},
      {[](CloudEventView* e) { e->spec_version = "1.0.1"; }, "send 1.0"},
      {[](CloudEventView* e) { e->spec_version = "\xff"; }, "specversion: is not UTF-8"},
      {[](CloudEventView* e) { e->id = "\xff"; }, "id: is not UTF-8"},
      {[](CloudEventView* e) { e->source = "\xc3"; }, "source: is not UTF-8"},
      {[](CloudEventView* e) { e->type = "a\xff"; }, "type: is not UTF-8"},
      {[](CloudEventView* e) { e->type = "a\0b"sv; }, "type: contains U+0000"},
      {[](CloudEventView* e) {
         static const std::string kLong(256, 'x');
         e->id = kLong;
       },
       "id: 256 bytes; at most 255"},
      {[](CloudEventView* e) {
         static const std::string kLong(118, 'x');
         e->type = kLong;
       },
       "at most 128"},
      {[](CloudEventView* e) { e->attributes.resize(65); }, "65 attributes; at most 64"},
      {[](CloudEventView* e) { e->data_form = DataForm::kProtobuf; }, "proto_data"},
  };
  for (const Case& one : cases) {
    CloudEventView given = Least();
    one.spoil(&given);
    EXPECT_THAT(WhyNot(given), HasSubstr(one.says));
  }
}

TEST(CloudEventTest, AnAttributeThatIsNoneIsNamed) {
  static const std::string kLongName(65, 'a');
  static const std::string kLongText(kEventExtensionsBytesMax, 'a');
  struct Case {
    Attribute attribute;
    const char* says;
  };
  const std::vector<Case> cases = {
      {{"", "x"sv}, "a name of 0 bytes"},
      {{kLongName, "x"sv}, "a name of 65 bytes; 1 to 64"},
      {{"aString", "x"sv}, "attribute \"aString\""},
      {{"a_invalid_name", "x"sv}, "attribute \"a_invalid_name\""},
      {{"\xff", "x"sv}, "the name of an attribute: is not UTF-8"},
      {{"id", "x"sv}, "attribute \"id\": has a field of its own"},
      {{"specversion", "1.0"sv}, "attribute \"specversion\""},
      {{"data", "x"sv}, "attribute \"data\""},
      {{"subject", 7}, "subject: must be a text"},
      {{"dataschema", true}, "dataschema: must be a text"},
      {{"traceparent", Binary{"x"}}, "traceparent: must be a text"},
      {{"gitlab_user_id", "root"sv}, "gitlab_user_id: must be an id"},
      {{"gitlab_user_id", -1}, "gitlab_user_id: must be an id"},
      {{"gitlab_user_id", "-0"sv}, "gitlab_user_id: must be an id"},
      {{"gitlab_user_id", ""sv}, "gitlab_user_id: must be an id"},
      {{"gitlab_project_id", "99999999999999999999"sv}, "gitlab_project_id: must be an id"},
      {{"gitlab_project_id", true}, "gitlab_project_id: must be an id"},
      {{"gitlab_namespace_ids", "70,,71"sv}, "70,71"},
      {{"gitlab_namespace_ids", "70, 71"sv}, "70,71"},
      {{"gitlab_namespace_ids", 70}, "must be a text"},
      {{"gitlab_confidential", "yes"sv}, "true or false"},
      {{"other", "\xff"sv}, "other: is not UTF-8"},
      {{"other", "a\0"sv}, "other: contains U+0000"},
      {{"other", kLongText}, "more than 16384 bytes together"},
  };
  for (const Case& one : cases) EXPECT_THAT(WhyNot(With(one.attribute)), HasSubstr(one.says));
}

// A list without end costs no more than the longest that is right; ValidateEvent refuses it.
TEST(CloudEventTest, TooManyNamespacesAreRefusedByTheValidation) {
  std::string ids = "1";
  for (int i = 0; i < 10'000; ++i) ids += ",1";
  Event event = Read(With({"gitlab_namespace_ids", ids}));
  EXPECT_EQ(event.namespace_ids.size(), kEventNamespacesMax + 1u);
  event.time_ms = kTimeMs;
  EXPECT_THAT(std::string(ValidateEvent(event).message()), HasSubstr("at most 32"));
}

TEST(CloudEventTest, DataIsJsonWhateverItsTypeIsCalled) {
  for (const std::string_view type :
       {""sv, "application/json"sv, "Application/JSON"sv, "application/json; charset=utf-8"sv,
        "application/json;x=1;charset=\"UTF-8\""sv, "application/cloudevents+json"sv,
        "text/json"sv}) {
    EXPECT_EQ(Read(WithData(R"( {"a":  1} )", type)).data, R"( {"a":  1} )") << type;
  }
  for (const std::string_view type :
       {"text/plain"sv, "application/xml"sv, "application/octet-stream"sv, "json"sv, "/json"sv,
        "application/jsonp"sv, "application/json; charset=latin1"sv, " "sv}) {
    EXPECT_THAT(WhyNot(WithData("{}", type)), HasSubstr("datacontenttype: \"")) << type;
    EXPECT_EQ(Read(WithData("", type)).data, "") << "there is nothing to read";
  }
  EXPECT_THAT(WhyNot(WithData("{}", "\xff")), HasSubstr("datacontenttype: is not UTF-8"));
}

TEST(CloudEventTest, DataThatIsNoJsonIsRefusedWithThePlace) {
  EXPECT_THAT(WhyNot(WithData("{\"a\" 1}")),
              HasSubstr("data is not valid JSON at line 1, column 6"));
  EXPECT_THAT(WhyNot(WithData("Hello World")), HasSubstr("data is not valid JSON"));
  EXPECT_THAT(WhyNot(WithData("\"\xff\"")), HasSubstr("data is not valid JSON"));
  EXPECT_EQ(Read(WithData("17")).data, "17");
}

}  // namespace
}  // namespace cievents
