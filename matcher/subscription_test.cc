// Tests matcher/subscription.h.
#include "matcher/subscription.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cievents::matcher {
namespace {

Subscription PlainSubscription() {
  Subscription subscription;
  Entry entry;
  entry.patterns.push_back(*Pattern::Parse("package/published"));
  entry.inputs.push_back({"environment", R"("production")", {}});
  subscription.entries = {entry, entry};
  subscription.include_inputs.push_back({"count", "3", {}});
  return subscription;
}

TEST(SubscriptionTest, NeedsNoEvaluationWithNamesAndFixedInputsAlone) {
  EXPECT_FALSE(PlainSubscription().NeedsEvaluation());
  EXPECT_FALSE(Subscription().NeedsEvaluation());
}

TEST(SubscriptionTest, NeedsEvaluationAsSoonAsOneEntryHasRules) {
  Subscription subscription = PlainSubscription();
  subscription.entries[1].rules.emplace();
  subscription.entries[1].rules->push_back({.if_text = "$X", .if_position = {}, .events = {}});
  EXPECT_TRUE(subscription.NeedsEvaluation());
}

TEST(SubscriptionTest, NeedsEvaluationEvenIfTheRulesAreEmpty) {
  // No clause holds, so no request: to fire it as if the key were absent would be wrong.
  Subscription subscription = PlainSubscription();
  subscription.entries[0].rules.emplace();
  EXPECT_TRUE(subscription.NeedsEvaluation());
}

TEST(SubscriptionTest, NeedsEvaluationForABlockInAnyInput) {
  struct Case {
    std::string value_json;
    bool needs;
  };
  const std::vector<Case> cases = {
      {R"("$[[ event.payload.object_attributes.iid ]]")", true},
      {R"("release $[[event.id]] of $[[ inputs.x ]]")", true},
      {R"(["a", {"b": "$[[ event.name ]]"}])", true},
      {R"("$[[")", true},
      {R"("$[ event.name ]")", false},
      {R"("[[ event.name ]]")", false},
      {R"("${X} $X")", false},
      {R"(null)", false},
      {R"([[1]])", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.value_json);
    Subscription by_entry = PlainSubscription();
    by_entry.entries[1].inputs[0].value_json = c.value_json;
    EXPECT_EQ(by_entry.NeedsEvaluation(), c.needs);

    Subscription by_include = PlainSubscription();
    by_include.include_inputs[0].value_json = c.value_json;
    EXPECT_EQ(by_include.NeedsEvaluation(), c.needs);
  }
}

}  // namespace
}  // namespace cievents::matcher
