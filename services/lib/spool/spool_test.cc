#include "services/lib/spool/spool.h"

#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/spool/listing.h"
#include "services/lib/spool/testing/spool_folder.h"

namespace cievents::spool {
namespace {

using testing::AppendAndWait;
using ::testing::ElementsAre;
using testing::FileNames;
using ::testing::HasSubstr;
using testing::IdsOf;
using testing::MakeRecord;
using testing::MakeRecords;
using testing::ReadAll;
using testing::RecordsOf;
using testing::SpoolFolder;

constexpr size_t kAnyBytes = std::numeric_limits<size_t>::max();

class SpoolTest : public ::testing::Test {
 protected:
  SpoolTest() { options_.dir = folder_.spool(); }

  void Open() {
    spool_ = nullptr;
    auto spool = Spool::Open(options_);
    ASSERT_TRUE(spool.ok()) << spool.status();
    spool_ = *std::move(spool);
  }

  std::vector<RecordId> Append(std::vector<Record> records) {
    auto ids = AppendAndWait(*spool_, std::move(records));
    EXPECT_TRUE(ids.ok()) << ids.status();
    return ids.ok() ? *std::move(ids) : std::vector<RecordId>();
  }

  SpoolFolder folder_;
  Spool::Options options_;
  std::unique_ptr<Spool> spool_;
};

// Keeps the writer's thread in a Done, so that what is appended meanwhile gathers.
class Gate {
 public:
  explicit Gate(Spool* spool) {
    const auto entered = std::make_shared<std::promise<void>>();
    EXPECT_TRUE(spool
                    ->Append({},
                             [this, entered](auto) {
                               entered->set_value();
                               opened_.get_future().wait();
                             })
                    .ok());
    entered->get_future().wait();
  }
  void Open() { opened_.set_value(); }

