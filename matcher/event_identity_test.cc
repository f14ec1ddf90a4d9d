// Tests matcher/event_identity.h.
#include "matcher/event_identity.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "services/lib/base/sha256.h"

namespace cievents::matcher {
namespace {

using Kind = EventIdentity::Kind;

constexpr int64_t kTimeMs = 1700000000123;

std::string UidText(int64_t time_ms, const EventIdentity& identity) {
  return MakeEventUid(time_ms, identity, Sha256).ToString();
}

TEST(EventUidTest, IsTheSameForEver) {
  const std::string long_source(1024, 's');
  const std::string long_id(255, 'i');
  struct Case {
    int64_t time_ms;
    EventIdentity identity;
    std::string uid;
  };
  // Retries across a release meet in Postgres by these. A failure here means: undo the change.
  const std::vector<Case> cases = {
      {kTimeMs, {Kind::kProject, 42, "gitlab", "5f3b0c1e"}, "018bcfe5-687b-731b-a13d-3c119b44b3f1"},
      {kTimeMs, {Kind::kGroup, 42, "gitlab", "5f3b0c1e"}, "018bcfe5-687b-78d6-b7fb-978d6528f87c"},
      {kTimeMs, {Kind::kInstance, 0, "gitlab", "5f3b0c1e"}, "018bcfe5-687b-7d93-944e-37f48f2d5047"},
      {0, {Kind::kProject, 1, "", ""}, "00000000-0000-70c3-9e11-045ec660f3e8"},
      {kUidTimeMsMax,
       {Kind::kProject, std::numeric_limits<int64_t>::max(), "//gitlab.example.com/a",
        std::string_view("\xff\0", 2)},
       "ffffffff-ffff-75c8-bf39-e10a804c303c"},
      {1645557742000,
       {Kind::kProject, 7, long_source, long_id},
       "017f22e2-79b0-7ad4-8ae4-f81be1ba2228"},
  };
  for (const Case& c : cases) EXPECT_EQ(UidText(c.time_ms, c.identity), c.uid);
}

TEST(EventUidTest, IsAVersion7UuidOfTheTime) {
  for (const int64_t time_ms : {int64_t{0}, int64_t{1}, kTimeMs, kUidTimeMsMax}) {
    for (int i = 0; i < 50; ++i) {
      const EventUid uid =
          MakeEventUid(time_ms, {Kind::kProject, 5, "gitlab", std::to_string(i)}, Sha256);
      EXPECT_EQ(uid.time_ms(), time_ms);
      const std::string text = uid.ToString();
      EXPECT_EQ(text[14], '7') << text;  // version
      EXPECT_NE(std::string_view("89ab").find(text[19]), std::string_view::npos)
          << text;  // variant
    }
  }
}

TEST(EventUidTest, ClampsATimeThatItCannotHold) {
  const EventIdentity identity{Kind::kProject, 1, "a", "b"};
  EXPECT_EQ(UidText(-1, identity), UidText(0, identity));
  EXPECT_EQ(UidText(std::numeric_limits<int64_t>::min(), identity), UidText(0, identity));
  EXPECT_EQ(UidText(std::numeric_limits<int64_t>::max(), identity),
            UidText(kUidTimeMsMax, identity));
}

TEST(EventUidTest, OfAKeyedEventDiffersInItsTimeAloneAndNeverIsANativeOne) {
  const EventIdentity identity{Kind::kProject, 42, "gitlab", "5f3b0c1e"};
  const EventUid first = MakeKeyedEventUid(kTimeMs, identity, Sha256);
  const EventUid later = MakeKeyedEventUid(kTimeMs + 1, identity, Sha256);
  // Stored in event_keys: as those above, for ever.
  EXPECT_EQ(first.ToString(), "018bcfe5-687b-7cbd-8af4-c6486b0ef2b7");
  EXPECT_EQ(first.time_ms(), kTimeMs);
  EXPECT_EQ(later.time_ms(), kTimeMs + 1);
  EXPECT_NE(first, later);
  EXPECT_EQ(WithoutTime(first), WithoutTime(later));
  EXPECT_EQ(WithoutTime(first).time_ms(), 0);
  EXPECT_NE(WithoutTime(first), WithoutTime(MakeEventUid(kTimeMs, identity, Sha256)));
  const EventIdentity other{Kind::kProject, 43, "gitlab", "5f3b0c1e"};
  EXPECT_NE(WithoutTime(first), WithoutTime(MakeKeyedEventUid(kTimeMs, other, Sha256)));
}

TEST(EventUidTest, DiffersWhereverTheIdentityDiffers) {
  // Each differs from the others in one field, or only in where one field ends and the next begins.
  const std::string length_bytes("\0\0\0\0\0\0\0\1b", 9);
  const std::string b_with_length = "b" + length_bytes;
  const std::vector<EventIdentity> identities = {
      {Kind::kProject, 1, "ab", "c"},         {Kind::kProject, 1, "a", "bc"},
      {Kind::kProject, 1, "abc", ""},         {Kind::kProject, 1, "", "abc"},
      {Kind::kProject, 2, "ab", "c"},         {Kind::kProject, -1, "ab", "c"},
      {Kind::kProject, 256, "ab", "c"},       {Kind::kGroup, 1, "ab", "c"},
      {Kind::kInstance, 1, "ab", "c"},        {Kind::kProject, 1, "ab", "C"},
      {Kind::kProject, 1, "b", length_bytes}, {Kind::kProject, 1, b_with_length, ""},
  };
  absl::flat_hash_set<EventUid> uids;
  for (const EventIdentity& identity : identities) {
    EXPECT_TRUE(uids.insert(MakeEventUid(kTimeMs, identity, Sha256)).second)
        << identity.source << " " << identity.event_id;
  }
  EXPECT_TRUE(uids.insert(MakeEventUid(kTimeMs + 1, identities[0], Sha256)).second);
}

TEST(EventUidTest, OrdersByTimeFirst) {
  EventUid before = MakeEventUid(kTimeMs, {Kind::kProject, 1, "a", "0"}, Sha256);
  for (int i = 1; i < 100; ++i) {
    const EventUid after =
        MakeEventUid(kTimeMs + i, {Kind::kProject, 1, "a", std::to_string(i)}, Sha256);
    EXPECT_LT(before, after);
    EXPECT_LT(before.ToString(), after.ToString());
    before = after;
  }
}

TEST(EventUidTest, ParsesWhatItPrints) {
  const std::string text = "018bcfe5-687b-731b-a13d-3c119b44b3f1";
  const std::optional<EventUid> uid = EventUid::Parse(text);
  ASSERT_TRUE(uid.has_value());
  EXPECT_EQ(uid->high, 0x018bcfe5687b731bu);
  EXPECT_EQ(uid->low, 0xa13d3c119b44b3f1u);
  EXPECT_EQ(uid->ToString(), text);
  EXPECT_EQ(EventUid::Parse("018BCFE5-687B-731B-A13D-3C119B44B3F1"), uid);
  EXPECT_EQ(EventUid().ToString(), "00000000-0000-0000-0000-000000000000");
  EXPECT_EQ(EventUid::Parse("00000000-0000-0000-0000-000000000000"), EventUid());
}

TEST(EventUidTest, RefusesWhatIsNotOfTheCanonicalForm) {
  for (const std::string& text : std::vector<std::string>{
           "",
           "018bcfe5687b731ba13d3c119b44b3f1",
           "{018bcfe5-687b-731b-a13d-3c119b44b3f1}",
           "018bcfe5-687b-731b-a13d-3c119b44b3f",
           "018bcfe5-687b-731b-a13d-3c119b44b3f10",
           "018bcfe5-687b-731b-a13d-3c119b44b3fg",
           "018bcfe5-687b-731b-a13d-3c119b44b3f-",
           "018bcfe5-687b-731ba-13d-3c119b44b3f1",
           "018bcfe50687b-731b-a13d-3c119b44b3f1",
           " 18bcfe5-687b-731b-a13d-3c119b44b3f1",
       }) {
    EXPECT_EQ(EventUid::Parse(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace cievents::matcher
