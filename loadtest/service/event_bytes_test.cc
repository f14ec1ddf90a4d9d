#include "loadtest/service/event_bytes.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/time/clock.h"

namespace cievents::loadtest {
namespace {

events::v1::Event EventOf(size_t data_bytes) {
  EventDraft draft;
  draft.name = "issue/created";
  draft.project_id = 7;
  draft.namespace_ids = {1, 2, 3, 4};
  draft.data_bytes = data_bytes;
  return MakeEvent(draft);
}

TEST(EventBytesTest, ABatchIsTheMessageWithTheTimeThatItIsNow) {
  BatchBytes batch(BatchBytes::Message::kStream, {EventOf(1024), EventOf(4000)});
  const absl::Time before = absl::Now();
  events::v1::StreamEventsRequest request;
  ASSERT_TRUE(request.ParseFromString(batch.RenewText()));
  const absl::Time after = absl::Now();
  ASSERT_EQ(request.events_size(), 2);
  EXPECT_EQ(batch.events(), 2);
  for (const events::v1::Event& event : request.events()) {
    const absl::Time time =
        absl::FromUnixSeconds(event.time().seconds()) + absl::Nanoseconds(event.time().nanos());
    EXPECT_GE(time, before);
    EXPECT_LE(time, after);
    EXPECT_EQ(event.names(0), "issue/created");
    EXPECT_EQ(event.namespace_ids_size(), 4);
  }
  EXPECT_NEAR(static_cast<double>(request.events(1).data().size()), 4000, 100);
}

TEST(EventBytesTest, NoIdComesTwiceAndTheSizeStays) {
  BatchBytes batch(BatchBytes::Message::kUnary, {EventOf(1024), EventOf(1024), EventOf(1024)});
  const size_t size = batch.size();
  std::set<std::string> ids;
  for (int sent = 0; sent < 100; ++sent) {
    events::v1::PublishEventsRequest request;
    ASSERT_TRUE(request.ParseFromString(batch.RenewText()));
    for (const events::v1::Event& event : request.events()) ids.insert(event.id());
    EXPECT_EQ(batch.size(), size);
  }
  EXPECT_EQ(ids.size(), 300U);
}

TEST(EventBytesTest, AnEventWithAKibibyteOfDataHasAboutTwelveHundredBytes) {
  const BatchBytes batch(BatchBytes::Message::kUnary, {EventOf(1024)});
  EXPECT_GT(batch.size(), 1150U);
  EXPECT_LT(batch.size(), 1250U);
}

}  // namespace
}  // namespace cievents::loadtest
