#include "matcher/event/event_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "matcher/event/payload_judge.h"

namespace cievents::matcher {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class EventFieldsTest : public testing::Test {
 protected:
  // The value of one path, as Describe writes it.
  std::string Read(const std::string& path) {
    const auto interned = table_.Intern(path);
    EXPECT_TRUE(interned.ok()) << interned.status();
    if (!interned.ok()) return "no path";
    kept_.push_back(*interned);
    return Describe(fields_.Get(**interned));
  }
  // The same of a new event with this payload, which is given with nothing readable behind it.
  std::string Read(std::string_view payload, const std::string& path) {
    payload_.assign(payload.begin(), payload.end());
    payload_.shrink_to_fit();
    event_.names = names_;
    event_.payload = {payload_.data(), payload_.size()};
    fields_.Reset(event_);
    return Read(path);
  }

  std::vector<std::string> names_ = {"issue/created", "issue/updated", "audit/issue_created"};
  std::vector<char> payload_;
  EventView event_;
  EventPathTable table_;
  std::vector<std::shared_ptr<const EventPath>> kept_;
  EventFields fields_;
};

TEST_F(EventFieldsTest, TheEnvelopeIsReadAsItsTypesSay) {
  event_.names = names_;
  event_.id = "evt-1";
  event_.source = "https://gitlab.example.com";
  event_.type = "com.gitlab.issue";
  event_.subject = "issues/7";
  event_.time_ms = 1'769'860'800'007;
  event_.project_id = 42;
  event_.actor_user_id = 7;
  event_.actor_username = "jane";
  event_.actor_access_level = 40;
  event_.actor_bot = true;
  event_.replayed = true;
  fields_.Reset(event_);
  EXPECT_EQ(Read("event.name"), "text<issue/created>");
  EXPECT_EQ(Read("event.names"),
            "[text<issue/created>;text<issue/updated>;text<audit/issue_created>;]");
  EXPECT_EQ(Read("event.id"), "text<evt-1>");
  EXPECT_EQ(Read("event.source"), "text<https://gitlab.example.com>");
  EXPECT_EQ(Read("event.type"), "text<com.gitlab.issue>");
  EXPECT_EQ(Read("event.subject"), "text<issues/7>");
  EXPECT_EQ(Read("event.time"), "text<2026-01-31T12:00:00.007Z>");
  EXPECT_EQ(Read("event.project_id"), "bare<42>");
  EXPECT_EQ(Read("event.actor.id"), "bare<7>");
  EXPECT_EQ(Read("event.actor.username"), "text<jane>");
  EXPECT_EQ(Read("event.actor.access_level"), "bare<40>");
  EXPECT_EQ(Read("event.actor.bot"), "true");
  EXPECT_EQ(Read("event.replay"), "true");
  EXPECT_EQ(fields_.payload_bytes_walked(), 0u);
}

TEST_F(EventFieldsTest, WhatTheEnvelopeLacksIsNull) {
  fields_.Reset(event_);
  for (const char* path :
       {"event.name", "event.names", "event.id", "event.source", "event.type", "event.subject",
        "event.time", "event.project_id", "event.actor.id", "event.actor.username",
        "event.actor.access_level", "event.payload.a", "event.issue.iid"}) {
    EXPECT_EQ(Read(path), "null") << path;
  }
  EXPECT_EQ(Read("event.actor.bot"), "false");
  EXPECT_EQ(Read("event.replay"), "false");
  event_.actor_access_level = 0;
  fields_.Reset(event_);
  EXPECT_EQ(Read("event.actor.access_level"), "bare<0>");
}

TEST_F(EventFieldsTest, TimesAreWrittenWithMillisecondsInUtc) {
  const std::vector<std::pair<int64_t, std::string>> cases = {
      {1, "text<1970-01-01T00:00:00.001Z>"},
      {-1, "text<1969-12-31T23:59:59.999Z>"},
      {951'782'399'999, "text<2000-02-28T23:59:59.999Z>"},
      {951'782'400'000, "text<2000-02-29T00:00:00.000Z>"},
      {253'402'300'799'999, "text<9999-12-31T23:59:59.999Z>"},
      {253'402'300'800'000, "null"},
      {-62'167'219'200'000, "text<0000-01-01T00:00:00.000Z>"},
      {-62'167'219'200'001, "null"},
      {INT64_MAX, "null"},
      {INT64_MIN, "null"},
      {0, "null"}};
  for (const auto& [time_ms, expected] : cases) {
    event_.time_ms = time_ms;
    fields_.Reset(event_);
    EXPECT_EQ(Read("event.time"), expected) << time_ms;
  }
}

TEST_F(EventFieldsTest, SettingTheNameChangesTheNameAlone) {
  event_.names = names_;
  event_.payload = R"({"a":1})";
  fields_.Reset(event_);
  const auto a = *table_.Intern("event.payload.a");
  const Value* const before = &fields_.Get(*a);
  fields_.SetName(2);
  EXPECT_EQ(fields_.name(), 2u);
  EXPECT_EQ(Read("event.name"), "text<audit/issue_created>");
  EXPECT_EQ(before, &fields_.Get(*a));
  EXPECT_EQ(Describe(*before), "bare<1>");
  fields_.Reset(event_);
  EXPECT_EQ(fields_.name(), 0u);
  EXPECT_EQ(Read("event.name"), "text<issue/created>");
}

struct PayloadCase {
  const char* payload;
  const char* path;  // behind `event.`
  const char* value;
};

TEST_F(EventFieldsTest, PathsFindTheirValues) {
  const std::vector<PayloadCase> cases = {
      {"", "payload", "bare<{}>"},
      {"", "payload.a", "null"},
      {"{}", "payload", "bare<{}>"},
      {"{}", "payload.a", "null"},
      {" { } ", "payload", "bare<{}>"},
      {R"({"a":"x"})", "payload.a", "text<x>"},
      {R"({"a":""})", "payload.a", "text<>"},
      {R"({"a":"x"})", "a", "text<x>"},
      {R"({"a":1})", "payload.a", "bare<1>"},
      {R"({"a":1.0})", "payload.a", "bare<1.0>"},
      {R"({"a":-0.50E+1 })", "payload.a", "bare<-0.50E+1>"},
      {R"({"a":12345678901234567890123})", "payload.a", "bare<12345678901234567890123>"},
      {R"({"a":true,"b":false,"c":null})", "payload.a", "true"},
      {R"({"a":true,"b":false,"c":null})", "payload.b", "false"},
      {R"({"a":true,"b":false,"c":null})", "payload.c", "null"},
      {R"({"a":"true"})", "payload.a", "text<true>"},
      {R"({"a":{"b":{"c":"deep"}}})", "payload.a.b.c", "text<deep>"},
      {R"({"a":{"x":[1,{"y":2}]},"b":"behind"})", "payload.b", "text<behind>"},
      {R"({"a":"x"})", "payload.a.b", "null"},
      {R"({"a":1})", "payload.a.b", "null"},
      {R"({"a":null})", "payload.a.b", "null"},
      {R"({"A":1})", "payload.a", "null"},
      {R"({"ab":1,"a":2})", "payload.a", "bare<2>"},
      {R"({"a":1,"a":2})", "payload.a", "bare<1>"},
      {R"({"0":"zero","00":"two"})", "payload.0", "text<zero>"},
      {R"({"0":"zero","00":"two"})", "payload.00", "text<two>"},
      // Escapes, in values and keys.
      {R"({"a":"q\"\\\n\u00e9\ud83d\ude00"})", "payload.a",
       "text<q\"\\\n\xC3\xA9\xF0\x9F\x98\x80>"},
      {R"({"\u0061":"found"})", "payload.a", "text<found>"},
      {R"({"\u0061b":"no","a\u0062c":"found"})", "payload.abc", "text<found>"},
      {"{\"a\":\"caf\xC3\xA9\"}", "payload.a", "text<caf\xC3\xA9>"},
      // Objects are their compact text.
      {"{ \"a\" : { \"b c\" : [ 1 , \"x y\" ] } }", "payload.a", "bare<{\"b c\":[1,\"x y\"]}>"},
      {R"({"a":{"b":"\u00e9"}})", "payload.a", R"(bare<{"b":"\u00e9"}>)"},
      {R"({"a":{}})", "payload.a", "bare<{}>"},
      {"{\n\"a\": 1}", "payload", R"(bare<{"a":1}>)"},
      // A payload that is no object.
      {"42", "payload", "bare<42>"},
      {" \"text\" ", "payload", "text<text>"},
      {"null", "payload", "null"},
      {"true", "payload", "true"},
      {"42", "payload.a", "null"},
      {"\"text\"", "payload.a", "null"},
      {"null", "payload.a", "null"},
      {R"([{"a":1},{"a":2}])", "payload.a", "[bare<1>;bare<2>;]"},
      {"[1,2]", "payload", "[bare<1>;bare<2>;]"},
      {"[1,2]", "payload.1", "bare<2>"},
  };
  for (const PayloadCase& one : cases) {
    EXPECT_EQ(Read(one.payload, std::string("event.") + one.path), one.value)
        << one.path << " of " << one.payload;
  }
}

TEST_F(EventFieldsTest, PathsThatMeetArraysAreFlatLists) {
  const std::vector<PayloadCase> cases = {
      {R"({"a":[]})", "payload.a", "null"},
      {R"({"a":[null]})", "payload.a", "null"},
      {R"({"a":[ ]})", "payload.a.b", "null"},
      {R"({"a":[1]})", "payload.a", "[bare<1>;]"},
      {R"({"a":["x",1,true,null,{"b": 2}]})", "payload.a",
       R"([text<x>;bare<1>;true;bare<{"b":2}>;])"},
      {R"({"a":[[1,[2]],[[[3]]],[]]})", "payload.a", "[bare<1>;bare<2>;bare<3>;]"},
      {R"({"l":[{"t":"x"},{"u":1},{"t":null},{"t":"y"}]})", "payload.l.t", "[text<x>;text<y>;]"},
      {R"({"l":[{"t":["x","y"]},{"t":"z"}]})", "payload.l.t", "[text<x>;text<y>;text<z>;]"},
      {R"({"l":[[{"t":1}],[[{"t":2}]]]})", "payload.l.t", "[bare<1>;bare<2>;]"},
      {R"({"l":[1,"s",null,true]})", "payload.l.t", "null"},
      {R"({"l":[{"t":{"u":1}},{"t":[{"u":2}]}]})", "payload.l.t.u", "[bare<1>;bare<2>;]"},
      // A digit key is an index of an array.
      {R"({"a":[5,6,7]})", "payload.a.0", "bare<5>"},
      {R"({"a":[5,6,7]})", "payload.a.2", "bare<7>"},
      {R"({"a":[5,6,7]})", "payload.a.3", "null"},
      {R"({"a":[5,6,7]})", "payload.a.99999999999999999999", "null"},
      {R"({"a":[{"01":"x"}]})", "payload.a.01", "[text<x>;]"},
      {R"({"a":[{"b":1},{"b":2}]})", "payload.a.1.b", "bare<2>"},
      {R"({"a":[[1,2],[3,4]]})", "payload.a.1.0", "bare<3>"},
      {R"({"a":[[1,2],[3,4]]})", "payload.a.1", "[bare<3>;bare<4>;]"},
      {R"({"a":[{"b":[1,2]},{"b":[3]}]})", "payload.a.b.0", "[bare<1>;bare<3>;]"},
      {R"({"a":[{"b":[1,2]},{"b":[3]}]})", "payload.a.b.1", "[bare<2>;]"},
      {R"({"a":[null,1]})", "payload.a.0", "null"},
      {R"({"a":{"0":"key"}})", "payload.a.0", "text<key>"},
  };
  for (const PayloadCase& one : cases) {
    EXPECT_EQ(Read(one.payload, std::string("event.") + one.path), one.value)
        << one.path << " of " << one.payload;
  }
}

TEST_F(EventFieldsTest, TheEventsOwnSubjectIsItsObjectAttributes) {
  const std::vector<PayloadCase> cases = {
      {R"({"object_attributes":{"iid":7}})", "issue.iid", "bare<7>"},
      {R"({"object_attributes":{"iid":7}})", "issue", R"(bare<{"iid":7}>)"},
      {R"({"object_attributes":{"iid":7}})", "audit.iid", "bare<7>"},  // of another of its names
      {R"({"object_attributes":{"iid":7}})", "merge_request.iid", "null"},
      {R"({"object_attributes":{"iid":7}})", "payload.issue.iid", "null"},
      {R"({"issue":{"iid":1},"object_attributes":{"iid":7}})", "issue.iid", "bare<1>"},
      {R"({"object_attributes":{"iid":7},"issue":{"iid":1}})", "issue.iid", "bare<1>"},
      {R"({"issue":null,"object_attributes":{"iid":7}})", "issue.iid", "null"},
      {R"({"issue":{},"object_attributes":{"iid":7}})", "issue.iid", "null"},
      {R"({"object_attributes":[{"iid":7},{"iid":8}]})", "issue.iid", "[bare<7>;bare<8>;]"},
      {R"({})", "issue.iid", "null"},
      {"[{\"object_attributes\":{\"iid\":7}}]", "issue.iid", "null"},
      {"42", "issue.iid", "null"},
  };
  for (const PayloadCase& one : cases) {
    EXPECT_EQ(Read(one.payload, std::string("event.") + one.path), one.value)
        << one.path << " of " << one.payload;
  }
  EXPECT_THAT(Read(R"({"object_attributes":{"iid":7})", "event.issue.iid"), StartsWith("failed"));
}

TEST_F(EventFieldsTest, WhatCannotBeReadFailsWithThePlaceAndTheReason) {
  const std::vector<PayloadCase> cases = {
      {"not json", "payload", "at byte 0: a value was expected"},
      {"not json", "payload.a", "at byte 0: a value was expected"},
      {"  ", "payload", "at byte 2: there is nothing but white space"},
      {"{", "payload.a", "at byte 1: the text ends before"},
      {R"({"a")", "payload.a", "at byte 4: the text ends"},
      {R"({"a":)", "payload.a", "at byte 5: the text ends"},
      {R"({"a":1)", "payload.a", "at byte 6: the text ends"},
      {R"({"a":"x)", "payload.a", "at byte 7: the text ends inside a string"},
      {R"({"a":1)", "payload.b", "at byte 6: the text ends"},
      {R"({"a":1,})", "payload.b", "at byte 7: a key in double quotes was expected"},
      {R"({"a" 1})", "payload.a", "at byte 5: `:` was expected"},
      {R"({a:1})", "payload.a", "at byte 1: a key in double quotes"},
      {R"({"a":1 "b":2})", "payload.b", "at byte 7: `,` or a closing bracket"},
      {R"({"a":,"b":2})", "payload.b", "at byte 5: a value was expected"},
      {R"({"a":01})", "payload.a", "at byte 5: a number is malformed"},
      {R"({"a":1.})", "payload.a", "at byte 5: a number is malformed"},
      {R"({"a":tru})", "payload.a", "at byte 5"},
      {R"({"a":tru})", "payload.a.b", "at byte 5"},
      {R"({"a":"\x"})", "payload.a", "at byte 6: a string has an invalid escape"},
      {R"({"a":"\ud800"})", "payload.a", "at byte 6: a string has half of a surrogate pair"},
      {"{\"a\":\"x\ny\"}", "payload.a", "at byte 7: a control character"},
      {"{\"a\":\"\xFF\"}", "payload.a", "at byte 5: a string is not valid UTF-8"},
      {"{\"\n\":1,\"a\":2}", "payload.a", "at byte 2: a control character"},
      {R"({"\x":1,"a":2})", "payload.a", "at byte 2: a string has an invalid escape"},
      {R"({"a":[1}})", "payload.b", "at byte 7: a closing bracket does not match"},
      {R"({"a":{"b":1 2},"c":3})", "payload.a", "at byte 12: `,` or a closing bracket"},
      {R"({"a":[1,]})", "payload.a", "at byte 8"},
      {R"({"a":[1,tru]})", "payload.a", "at byte 8"},
      {R"({"a":[{"b":1},{"b":01}]})", "payload.a.b", "at byte 19: a number is malformed"},
  };
  for (const PayloadCase& one : cases) {
    const std::string value = Read(one.payload, std::string("event.") + one.path);
    EXPECT_THAT(value, StartsWith("failed(the payload is not valid JSON at byte "))
        << one.path << " of " << one.payload;
    EXPECT_THAT(value, HasSubstr(one.value)) << one.path << " of " << one.payload;
  }
}

TEST_F(EventFieldsTest, WhatIsMalformedBehindAValueOrInsideWhatIsPassedIsNotNoticed) {
  const std::vector<PayloadCase> cases = {
      {R"({"a":1,garbage)", "payload.a", "bare<1>"},
      {R"({"a":"x"garbage)", "payload.a", "text<x>"},
      {R"({"a":{"b":1},garbage)", "payload.a", R"(bare<{"b":1}>)"},
      {R"({"a":{"b":1,garbage)", "payload.a.b", "bare<1>"},
      {R"({"x":01,"a":1})", "payload.a", "bare<1>"},
      {R"({"x":{"y":[1 2]},"a":1})", "payload.a", "bare<1>"},
      {R"({"x":"\x","a":1})", "payload.a", "bare<1>"},
      {"42 garbage", "payload", "bare<42>"},
      {"{}garbage", "payload", "bare<{}>"},
      {R"({"a":[1,2,garbage)", "payload.a.1", "bare<2>"},
  };
  for (const PayloadCase& one : cases) {
    EXPECT_EQ(Read(one.payload, std::string("event.") + one.path), one.value)
        << one.path << " of " << one.payload;
  }
}

TEST_F(EventFieldsTest, DepthIsLimitedWhetherContainersAreEnteredOrPassed) {
  const auto nested = [](size_t arrays) {
    return "{\"a\":" + std::string(arrays, '[') + "1" + std::string(arrays, ']') + ",\"b\":2}";
  };
  EXPECT_EQ(Read(nested(1023), "event.payload.a"), "[bare<1>;]");
  EXPECT_EQ(Read(nested(1023), "event.payload.b"), "bare<2>");
  EXPECT_THAT(Read(nested(1024), "event.payload.a"), HasSubstr("more than 1024"));
  EXPECT_THAT(Read(nested(1024), "event.payload.b"), HasSubstr("more than 1024"));
  EXPECT_THAT(Read(nested(1024), "event.payload"), HasSubstr("more than 1024"));
  EXPECT_THAT(Read(std::string(1'000'000, '['), "event.payload"), HasSubstr("more than 1024"));
  EXPECT_THAT(Read(std::string(1'000'000, '['), "event.payload.a"), HasSubstr("more than 1024"));
}

TEST_F(EventFieldsTest, OnlyWhatAPathNeedsIsWalked) {
  const std::string start = R"({"package":{"id":1,"name":"pkg-1"},"ref":"main",)";
  const std::string rest = "\"rest\":\"" + std::string(100'000, 'x') + "\"}";
  EXPECT_EQ(Read(start + rest, "event.id"), "null");
  EXPECT_EQ(fields_.payload_bytes_walked(), 0u);
  EXPECT_EQ(Read("event.payload.package.name"), "text<pkg-1>");
  EXPECT_EQ(fields_.payload_bytes_walked(), start.find("},"));
  EXPECT_EQ(Read("event.payload.ref"), "text<main>");
  EXPECT_EQ(fields_.payload_bytes_walked(), start.size() - 1);
  EXPECT_EQ(Read("event.payload.package.id"), "bare<1>");
  EXPECT_EQ(fields_.payload_bytes_walked(), start.size() - 1);
  EXPECT_EQ(Read("event.payload.absent"), "null");
  EXPECT_EQ(fields_.payload_bytes_walked(), start.size() + rest.size());
}

TEST_F(EventFieldsTest, ReferencesStayValidWhileOtherPathsAreRead) {
  std::string payload = "{";
  for (int i = 0; i < 3000; ++i) {
    payload += "\"k" + std::to_string(i) + "\":\"\\u0041" + std::to_string(i) + "\",";
  }
  payload += "\"l\":[1,2,3]}";
  Read(payload, "event.payload.none");
  std::vector<const Value*> values;
  for (int i = 0; i < 3000; ++i) {
    kept_.push_back(*table_.Intern("event.payload.k" + std::to_string(i)));
    values.push_back(&fields_.Get(*kept_.back()));
  }
  for (int i = 0; i < 3000; ++i) {
    EXPECT_EQ(values[static_cast<size_t>(i)]->text, "A" + std::to_string(i));
  }
}

TEST_F(EventFieldsTest, AnIdThatGoesToAnotherPathDoesNotBringItsValue) {
  event_.payload = R"({"a":1,"b":2})";
  fields_.Reset(event_);
  auto path = *table_.Intern("event.payload.a");
  const uint32_t id = path->id;
  EXPECT_EQ(Describe(fields_.Get(*path)), "bare<1>");
  path.reset();
  path = *table_.Intern("event.payload.b");
  ASSERT_EQ(path->id, id);
  EXPECT_EQ(Describe(fields_.Get(*path)), "bare<2>");
}

}  // namespace
}  // namespace cievents::matcher
