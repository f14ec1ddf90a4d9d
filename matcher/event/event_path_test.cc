#include "matcher/event/event_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace cievents::matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Root = EventPath::Root;

TEST(EventPathTest, FieldsOfTheEnvelopeHaveTheirRoots) {
  EventPathTable table;
  const std::vector<std::pair<std::string, Root>> cases = {
      {"event.name", Root::kName},
      {"event.names", Root::kNames},
      {"event.id", Root::kId},
      {"event.source", Root::kSource},
      {"event.type", Root::kType},
      {"event.subject", Root::kSubject},
      {"event.time", Root::kTime},
      {"event.project_id", Root::kProjectId},
      {"event.actor.id", Root::kActorId},
      {"event.actor.username", Root::kActorUsername},
      {"event.actor.bot", Root::kActorBot},
      {"event.actor.access_level", Root::kActorAccessLevel},
      {"event.replay", Root::kReplay}};
  for (const auto& [text, root] : cases) {
    for (const std::string& written : {text, "gitlab." + text}) {
      const auto path = table.Intern(written);
      ASSERT_TRUE(path.ok()) << written << ": " << path.status();
      EXPECT_EQ((*path)->root, root) << written;
      EXPECT_EQ((*path)->text, text);
      EXPECT_THAT((*path)->keys, IsEmpty());
      EXPECT_FALSE((*path)->may_be_subject);
    }
  }
}

TEST(EventPathTest, PathsIntoThePayloadHaveTheirKeys) {
  EventPathTable table;
  const auto whole = table.Intern("event.payload");
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ((*whole)->root, Root::kPayload);
  EXPECT_THAT((*whole)->keys, IsEmpty());
  const auto nested = table.Intern("gitlab.event.payload.a-b.C_1.0.payload");
  ASSERT_TRUE(nested.ok());
  EXPECT_THAT((*nested)->keys, ElementsAre("a-b", "C_1", "0", "payload"));
  EXPECT_FALSE((*nested)->may_be_subject);
  EXPECT_EQ((*nested)->text, "event.payload.a-b.C_1.0.payload");
}

TEST(EventPathTest, AKeyThatIsNoFieldIsOneOfThePayloadOrTheSubject) {
  EventPathTable table;
  const auto path = table.Intern("event.issue.iid");
  ASSERT_TRUE(path.ok());
  EXPECT_EQ((*path)->root, Root::kPayload);
  EXPECT_THAT((*path)->keys, ElementsAre("issue", "iid"));
  EXPECT_TRUE((*path)->may_be_subject);
  const auto same_keys = table.Intern("event.payload.issue.iid");
  ASSERT_TRUE(same_keys.ok());
  EXPECT_NE(path->get(), same_keys->get());
}

TEST(EventPathTest, ErrorsSayWhatIsWrongAndWhatMayStandThere) {
  EventPathTable table;
  std::string seventeen = "event.payload";
  for (int i = 0; i < 17; ++i) seventeen += ".k";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "an event path is missing"},
      {"event", "`event` alone has no value"},
      {"gitlab.event", "`event` alone has no value"},
      {"event.", "a key is missing behind the last `.`"},
      {".event", "a key is missing before the first `.`"},
      {"event..a", "a key is missing between two `.`"},
      {"event.payload.a.", "behind the last `.`"},
      {"event.actor", "it has `event.actor.id`, `event.actor.username`"},
      {"event.actor.foo", "`event.actor.foo` is not known: it has `event.actor.id`"},
      {"event.actor.usrname", "did you mean `event.actor.username`?"},
      {"event.actor.acess_level", "did you mean `event.actor.access_level`?"},
      {"event.actor.id.x", "`event.actor.id` has no keys below it"},
      {"event.name.x", "for a key of the payload write `event.payload.name.x`"},
      {"event.names.0", "`event.names` has no keys below it"},
      {"payload.ref", "write `event.payload.ref`"},
      {"name", "write `event.name`"},
      {"events.name", "did you mean `event.name`?"},
      {"evnet.payload.a", "did you mean `event.payload.a`?"},
      {"gitlab.user", "is no event path: it begins with `event.`"},
      {"event.a b", "byte 0x20 at its position 8"},
      {"event.payload.a[0]", "`[` cannot stand in an event path"},
      {"event.payload.caf\xC3\xA9", "byte 0xC3"},
      {"event.payload.*", "`*` cannot stand"},
      {seventeen, "17 keys; at most 16 are allowed"},
      {std::string(2000, 'a'), "2000 bytes; at most 1024"}};
  for (const auto& [text, message] : cases) {
    const auto path = table.Intern(text);
    ASSERT_FALSE(path.ok()) << text;
    EXPECT_EQ(path.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(path.status().message()), HasSubstr(message)) << text;
  }
  EXPECT_EQ(table.size(), 0u);
}

TEST(EventPathTest, SixteenKeysAreAllowedWithAndWithoutThePayloadWord) {
  EventPathTable table;
  for (std::string text : {"event.payload", "event"}) {
    for (int i = 0; i < 16; ++i) text += ".k";
    const auto path = table.Intern(text);
    ASSERT_TRUE(path.ok()) << path.status();
    EXPECT_EQ((*path)->keys.size(), 16u);
    EXPECT_FALSE(table.Intern(text + ".k").ok());
  }
}

TEST(EventPathTest, EqualPathsAreOneObject) {
  EventPathTable table;
  const auto first = *table.Intern("event.payload.a");
  EXPECT_EQ(first, *table.Intern("gitlab.event.payload.a"));
  EXPECT_EQ(table.size(), 1u);
}

TEST(EventPathTest, IdsAreDenseAndReusedButSerialsAreNot) {
  EventPathTable table;
  auto a = *table.Intern("event.payload.a");
  auto b = *table.Intern("event.payload.b");
  auto c = *table.Intern("event.payload.c");
  EXPECT_EQ(table.id_end(), 3u);
  const uint32_t id_of_b = b->id;
  const uint64_t serial_of_b = b->serial;
  b.reset();
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.id_end(), 3u);
  b = *table.Intern("event.payload.d");
  EXPECT_EQ(b->id, id_of_b);
  EXPECT_NE(b->serial, serial_of_b);
  b.reset();
  c.reset();
  EXPECT_EQ(table.id_end(), 1u);
  a.reset();
  EXPECT_EQ(table.id_end(), 0u);
  EXPECT_EQ(table.size(), 0u);
}

TEST(EventPathTest, PathsOutliveTheirTable) {
  std::shared_ptr<const EventPath> path;
  {
    EventPathTable table;
    path = *table.Intern("event.payload.a");
  }
  EXPECT_EQ(path->text, "event.payload.a");
}

// Readers let paths go while the writer interns the same ones anew.
TEST(EventPathTest, PathsMayBeReleasedOnAnyThread) {
  EventPathTable table;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::shared_ptr<const EventPath>> paths;
    for (int i = 0; i < 20; ++i)
      paths.push_back(*table.Intern("event.payload.k" + std::to_string(i)));
    std::thread reader([old = std::move(paths)]() mutable { old.clear(); });
    std::set<uint32_t> ids;
    std::vector<std::shared_ptr<const EventPath>> again;
    for (int i = 0; i < 20; ++i) {
      again.push_back(*table.Intern("event.payload.k" + std::to_string(i)));
      EXPECT_TRUE(ids.insert(again.back()->id).second);
    }
    reader.join();
    EXPECT_EQ(table.size(), 20u);
  }
  EXPECT_EQ(table.size(), 0u);
}

}  // namespace
}  // namespace cievents::matcher
