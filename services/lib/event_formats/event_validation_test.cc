#include "services/lib/event_formats/event_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace cievents {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

Event Good() {
  Event event;
  event.id = "e1";
  event.source = "gitlab";
  event.names = {"issue/created"};
  event.project_id = 14;
  event.time_ms = 1780308000000;
  event.data = R"({"a":1})";
  return event;
}

// The message for a good event after `change`; "ok" if it still is one.
std::string Verdict(const std::function<void(Event&)>& change) {
  Event event = Good();
  change(event);
  const absl::Status status = ValidateEvent(event);
  if (status.ok()) return "ok";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(EventValidationTest, AGoodEventStaysAsItIs) {
  Event event = Good();
  ASSERT_TRUE(ValidateEvent(event).ok());
  EXPECT_THAT(event.names, ElementsAre("issue/created"));
  EXPECT_EQ(event.data, R"({"a":1})");
}

TEST(EventValidationTest, NamesBecomeCanonicalAndDistinctInTheirOrder) {
  Event event = Good();
  event.names = {"events/package/published", "a/b", "package/published", "a/b"};
  ASSERT_TRUE(ValidateEvent(event).ok());
  EXPECT_THAT(event.names, ElementsAre("package/published", "a/b"));
}

TEST(EventValidationTest, EmptyDataBecomesAnEmptyObject) {
  Event event = Good();
  event.data.clear();
  ASSERT_TRUE(ValidateEvent(event).ok());
  EXPECT_EQ(event.data, "{}");
}

TEST(EventValidationTest, TextLimitsHoldAtAndOnePastThem) {
  struct Case {
    const char* field;
    std::string& (*text)(Event&);
    size_t bytes_max;
  };
  const Case kCases[] = {
      {"id", [](Event& e) -> std::string& { return e.id; }, 255},
      {"source", [](Event& e) -> std::string& { return e.source; }, 1024},
      {"actor.username", [](Event& e) -> std::string& { return e.actor.username; }, 1024},
      {"cause.request_id", [](Event& e) -> std::string& { return e.cause.request_id; }, 1024},
      {"subject", [](Event& e) -> std::string& { return e.subject; }, 1024},
      {"data_schema", [](Event& e) -> std::string& { return e.data_schema; }, 1024},
      {"traceparent", [](Event& e) -> std::string& { return e.traceparent; }, 1024},
      {"correlation_id", [](Event& e) -> std::string& { return e.correlation_id; }, 1024},
  };
  for (const Case& c : kCases) {
    const std::string field = c.field;
    EXPECT_EQ(Verdict([&](Event& e) { c.text(e).assign(c.bytes_max, 'x'); }), "ok") << field;
    EXPECT_EQ(Verdict([&](Event& e) { c.text(e).assign(c.bytes_max + 1, 'x'); }),
              field + ": " + std::to_string(c.bytes_max + 1) + " bytes; at most " +
                  std::to_string(c.bytes_max) + " are allowed");
    EXPECT_EQ(Verdict([&](Event& e) { c.text(e) = "a\xC3"; }), field + ": is not UTF-8");
    EXPECT_EQ(Verdict([&](Event& e) { c.text(e) = std::string("a\0b", 3); }),
              field + ": contains U+0000");
  }
}

TEST(EventValidationTest, IdAndSourceAreNeeded) {
  EXPECT_EQ(Verdict([](Event& e) { e.id.clear(); }), "id: is empty; 1 to 255 bytes are needed");
  EXPECT_EQ(Verdict([](Event& e) { e.source.clear(); }),
            "source: is empty; 1 to 1024 bytes are needed");
}

TEST(EventValidationTest, AnEventHasOneToEightNamesAndABadOneIsPointedOut) {
  EXPECT_EQ(Verdict([](Event& e) { e.names.clear(); }), "names: 0 names; an event has 1 to 8");
  EXPECT_EQ(Verdict([](Event& e) { e.names.assign(8, "a/b"); }), "ok");
  EXPECT_EQ(Verdict([](Event& e) { e.names.assign(9, "a/b"); }),
            "names: 9 names; an event has 1 to 8");
  EXPECT_THAT(Verdict([](Event& e) { e.names = {"a/b", "A/b"}; }), StartsWith("names[1]: "));
  EXPECT_THAT(Verdict([](Event& e) { e.names = {"a/*"}; }), StartsWith("names[0]: "));
  EXPECT_THAT(Verdict([](Event& e) { e.names = {""}; }), StartsWith("names[0]: "));
}

TEST(EventValidationTest, IdsMustNotBeNegative) {
  EXPECT_THAT(Verdict([](Event& e) { e.project_id = -1; }), StartsWith("project_id: -1 is neg"));
  EXPECT_THAT(Verdict([](Event& e) { e.organization_id = -1; }), StartsWith("organization_id: "));
  EXPECT_THAT(Verdict([](Event& e) { e.actor.user_id = -1; }), StartsWith("actor.user_id: "));
  EXPECT_THAT(Verdict([](Event& e) { e.cause.pipeline_id = -5; }),
              StartsWith("cause.pipeline_id: "));
  EXPECT_EQ(Verdict([](Event& e) { e.project_id = 0; }), "ok");
}

TEST(EventValidationTest, NamespacesAreAtMostThirtyTwoIdsAboveZero) {
  EXPECT_EQ(Verdict([](Event& e) { e.namespace_ids.assign(32, 7); }), "ok");
  EXPECT_EQ(Verdict([](Event& e) { e.namespace_ids.assign(33, 7); }),
            "namespace_ids: 33 ids; at most 32 are allowed");
  EXPECT_EQ(Verdict([](Event& e) {
              e.namespace_ids = {9, 0};
            }),
            "namespace_ids[1]: 0 is no id; ids are above 0");
}

TEST(EventValidationTest, AccessLevelsAreGitLabsNumbers) {
  EXPECT_EQ(Verdict([](Event& e) { e.actor.access_level = 50; }), "ok");
  EXPECT_EQ(Verdict([](Event& e) { e.actor.access_level = 0; }), "ok");
  EXPECT_THAT(Verdict([](Event& e) { e.actor.access_level = -1; }),
              StartsWith("actor.access_level: -1 is not between"));
  EXPECT_THAT(Verdict([](Event& e) { e.actor.access_level = 101; }),
              StartsWith("actor.access_level: 101"));
}

TEST(EventValidationTest, TheTimeIsNeededAndLiesBeforeTheYear10000) {
  EXPECT_EQ(Verdict([](Event& e) { e.time_ms = 0; }),
            "time: is missing; say when the event happened");
  EXPECT_EQ(Verdict([](Event& e) { e.time_ms = -1; }), "time: is not between 1970 and 9999");
  EXPECT_EQ(Verdict([](Event& e) { e.time_ms = kEventTimeMsMax; }), "ok");
  EXPECT_EQ(Verdict([](Event& e) { e.time_ms = kEventTimeMsMax + 1; }),
            "time: is not between 1970 and 9999");
}

TEST(EventValidationTest, DataIsUtf8WithinItsLimit) {
  EXPECT_EQ(Verdict([](Event& e) { e.data.assign(kEventDataBytesMax, 'x'); }), "ok");
  EXPECT_EQ(Verdict([](Event& e) { e.data.assign(kEventDataBytesMax + 1, 'x'); }),
            "data: 1048577 bytes; at most 1048576 are allowed");
  EXPECT_EQ(Verdict([](Event& e) { e.data = "\"\xFF\""; }), "data: is not UTF-8");
  Event event = Good();
  EXPECT_EQ(ValidateEvent(event, 6).message(), "data: 7 bytes; at most 6 are allowed");
  EXPECT_TRUE(ValidateEvent(event, 7).ok());
}

}  // namespace
}  // namespace cievents
