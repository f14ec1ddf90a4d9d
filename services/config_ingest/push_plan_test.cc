#include "services/config_ingest/push_plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::config_ingest {
namespace {

using ci_yaml::FilePresence;
using ci_yaml::FileRole;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kOldPusher = 3;
constexpr int64_t kNewPusher = 4;

// ---- DiffSubscriptions ----

ci_yaml::SubscriptionDraft Draft(const std::string& path, const std::string& digest = "d",
                                 const std::string& workflow_id = "w", int line = 1) {
  ci_yaml::SubscriptionDraft draft;
  draft.path = path;
  draft.inputs_digest = digest;
  draft.workflow_id = workflow_id;
  matcher::Entry entry;
  entry.patterns.push_back(*matcher::Pattern::Parse("custom/x"));
  entry.position = {line, 1};
  draft.entries.push_back(entry);
  return draft;
}

// As the store holds what an earlier push drafted.
store::StoredSubscription Stored(int64_t id, const ci_yaml::SubscriptionDraft& draft) {
  store::StoredSubscription row;
  row.subscription_id = id;
  row.path = draft.path;
  row.inputs_digest = draft.inputs_digest;
  row.workflow_id = draft.workflow_id;
  row.entries_json = ci_yaml::EntriesToJson(draft.entries);
  row.inputs_json = ci_yaml::InputsToJson(draft.include_inputs);
  row.spec_inputs_json = draft.spec_inputs_json;
  row.hoisted_rules_json = ci_yaml::HoistedRulesToJson(draft.hoisted_rules);
  row.owner_user_id = kOldPusher;
  return row;
}
store::StoredSubscription Tombstone(int64_t id, const ci_yaml::SubscriptionDraft& draft) {
  store::StoredSubscription row = Stored(id, draft);
  row.ended = true;
  return row;
}

// "+ADDED ~UPDATED -ENDED", then each write as ID:PATH:DIGEST by OWNER.
std::vector<std::string> Describe(const SubscriptionDiff& diff) {
  std::vector<std::string> lines = {
      fmt::format("+{} ~{} -{}", diff.added, diff.updated, diff.ended.size())};
  for (const store::SubscriptionWrite& write : diff.writes) {
    lines.push_back(fmt::format("{}:{}:{} by {}", write.subscription_id, write.path,
                                write.inputs_digest, write.owner_user_id));
  }
  return lines;
}

TEST(DiffSubscriptionsTest, TheFirstPushAddsEverything) {
  const SubscriptionDiff diff = DiffSubscriptions({}, {Draft("a"), Draft("b")}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+2 ~0 -0", "0:a:d by 4", "0:b:d by 4"));
  ASSERT_THAT(diff.after, SizeIs(2));
  EXPECT_EQ(diff.after[0].write_index, 0);
  EXPECT_EQ(diff.after[1].write_index, 1);
  EXPECT_THAT(diff.ended, IsEmpty());
}

TEST(DiffSubscriptionsTest, DeclaredInputsAreWrittenWithTheSubscription) {
  ci_yaml::SubscriptionDraft draft = Draft("a");
  draft.spec_inputs_json = R"({"n":{"type":"number"}})";
  SubscriptionDiff diff = DiffSubscriptions({}, {draft}, kNewPusher);
  ASSERT_THAT(diff.writes, SizeIs(1));
  EXPECT_EQ(diff.writes[0].spec_inputs_json, draft.spec_inputs_json);
  EXPECT_EQ(diff.after[0].subscription.spec_inputs_json, draft.spec_inputs_json);

  // Other declarations are another workflow id: an update.
  ci_yaml::SubscriptionDraft changed = Draft("a", "d", "w2");
  changed.spec_inputs_json = R"({"n":{"type":"string"}})";
  diff = DiffSubscriptions({Stored(1, draft)}, {changed}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+0 ~1 -0", "1:a:d by 4"));
  EXPECT_EQ(diff.writes[0].spec_inputs_json, changed.spec_inputs_json);
}

TEST(DiffSubscriptionsTest, HoistedRulesAreWrittenWithTheSubscription) {
  ci_yaml::SubscriptionDraft draft = Draft("a");
  draft.hoisted_rules.jobs.emplace();
  SubscriptionDiff diff = DiffSubscriptions({}, {draft}, kNewPusher);
  ASSERT_THAT(diff.writes, SizeIs(1));
  EXPECT_EQ(diff.writes[0].hoisted_rules_json, R"({"jobs":[]})");
  EXPECT_EQ(diff.after[0].subscription.hoisted_rules_json, R"({"jobs":[]})");

  // Other rules are another workflow id: an update, which makes the pusher the owner.
  ci_yaml::SubscriptionDraft changed = Draft("a", "d", "w2");
  diff = DiffSubscriptions({Stored(1, draft)}, {changed}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+0 ~1 -0", "1:a:d by 4"));
  EXPECT_EQ(diff.writes[0].hoisted_rules_json, "{}");
}

TEST(DiffSubscriptionsTest, ARowThatLacksItsHoistedRulesGetsThemAndKeepsItsOwner) {
  ci_yaml::SubscriptionDraft draft = Draft("a");
  const store::StoredSubscription row = Stored(1, draft);
  draft.hoisted_rules.jobs.emplace();
  const SubscriptionDiff diff = DiffSubscriptions({row}, {draft}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+0 ~0 -0", "1:a:d by 3"));
  EXPECT_EQ(diff.writes[0].hoisted_rules_json, R"({"jobs":[]})");
}

TEST(DiffSubscriptionsTest, ARowThatLacksItsDeclaredInputsGetsThemAndKeepsItsOwner) {
  ci_yaml::SubscriptionDraft draft = Draft("a");
  const store::StoredSubscription row = Stored(1, draft);
  draft.spec_inputs_json = R"({"n":{"type":"number"}})";
  const SubscriptionDiff diff = DiffSubscriptions({row}, {draft}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+0 ~0 -0", "1:a:d by 3"));
  EXPECT_EQ(diff.writes[0].spec_inputs_json, draft.spec_inputs_json);
}

TEST(DiffSubscriptionsTest, AnEqualSetWritesNothingAndKeepsItsOwner) {
  const SubscriptionDiff diff = DiffSubscriptions({Stored(1, Draft("a")), Stored(2, Draft("b"))},
                                                  {Draft("a"), Draft("b")}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+0 ~0 -0"));
  ASSERT_THAT(diff.after, SizeIs(2));
  EXPECT_EQ(diff.after[0].subscription.subscription_id, 1);
  EXPECT_EQ(diff.after[0].subscription.owner_user_id, kOldPusher);
  EXPECT_EQ(diff.after[0].write_index, -1);
}

TEST(DiffSubscriptionsTest, ChangedEntriesKeepTheIdAndMakeThePusherTheOwner) {
  const SubscriptionDiff diff =
      DiffSubscriptions({Stored(1, Draft("a")), Stored(2, Draft("b"))},
                        {Draft("a", "d", "another workflow"), Draft("b")}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+0 ~1 -0", "1:a:d by 4"));
  EXPECT_EQ(diff.after[1].subscription.owner_user_id, kOldPusher) << "b was not touched";
}

TEST(DiffSubscriptionsTest, OnlyMovedPositionsAreStoredButAreNoUpdateAndNoChangeOfOwner) {
  const SubscriptionDiff diff =
      DiffSubscriptions({Stored(1, Draft("a"))}, {Draft("a", "d", "w", 9)}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+0 ~0 -0", "1:a:d by 3"));
  EXPECT_EQ(diff.after[0].write_index, 0);
}

TEST(DiffSubscriptionsTest, WhatIsNotDraftedEnds) {
  const SubscriptionDiff diff =
      DiffSubscriptions({Stored(1, Draft("a")), Stored(2, Draft("b")), Tombstone(3, Draft("c"))},
                        {Draft("b")}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+0 ~0 -1"));
  EXPECT_THAT(diff.ended, ElementsAre(1)) << "a tombstone does not end twice";
}

TEST(DiffSubscriptionsTest, ARenameIsANewSubscription) {
  const SubscriptionDiff diff =
      DiffSubscriptions({Stored(1, Draft("old"))}, {Draft("new")}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+1 ~0 -1", "0:new:d by 4"));
}

TEST(DiffSubscriptionsTest, ATombstoneReturnsWithItsIdEvenWithOtherEntries) {
  const SubscriptionDiff diff =
      DiffSubscriptions({Tombstone(1, Draft("a"))}, {Draft("a", "d", "another")}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+1 ~0 -0", "1:a:d by 4"));
}

TEST(DiffSubscriptionsTest, TheOnlyVariantOfAPathKeepsItsIdWhenItsInputsChange) {
  const SubscriptionDiff diff =
      DiffSubscriptions({Stored(1, Draft("a", "one"))}, {Draft("a", "two")}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+0 ~1 -0", "1:a:two by 4"));
  EXPECT_THAT(diff.ended, IsEmpty());
}

TEST(DiffSubscriptionsTest, TheOnlyLiveVariantKeepsItsIdAlthoughATombstoneHasTheNewInputs) {
  const SubscriptionDiff diff =
      DiffSubscriptions({Stored(1, Draft("a", "one")), Tombstone(2, Draft("a", "two"))},
                        {Draft("a", "two")}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+0 ~1 -0", "1:a:two by 4"));
}

TEST(DiffSubscriptionsTest, OfSeveralVariantsEachIsKnownByItsInputs) {
  const std::vector<store::StoredSubscription> stored = {
      Stored(1, Draft("a", "one")), Stored(2, Draft("a", "two")), Tombstone(3, Draft("a", "old"))};
  EXPECT_THAT(
      Describe(DiffSubscriptions(stored, {Draft("a", "three"), Draft("a", "two")}, kNewPusher)),
      ElementsAre("+1 ~0 -1", "0:a:three by 4"));
  EXPECT_THAT(
      Describe(DiffSubscriptions(stored, {Draft("a", "old"), Draft("a", "one")}, kNewPusher)),
      ElementsAre("+1 ~0 -1", "3:a:old by 4"));
  // One of two is left: its key decides, so that the right one ends.
  const SubscriptionDiff one_left = DiffSubscriptions(stored, {Draft("a", "two")}, kNewPusher);
  EXPECT_THAT(Describe(one_left), ElementsAre("+0 ~0 -1"));
  EXPECT_THAT(one_left.ended, ElementsAre(1));
}

TEST(DiffSubscriptionsTest, AVariantMoreLeavesTheFirstItsId) {
  const SubscriptionDiff diff = DiffSubscriptions(
      {Stored(1, Draft("a", "one"))}, {Draft("a", "another"), Draft("a", "one")}, kNewPusher);
  EXPECT_THAT(Describe(diff), ElementsAre("+1 ~0 -0", "0:a:another by 4"));
}

// ---- CommitFiles ----

constexpr char kPath[] = ".gitlab/ci/events/a.yml";
constexpr char kGood[] = "spec: {events: [custom/good]}\n---\n";
constexpr char kBroken[] = "spec: {events: [Custom/Broken]}\n---\n";

Push PushOf(const std::string& blob, const std::string* content) {
  Push push;
  push.project_id = 1;
  if (!blob.empty()) push.manifest.push_back({kPath, blob});
  if (content != nullptr) push.contents[kPath] = *content;
  return push;
}
Push PushOf(const std::string& blob, const std::string& content) { return PushOf(blob, &content); }
Push PushWithoutContent(const std::string& blob) { return PushOf(blob, nullptr); }

// One push after another over the same rows, as the store keeps them.
class CommitFilesTest : public ::testing::Test {
 protected:
  // What the commit's file says now; keeps what is to be stored.
  FilePresence Look(const Push& push, FileRole role = FileRole::kHeaderOnly) {
    CommitFiles files(push, *catalogue_);
    files.UseStored(rows_);
    ci_yaml::CommitFile file;
    const FilePresence presence = files.Lookup(kPath, role, &file);
    has_errors_ = file.parsed != nullptr && HasErrors(file.parsed->issues);
    live_ = file.live == nullptr || file.live->entries.empty()
                ? ""
                : file.live->entries[0].patterns[0].text();
    if (presence != FilePresence::kUnknown) rows_ = files.ToStore({kPath});
    return presence;
  }

  std::shared_ptr<const Catalogue> catalogue_ = Catalogue::BuiltIn();
  std::vector<store::StoredConfigFile> rows_;
  std::string live_;  // the first pattern that counts
  bool has_errors_ = false;
};

TEST_F(CommitFilesTest, AFileThatIsNotInTheManifestIsAbsent) {
  EXPECT_EQ(Look(PushOf("", nullptr)), FilePresence::kAbsent);
  ASSERT_THAT(rows_, SizeIs(1)) << "of interest all the same: it may come";
  EXPECT_EQ(rows_[0].blob_id, "");
  EXPECT_EQ(rows_[0].parsed_json, "");
}

TEST_F(CommitFilesTest, AnUnknownContentIsAskedFor) {
  EXPECT_EQ(Look(PushWithoutContent("b1")), FilePresence::kUnknown);
}

TEST_F(CommitFilesTest, TheStoredParseIsUsedForTheSameBlobAndNoOther) {
  EXPECT_EQ(Look(PushOf("b1", kGood)), FilePresence::kGiven);
  EXPECT_EQ(rows_.at(0).role, "header_only");
  EXPECT_EQ(rows_.at(0).good_blob_id, "b1");
  EXPECT_EQ(Look(PushWithoutContent("b1")), FilePresence::kGiven);
  EXPECT_EQ(live_, "custom/good");
  EXPECT_EQ(rows_.at(0).parsed_json, rows_.at(0).good_parsed_json) << "and is stored again";
  EXPECT_EQ(Look(PushWithoutContent("b2")), FilePresence::kUnknown);
}

TEST_F(CommitFilesTest, AParseOfAnotherRoleIsNotUsed) {
  Look(PushOf("b1", kGood));
  rows_.at(0).role = "ci_file";
  EXPECT_EQ(Look(PushWithoutContent("b1")), FilePresence::kUnknown);
}

TEST_F(CommitFilesTest, TheHeaderOfAFileWithEventsIsReadOnceHoweverTheFileIsFound) {
  Look(PushOf("b1", kGood));
  EXPECT_EQ(Look(PushWithoutContent("b1"), FileRole::kIncluded), FilePresence::kGiven);
  EXPECT_EQ(live_, "custom/good");
  EXPECT_EQ(rows_.at(0).role, "included") << "the role that it was looked up in";
  EXPECT_EQ(Look(PushOf("b2", kBroken)), FilePresence::kGiven);
  EXPECT_EQ(live_, "custom/good") << "the last good version counts in either role";
  EXPECT_EQ(rows_.at(0).role, "header_only");
  EXPECT_EQ(rows_.at(0).good_blob_id, "b1");
}

TEST_F(CommitFilesTest, OfAFileWithoutEventsAnIncludeReadsMore) {
  Look(PushOf("b1", "job: {script: echo}\n"));
  EXPECT_EQ(Look(PushWithoutContent("b1"), FileRole::kIncluded), FilePresence::kUnknown);
}

TEST_F(CommitFilesTest, AnOlderVersionIsAGuessOfWhatElseIsNeeded) {
  Look(PushOf("b1", kGood));
  EXPECT_EQ(Look(PushWithoutContent("b2")), FilePresence::kUnknown);
  EXPECT_EQ(live_, "custom/good");
}

TEST_F(CommitFilesTest, APathThatEndsInAStarIsStoredAsAPrefix) {
  const Push push = PushOf("b1", kGood);
  CommitFiles files(push, *catalogue_);
  const auto rows = files.ToStore({"*", "ci/*", "ci/missing.yml"});
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[0].role, kPrefixRole);
  EXPECT_EQ(rows[1].role, kPrefixRole);
  EXPECT_EQ(rows[1].path, "ci/*");
  EXPECT_EQ(rows[1].blob_id, "");
  EXPECT_EQ(rows[2].role, "included");
}

TEST_F(CommitFilesTest, AStoredParseThatCannotBeReadIsAskedForAgain) {
  Look(PushOf("b1", kGood));
  rows_.at(0).parsed_json = "{\"version\": 99}";
  EXPECT_EQ(Look(PushWithoutContent("b1")), FilePresence::kUnknown);
}

TEST_F(CommitFilesTest, ABrokenFileKeepsItsLastGoodVersionThroughAnyNumberOfPushes) {
  Look(PushOf("b1", kGood));
  EXPECT_EQ(Look(PushOf("b2", kBroken)), FilePresence::kGiven);
  EXPECT_TRUE(has_errors_);
  EXPECT_EQ(live_, "custom/good");
  EXPECT_EQ(rows_.at(0).blob_id, "b2");
  EXPECT_EQ(rows_.at(0).good_blob_id, "b1");
  EXPECT_EQ(Look(PushWithoutContent("b2")), FilePresence::kGiven);
  EXPECT_TRUE(has_errors_) << "the error is said again";
  EXPECT_EQ(live_, "custom/good");
  EXPECT_EQ(rows_.at(0).good_blob_id, "b1");

  Look(PushOf("b3", "spec: {events: [custom/fixed]}\n---\n"));
  EXPECT_FALSE(has_errors_);
  EXPECT_EQ(live_, "custom/fixed");
  EXPECT_EQ(rows_.at(0).good_blob_id, "b3");
}

TEST_F(CommitFilesTest, AFileThatWasNeverGoodHasNothingLive) {
  EXPECT_EQ(Look(PushOf("b1", kBroken)), FilePresence::kGiven);
  EXPECT_TRUE(has_errors_);
  EXPECT_EQ(live_, "");
  EXPECT_EQ(rows_.at(0).good_blob_id, "");
}

TEST_F(CommitFilesTest, AFileThatIsGoneForgetsItsGoodVersion) {
  Look(PushOf("b1", kGood));
  EXPECT_EQ(Look(PushOf("", nullptr)), FilePresence::kAbsent);
  EXPECT_EQ(rows_.at(0).good_blob_id, "");
  Look(PushOf("b2", kBroken));
  EXPECT_EQ(live_, "") << "what was gone does not come back broken";
}

TEST_F(CommitFilesTest, PushedContentCountsEvenIfItsBlobIsStored) {
  Look(PushOf("b1", kGood));
  Look(PushOf("b1", kBroken));
  EXPECT_TRUE(has_errors_);
}

}  // namespace
}  // namespace cievents::config_ingest