 private:
  std::promise<void> opened_;
};

TEST_F(SpoolTest, RecordsComeBackByteForByteAndInOrder) {
  Open();
  std::vector<Record> records = MakeRecords(1, 50);
  records.push_back(Record());
  records.push_back(MakeRecord(99, 3'000'000));
  const auto ids = Append(records);
  const auto stored = ReadAll(*spool_);
  EXPECT_EQ(RecordsOf(stored), records);
  EXPECT_EQ(IdsOf(stored), ids);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
}

TEST_F(SpoolTest, ReadGoesOnAfterAnIdWithinItsBounds) {
  Open();
  const auto ids = Append(MakeRecords(1, 10));
  auto some = spool_->Read({}, 3, kAnyBytes);
  ASSERT_TRUE(some.ok());
  EXPECT_THAT(IdsOf(*some), ElementsAre(ids[0], ids[1], ids[2]));
  some = spool_->Read(ids[7], 100, kAnyBytes);
  ASSERT_TRUE(some.ok());
  EXPECT_THAT(IdsOf(*some), ElementsAre(ids[8], ids[9]));
  some = spool_->Read({}, 100, static_cast<size_t>(RecordBytes(MakeRecord(1)) * 5 / 2));
  ASSERT_TRUE(some.ok());
  EXPECT_EQ(some->size(), 2U);
  some = spool_->Read({}, 100, 1);
  ASSERT_TRUE(some.ok());
  EXPECT_EQ(some->size(), 1U) << "one at least";
  some = spool_->Read(ids[9], 100, kAnyBytes);
  ASSERT_TRUE(some.ok());
  EXPECT_TRUE(some->empty());
}

TEST_F(SpoolTest, WhatIsRemovedIsGoneAtOnceAndStaysGone) {
  Open();
  const auto ids = Append(MakeRecords(1, 5));
  spool_->Remove({ids[0], ids[3], ids[3], {77, 1}, {ids[0].segment, 1000}});
  EXPECT_THAT(IdsOf(ReadAll(*spool_)), ElementsAre(ids[1], ids[2], ids[4]));
  EXPECT_EQ(spool_->stats().records, 3);
  Open();
  EXPECT_THAT(IdsOf(ReadAll(*spool_)), ElementsAre(ids[1], ids[2], ids[4]));
}

TEST_F(SpoolTest, WhatIsRefusedIsKeptAsideWithItsReason) {
  Open();
  const auto ids = Append(MakeRecords(1, 3));
  spool_->Refuse(ids[1], "invalid byte sequence");
  spool_->Refuse(ids[1], "a second time");
  EXPECT_THAT(IdsOf(ReadAll(*spool_)), ElementsAre(ids[0], ids[2]));
  spool_->Remove({ids[0], ids[2], ids[1]});
  for (int round = 0; round < 2; ++round) {
    Open();
    EXPECT_TRUE(ReadAll(*spool_).empty());
    const Stats stats = spool_->stats();
    EXPECT_EQ(stats.records, 0);
    EXPECT_EQ(stats.refused, 1);
    EXPECT_EQ(stats.set_aside_bytes, RecordBytes(MakeRecord(2)));
    std::vector<std::string> listed;
    ASSERT_TRUE(ListRecords(options_.dir, [&](const Listed& one) {
                  listed.push_back(one.id + " " + std::string(NameOf(one.state)) + " " +
                                   one.reason);
                  EXPECT_EQ(one.record, MakeRecord(2));
                }).ok());
    EXPECT_THAT(listed, ElementsAre("1/2 refused invalid byte sequence"));
  }
}

TEST_F(SpoolTest, ItCountsWhatWaitsAlsoAfterItIsOpenedAgain) {
  Open();
  const auto ids = Append(MakeRecords(1, 4));
  int64_t bytes = 0;
  for (const Record& record : MakeRecords(2, 3)) bytes += RecordBytes(record);
  spool_->Remove({ids[0]});
  for (int round = 0; round < 2; ++round) {
    const Stats stats = spool_->stats();
    EXPECT_EQ(stats.records, 3);
    EXPECT_EQ(stats.bytes, bytes);
    EXPECT_EQ(stats.oldest_received_ms, MakeRecord(2).received_time_ms);
    EXPECT_TRUE(stats.writable);
    Open();
  }
  spool_->Remove(ids);
  EXPECT_EQ(spool_->stats().oldest_received_ms, 0);
}

TEST_F(SpoolTest, BeyondItsBytesItRefusesUntilSomethingIsTakenOut) {
  options_.bytes_max = RecordBytes(MakeRecord(1)) * 3 + 100;
  Open();
  const auto ids = Append(MakeRecords(1, 3));
  const auto refused = AppendAndWait(*spool_, MakeRecords(4, 1));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(options_.dir));
  spool_->Refuse(ids[0], "set aside counts too");
  EXPECT_FALSE(AppendAndWait(*spool_, MakeRecords(4, 1)).ok());
  spool_->Remove({ids[1]});
  Append(MakeRecords(4, 1));
}

TEST_F(SpoolTest, TheFilesOfSegmentsThatAreNotWrittenAnyMoreCount) {
  options_.segment_bytes_max = 1;  // a new one after each commit
  options_.bytes_max = 200'000;
  Open();
  std::vector<RecordId> ids;
  absl::Status full;
  while (full.ok() && ids.size() < 100) {  // about 400 bytes each, in a file of several pages
    const auto appended = AppendAndWait(*spool_, MakeRecords(1, 1));
    full.Update(appended.status());
    if (appended.ok()) ids.push_back(appended->front());
  }
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LT(spool_->stats().bytes, options_.bytes_max / 4);
  Open();
  EXPECT_GT(spool_->stats().held_bytes, options_.bytes_max / 2);
  ids.pop_back();
  spool_->Remove(ids);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!AppendAndWait(*spool_, MakeRecords(2, 1)).ok()) {  // the keeper deletes the files
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::yield();
  }
}

