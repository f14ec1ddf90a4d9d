// The generators against the baselines: short programs that do not share code with the engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <set>

#include "loadtest/baselines/baseline.h"
#include "loadtest/baselines/json_envelope.h"
#include "loadtest/workloads/conditions.h"
#include "loadtest/workloads/documents.h"
#include "loadtest/workloads/identity.h"
#include "loadtest/workloads/scoped_names.h"
#include "loadtest/workloads/three_levels.h"

namespace cievents::loadtest {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;

MatchTally RunJson(const Workload& workload, Baseline& baseline) {
  JsonEnvelope envelope;
  MatchTally tally;
  const std::span<const std::string_view> documents = workload.events.documents();
  for (size_t at = 0; at < documents.size(); at += kBatchEvents) {
    const size_t count = std::min(kBatchEvents, documents.size() - at);
    const MatchTally part = baseline.Run(envelope.Decode(documents.subspan(at, count)));
    tally.count += part.count;
    tally.id_sum += part.id_sum;
  }
  return tally;
}

void ExpectTotals(const Workload& workload, Baseline& baseline) {
  ASSERT_EQ(workload.events.size(), static_cast<size_t>(kEventsPerPass));
  const MatchTally tally = baseline.Run(workload.events.views());
  EXPECT_EQ(tally.count, workload.matches_a_pass) << workload.id;
  EXPECT_EQ(RunJson(workload, baseline), tally) << workload.id << ": documents and views differ";
}

TEST(WorkloadsTest, S1MatchesHalfOfItsEventsOnce) {
  const Workload workload = MakeS1("S1-1k", 500);
  EXPECT_EQ(workload.subscriptions(), 1000U);
  FlatHash hash(workload.sets);
  ExpectTotals(workload, hash);
}

TEST(WorkloadsTest, S1bHasTheTotalOfItsDefinition) {
  const Workload workload = MakeS1b("S1b-100k", kS1b100k);
  EXPECT_EQ(workload.subscriptions(), 100'000U);
  FlatHash hash(workload.sets);
  ExpectTotals(workload, hash);
}

TEST(WorkloadsTest, S3HasTheTotalsOfItsDefinition) {
  for (const S3Size size : {S3Size::k1k, S3Size::k10k}) {
    const Workload workload = MakeS3(size);
    ThreeLevelHash hash(workload.sets);
    ExpectTotals(workload, hash);
  }
}

TEST(WorkloadsTest, S4MatchesHalfOfItsEventsOnce) {
  const Workload regex = MakeS4Regex("S4r-100", 100);
  std::vector<std::string> patterns;
  for (int i = 0; i < 100; ++i) patterns.push_back(fmt::format("refs/tags/v{}\\.\\d+-rc\\d+", i));
  ExpectTotals(regex, *MakeRegexSet(patterns, RegexAnchor::kBoth, regex.events));

  const Workload infix = MakeS4Infix("S4l-100", 100);
  patterns.clear();
  for (int i = 0; i < 100; ++i) patterns.push_back(fmt::format("-app{}-", i));
  ExpectTotals(infix, *MakeRegexSet(patterns, RegexAnchor::kNone, infix.events));

  const Workload prefix = MakeS4Prefix("S4p-100", 100);
  patterns.clear();
  for (int i = 0; i < 100; ++i) patterns.push_back(fmt::format("refs/heads/team-{}/.*", i));
  ExpectTotals(prefix, *MakeRegexSet(patterns, RegexAnchor::kBoth, prefix.events));
}

TEST(WorkloadsTest, APayloadLookupFindsTheValueOfEveryEvent) {
  const Workload workload = MakeS2("S2-10k", 10'000);
  EXPECT_EQ(workload.sets.size(), 50U) << "a project may have 200 subscriptions";
  const std::unique_ptr<Baseline> lookup = MakePayloadLookup("package.name");
  const MatchTally tally = lookup->Run(workload.events.views());
  EXPECT_EQ(tally.count, static_cast<uint64_t>(kEventsPerPass));
  // "pkg-0" to "pkg-19999" with quotes, each once.
  const uint64_t bytes = 20'000 * 6 + 10 + 90 * 2 + 900 * 3 + 9000 * 4 + 10'000 * 5;
  EXPECT_EQ(tally.id_sum, bytes);
}

TEST(WorkloadsTest, S5HasTenSubscriptionsForEachNumber) {
  const Workload workload = MakeS5("S5-20k", 20'000);
  EXPECT_EQ(workload.matches_a_pass, 40'000U);
  EXPECT_NEAR(static_cast<double>(workload.events.documents()[777].size()), 107, 4);
  EXPECT_EQ(*workload.sets[0].subscriptions[7].entries[0].rules->front().if_text,
            "$[[ event.env ]] == \"prod\" && $[[ event.number ]] == \"7\" && "
            "($[[ event.tags ]] == \"tag1\" || $[[ event.tags ]] == \"tag2\") && "
            "$[[ event.region ]] != \"moon\" && ($[[ event.payload.type ]] == \"app\" || "
            "$[[ event.payload.type ]] == \"database\")");
}

TEST(WorkloadsTest, DocumentsHaveTheSizeOfTheirDefinition) {
  const Workload workload = MakeS1("S1-1k", 500);
  for (const std::string_view document : workload.events.documents()) {
    ASSERT_THAT(document.size(), AllOf(Ge(600U), Le(690U))) << document;
  }
}

TEST(WorkloadsTest, IdentityIsRealistic) {
  const matcher::ProjectSubscriptions first = MakeS1Project(1);
  const matcher::ProjectSubscriptions other = MakeS1Project(2);
  EXPECT_EQ(first.commit_sha.size(), 40U);
  EXPECT_NE(first.commit_sha, other.commit_sha);
  EXPECT_NE(CommitSha(1, 0), CommitSha(1, 1));
  // Subscriptions 2 and 42 have the same name, 2 and 3 have not.
  const matcher::ProjectSubscriptions same = MakeS1Project(21);
  EXPECT_EQ(first.subscriptions[0].workflow_id, same.subscriptions[0].workflow_id);
  EXPECT_NE(first.subscriptions[0].workflow_id, first.subscriptions[1].workflow_id);
  EXPECT_EQ(first.subscriptions[0].workflow_id.size(), 64U);
  EXPECT_EQ(first.subscriptions[0].path, ".gitlab-ci.yml");
  EXPECT_NE(first.subscriptions[0].path, first.subscriptions[1].path);
  for (const matcher::Subscription& subscription : first.subscriptions) {
    EXPECT_LT(subscription.created_time_ms, kEventsBeginMs);
    EXPECT_GT(subscription.owner_user_id, 0);
  }
}

TEST(WorkloadsTest, TheFortyNamesAreDistinct) {
  std::set<std::string> names;
  for (int64_t k = 0; k < 40; ++k) names.insert(NameOf(k));
  EXPECT_EQ(names.size(), 40U);
  EXPECT_EQ(NameOf(8), "package/published");
}

TEST(JsonEnvelopeTest, FieldsComeFromTheDocument) {
  DocumentDraft draft;
  draft.number = 3725;
  draft.name = "package/published";
  draft.project_id = 74;
  draft.namespace_ids = {5, 16};
  draft.scope_form = DocumentDraft::ScopeForm::kList;
  EventPool pool;
  pool.Add(MakeDocument(draft));
  pool.Finish();
  JsonEnvelope envelope;
  const matcher::EventView view = envelope.Decode(pool.documents())[0];
  const matcher::EventView& native = pool.views()[0];
  EXPECT_THAT(view.names, ElementsAre("package/published"));
  EXPECT_EQ(view.project_id, 74);
  EXPECT_THAT(view.namespace_ids, ElementsAre(5, 16));
  EXPECT_EQ(view.time_ms, native.time_ms);
  EXPECT_EQ(view.payload, native.payload);
  EXPECT_EQ(view.payload.front(), '{');
  EXPECT_EQ(view.payload.back(), '}');
}

TEST(JsonEnvelopeTest, TimesAreReadAndOtherFormsAreNot) {
  EXPECT_EQ(ParseTime("2026-09-01T00:00:00.000Z"), kEventsBeginMs);
  EXPECT_EQ(ParseTime("2024-02-29T23:59:59.125Z"), 1'709'251'199'125);
  EXPECT_EQ(ParseTime("1970-01-01T00:00:00.001Z"), 1);
  EXPECT_EQ(ParseTime("2026-09-01 00:00:00.000Z"), 0);
  EXPECT_EQ(ParseTime("2026-09-01"), 0);
}

}  // namespace
}  // namespace cievents::loadtest
