#include "services/lib/event_formats/cloud_event_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "matcher/pattern.h"

namespace cievents {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string OpenName(std::string_view type) {
  const auto names = NamesOfCloudEvent(type, *Catalogue::BuiltIn());
  EXPECT_TRUE(names.ok()) << names.status();
  EXPECT_EQ(names->size(), 1u);
  const auto canonical = matcher::ParseEventName(names->front());
  EXPECT_TRUE(canonical.ok()) << canonical.status();
  EXPECT_EQ(*canonical, names->front());
  return names->front();
}

TEST(NamesOfCloudEventTest, ATypeOfTheCatalogueHasItsNames) {
  const auto names = [](std::string_view type) {
    return NamesOfCloudEvent(type, *Catalogue::BuiltIn()).value();
  };
  EXPECT_THAT(names("com.gitlab.issues.created"), ElementsAre("issue/created"));
  EXPECT_THAT(names("com.gitlab.merge_requests.ready"),
              ElementsAre("merge_request/ready", "merge_request/updated"));
  EXPECT_THAT(names("knative.gitlab.merge_request.merged"), ElementsAre("merge_request/merged"));
}

TEST(NamesOfCloudEventTest, EveryTypeOfTheCatalogueIsKnown) {
  const auto catalogue = Catalogue::BuiltIn();
  for (const EventType& event : catalogue->event_types()) {
    for (const std::string& type : event.cloudevent_types) {
      EXPECT_EQ(NamesOfCloudEvent(type, *catalogue)->front(), event.name) << type;
    }
  }
}

TEST(NamesOfCloudEventTest, AnyOtherTypeHasAnOpenName) {
  struct Case {
    std::string type;
    std::string name;
  };
  const std::vector<Case> cases = {
      {"com.example.order.shipped", "cloudevent/com/example/order/shipped"},
      {"simple", "cloudevent/simple"},
      {"com.gitlab.unheard.of", "cloudevent/com/gitlab/unheard/of"},
      {"Com.GitHub.Pull_Request-Opened", "cloudevent/com/github/pull_request-opened"},
      {"com.gitlab.Issues.created", "cloudevent/com/gitlab/issues/created"},
      {"a b/c:d", "cloudevent/a_b_c_d"},
      {"com.größe", "cloudevent/com/gr__e"},
      {"日本.x", "cloudevent/__/x"},
      {"*.**", "cloudevent/_/__"},
      {"events.x", "cloudevent/events/x"},
      // No segment is empty.
      {"a..b", "cloudevent/a/_/b"},
      {".a.", "cloudevent/_/a/_"},
      {".", "cloudevent/_/_"},
      // Eight segments are all that a name has.
      {"a.b.c.d.e.f.g", "cloudevent/a/b/c/d/e/f/g"},
      {"a.b.c.d.e.f.g.h", "cloudevent/a/b/c/d/e/f/g.h"},
      {"a.b.c.d.e.f.g.H.i..", "cloudevent/a/b/c/d/e/f/g.h.i.."},
      {std::string(117, 'x'), "cloudevent/" + std::string(117, 'x')},
  };
  for (const Case& one : cases) EXPECT_EQ(OpenName(one.type), one.name) << one.type;
}

TEST(NamesOfCloudEventTest, ANameThatIsTooLongIsRefused) {
  const auto names = NamesOfCloudEvent(std::string(118, 'x'), *Catalogue::BuiltIn());
  EXPECT_EQ(names.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(names.status().message()), HasSubstr("129 bytes; at most 128"));
}

}  // namespace
}  // namespace cievents