TEST_F(SpoolTest, WhatIsLeftInASegmentDoesNotKeepItsSpace) {
  options_.segment_bytes_max = int64_t{2} << 20;
  Open();
  std::vector<RecordId> ids;
  for (int n = 0; n < 3000; n += 100) {
    const auto some = Append(MakeRecords(n, 100, 1200));
    ids.insert(ids.end(), some.begin(), some.end());
  }
  ASSERT_GT(spool_->stats().segments, 1);
  spool_->Refuse(ids[1], "no");
  const RecordId left = ids.front();
  ids.erase(ids.begin());
  spool_->Remove(ids);
  spool_->Stop();
  EXPECT_LT(FileBytes(SegmentPath(options_.dir, left.segment)), 100'000);
  Open();
  EXPECT_LT(spool_->stats().held_bytes, 100'000);
  EXPECT_EQ(RecordsOf(ReadAll(*spool_)), MakeRecords(0, 1, 1200));
  EXPECT_EQ(spool_->stats().refused, 1);
}

TEST_F(SpoolTest, BeyondItsQueueItRefuses) {
  options_.queued_bytes_max = RecordBytes(MakeRecord(1)) * 2;
  Open();
  Gate gate(spool_.get());
  std::atomic<int> done = 0;
  const auto append = [&] {
    return spool_->Append(MakeRecords(1, 1), [&](const auto& ids) { done += ids.ok() ? 1 : 100; });
  };
  EXPECT_TRUE(append().ok());
  EXPECT_TRUE(append().ok());
  EXPECT_EQ(append().code(), absl::StatusCode::kResourceExhausted);
  gate.Open();
  spool_->Stop();
  EXPECT_EQ(done, 2);
}

TEST_F(SpoolTest, WhatGathersIsOneCommit) {
  Open();
  constexpr int kThreads = 8;
  constexpr int kEach = 125;
  std::atomic<int> done = 0;
  Gate gate(spool_.get());
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int n = 0; n < kEach; ++n) {
        EXPECT_TRUE(spool_
                        ->Append({MakeRecord(t * kEach + n)},
                                 [&](const auto& ids) { done += ids.ok() ? 1 : 10'000; })
                        .ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  gate.Open();
  spool_->Stop();
  EXPECT_EQ(done, kThreads * kEach);
  EXPECT_EQ(spool_->stats().appended, 1000U);
  EXPECT_EQ(spool_->stats().commits, 1U);
  EXPECT_EQ(ReadAll(*spool_).size(), 1000U);
}

TEST_F(SpoolTest, ACommitHasItsBoundAndTakesOneAppendAtLeast) {
  options_.commit_bytes_max = RecordBytes(MakeRecord(1)) * 5 / 2;
  Open();
  Gate gate(spool_.get());
  std::vector<size_t> answered;
  for (const int count : {1, 1, 1, 9, 1}) {
    ASSERT_TRUE(spool_
                    ->Append(MakeRecords(1, count),
                             [&](const auto& ids) { answered.push_back(ids->size()); })
                    .ok());
  }
  gate.Open();
  spool_->Stop();
  EXPECT_THAT(answered, ElementsAre(1, 1, 1, 9, 1));
  EXPECT_EQ(spool_->stats().commits, 4U);
}

TEST_F(SpoolTest, SegmentsThatAreEmptyAreDeleted) {
  options_.segment_bytes_max = 1;  // a new one after each commit
  Open();
  std::vector<RecordId> ids;
  for (int n = 1; n <= 10; ++n) ids.push_back(Append({MakeRecord(n)})[0]);
  EXPECT_EQ(ids.back().segment, 10);
  EXPECT_EQ(RecordsOf(ReadAll(*spool_)), MakeRecords(1, 10));
  spool_->Remove({ids[0], ids[1], ids[2], ids[4], ids[5], ids[6], ids[7], ids[8], ids[9]});
  spool_->Stop();
  EXPECT_THAT(FileNames(options_.dir), ElementsAre("lock", "segment-000004.db"));
  Open();
  EXPECT_EQ(RecordsOf(ReadAll(*spool_)), MakeRecords(4, 1));
  EXPECT_GT(Append({MakeRecord(11)})[0].segment, 4) << "a number is not given twice";
}

TEST_F(SpoolTest, AfterAnUncleanEndAllThatWasAnsweredIsThere) {
  options_.segment_bytes_max = 64 * 1024;
  Open();
  for (int n = 0; n < 40; ++n) Append(MakeRecords(n * 10, 10));
  // What a killed process leaves.
  testing::CopyFolder(options_.dir, folder_ / "copy");
  Spool::Options options = options_;
  options.dir = folder_ / "copy";
  const auto copy = Spool::Open(options);
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(RecordsOf(ReadAll(**copy)), MakeRecords(0, 400));
  EXPECT_EQ((*copy)->stats().records, 400);
  EXPECT_GT((*copy)->stats().segments, 3);
  EXPECT_EQ((*copy)->stats().damaged, 0);
}

TEST_F(SpoolTest, OneProcessHasIt) {
  Open();
  const auto second = Spool::Open(options_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another process"));
  const std::string other_process = "flock -n " + options_.dir + "/lock true";
  EXPECT_NE(std::system(other_process.c_str()), 0);
  spool_ = nullptr;
  EXPECT_EQ(std::system(other_process.c_str()), 0);
}

TEST_F(SpoolTest, AFolderOfAnotherVersionIsLeftAlone) {
  Open();
  Append(MakeRecords(1, 1));
  spool_ = nullptr;
  testing::WriteBytes(options_.dir + "/lock", "cievents-spool 2\n");
  EXPECT_EQ(Spool::Open(options_).status().code(), absl::StatusCode::kFailedPrecondition);
  testing::WriteBytes(options_.dir + "/lock", "");
  Open();
  EXPECT_EQ(spool_->stats().records, 1);
}

TEST_F(SpoolTest, AFolderThatCannotBeMadeIsAnError) {
  testing::WriteBytes(folder_ / "file", "");
  options_.dir = folder_ / "file" + "/spool";
  EXPECT_EQ(Spool::Open(options_).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(SpoolTest, ItsFolderIsPrivate) {
  options_.dir = folder_ / "parent" + "/spool";
  Open();
  struct stat status = {};
  ASSERT_EQ(::stat(options_.dir.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
}

TEST_F(SpoolTest, StopAnswersWhatWasTakenAndRefusesTheRest) {
  Open();
  Gate gate(spool_.get());
  std::promise<bool> answered;
  ASSERT_TRUE(
      spool_->Append(MakeRecords(1, 1), [&](const auto& ids) { answered.set_value(ids.ok()); })
          .ok());
  std::thread stopper([&] { spool_->Stop(); });
  gate.Open();
  stopper.join();
  EXPECT_TRUE(answered.get_future().get());
  EXPECT_EQ(AppendAndWait(*spool_, MakeRecords(1, 1)).status().code(),
            absl::StatusCode::kUnavailable);
  spool_->Stop();
}

TEST_F(SpoolTest, AnAnswerMayAppend) {
  Open();
  const auto second = std::make_shared<std::promise<bool>>();  // outlives its set_value
  ASSERT_TRUE(spool_
                  ->Append(MakeRecords(1, 1),
                           [&, second](const auto&) {
                             const absl::Status status = spool_->Append(
                                 MakeRecords(2, 1),
                                 [second](const auto& ids) { second->set_value(ids.ok()); });
                             EXPECT_TRUE(status.ok());
                           })
                  .ok());
  EXPECT_TRUE(second->get_future().get());
  EXPECT_EQ(RecordsOf(ReadAll(*spool_)), MakeRecords(1, 2));
}

TEST_F(SpoolTest, ReadersAndRemoversRunWhileItIsWritten) {
  options_.segment_bytes_max = 256 * 1024;
  Open();
  constexpr int kRecords = 4000;
  std::thread writer([&] {
    for (int n = 0; n < kRecords; n += 20) Append(MakeRecords(n, 20));
  });
  std::vector<int> seen(kRecords, 0);
  int taken = 0;
  while (taken < kRecords) {
    const auto some = spool_->Read({}, 64, kAnyBytes);
    ASSERT_TRUE(some.ok()) << some.status();
    for (const StoredRecord& one : *some) {
      ASSERT_EQ(one.record, MakeRecord(static_cast<int>(one.record.project_id)));
      ++seen[static_cast<size_t>(one.record.project_id)];
    }
    taken += static_cast<int>(some->size());
    spool_->Remove(IdsOf(*some));
    if (some->empty()) std::this_thread::yield();
  }
  writer.join();
  EXPECT_EQ(seen, std::vector<int>(kRecords, 1));
  EXPECT_EQ(spool_->stats().records, 0);
  EXPECT_EQ(spool_->stats().damaged, 0);
  spool_->Stop();
  EXPECT_THAT(FileNames(options_.dir), ElementsAre("lock"));
}

TEST_F(SpoolTest, AListIsThereWhileItsProcessRuns) {
  Open();
  const auto ids = Append(MakeRecords(1, 3));
  spool_->Remove({ids[1]});
  Append({MakeRecord(4)});  // its commit takes the removed one along
  std::vector<std::string> listed;
  ASSERT_TRUE(ListRecords(options_.dir, [&](const Listed& one) {
                listed.push_back(one.id);
                EXPECT_EQ(one.bytes, RecordBytes(one.record));
                EXPECT_EQ(one.state, RecordState::kWaiting);
              }).ok());
  EXPECT_THAT(listed, ElementsAre("1/1", "1/3", "1/4"));
  EXPECT_EQ(ListRecords(folder_ / "nothing", [](const Listed&) {}).code(),
            absl::StatusCode::kNotFound);
  Append(MakeRecords(5, 3));
}

}  // namespace
}  // namespace cievents::spool
