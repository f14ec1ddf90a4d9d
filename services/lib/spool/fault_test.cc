// Goal: nothing is answered OK that is not on the disk, whatever the disk does. Method: an SQLite
// VFS that fails, and that knows what has been synced (testing/fault_vfs.h).
#include <sys/mount.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <future>
#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/spool/spool.h"
#include "services/lib/spool/testing/fault_vfs.h"
#include "services/lib/spool/testing/spool_folder.h"

namespace cievents::spool {
namespace {

using testing::AppendAndWait;
using testing::FaultVfs;
using ::testing::HasSubstr;
using testing::MakeRecords;
using testing::ReadAll;
using testing::RecordsOf;
using testing::SpoolFolder;

void Unmount(const char* path) { ::umount2(path, MNT_DETACH); }

class FaultTest : public ::testing::Test {
 protected:
  FaultTest() {
    options_.dir = folder_.spool();
    options_.segment.vfs = vfs_.name();
    options_.retry_after = std::chrono::milliseconds(0);
  }

  void Open() {
    spool_ = nullptr;
    auto spool = Spool::Open(options_);
    ASSERT_TRUE(spool.ok()) << spool.status();
    spool_ = *std::move(spool);
  }

  // Until a segment can be made again: the spool tries by itself.
  std::vector<RecordId> AppendUntilOk(const std::vector<Record>& records) {
    for (;;) {
      const auto ids = AppendAndWait(*spool_, records);
      if (ids.ok()) return *ids;
      std::this_thread::yield();
    }
  }

  SpoolFolder folder_;
  FaultVfs vfs_;
  Spool::Options options_;
  std::unique_ptr<Spool> spool_;
};

TEST_F(FaultTest, AFailedSyncIsAnsweredAndTheNextRecordGoesToANewSegment) {
  Open();
  const auto before = AppendAndWait(*spool_, MakeRecords(1, 10));
  ASSERT_TRUE(before.ok());
  vfs_.FailSyncs("-wal", 1);
  const auto failed = AppendAndWait(*spool_, MakeRecords(11, 5));
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kUnavailable) << failed.status();
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("segment-000001.db"));
  EXPECT_THAT(spool_->stats().last_error, HasSubstr("segment-000001.db"));
  const auto after = AppendUntilOk(MakeRecords(16, 5));
  EXPECT_GT(after[0].segment, before->at(0).segment);
  EXPECT_TRUE(spool_->stats().writable);

  // What the old segment holds is read, and what is taken out of it stays out.
  std::vector<Record> expected = MakeRecords(1, 10);
  for (const Record& record : MakeRecords(16, 5)) expected.push_back(record);
  EXPECT_EQ(RecordsOf(ReadAll(*spool_)), expected);
  spool_->Remove({before->begin(), before->begin() + 9});
  expected.erase(expected.begin(), expected.begin() + 9);
  EXPECT_EQ(RecordsOf(ReadAll(*spool_)), expected);
}

TEST_F(FaultTest, ASegmentThatFailedIsNotWrittenAgain) {
  Open();
  const auto before = AppendAndWait(*spool_, MakeRecords(1, 10));
  ASSERT_TRUE(before.ok());
  vfs_.FailSyncs("-wal", 1);
  ASSERT_FALSE(AppendAndWait(*spool_, MakeRecords(11, 5)).ok());
  const std::string path = options_.dir + "/segment-000001.db";
  const std::string bytes = testing::ReadBytes(path) + testing::ReadBytes(path + "-wal");
  spool_->Remove({before->at(0)});
  spool_->Refuse(before->at(1), "no");
  spool_->Stop();
  EXPECT_EQ(testing::ReadBytes(path) + testing::ReadBytes(path + "-wal"), bytes);
  // When all of it is taken out, it goes.
  Open();
  spool_->Remove(testing::IdsOf(ReadAll(*spool_)));
  spool_->Stop();
  EXPECT_THAT(testing::FileNames(options_.dir), ::testing::ElementsAre("lock"));
}

TEST_F(FaultTest, AFullDiskIsSaidAndHealsByItself) {
  Open();
  ASSERT_TRUE(AppendAndWait(*spool_, MakeRecords(1, 10)).ok());
  vfs_.SetRoom(10'000);
  const auto failed = AppendAndWait(*spool_, MakeRecords(11, 100));
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kResourceExhausted) << failed.status();
  // No segment can be made: then Append itself says so, or the answer does.
  EXPECT_FALSE(AppendAndWait(*spool_, MakeRecords(11, 100)).ok());
  EXPECT_FALSE(spool_->stats().writable);
  EXPECT_EQ(RecordsOf(ReadAll(*spool_)), MakeRecords(1, 10));
  vfs_.SetRoom(-1);
  AppendUntilOk(MakeRecords(11, 5));
  EXPECT_TRUE(spool_->stats().writable);
  EXPECT_EQ(RecordsOf(ReadAll(*spool_)), MakeRecords(1, 15));
}

TEST_F(FaultTest, AReadOnlyDiskIsDrainedAndNotAnsweredFor) {
  Open();
  ASSERT_TRUE(AppendAndWait(*spool_, MakeRecords(1, 10)).ok());
  spool_ = nullptr;
  vfs_.SetReadOnly(true);
  Open();
  EXPECT_FALSE(spool_->stats().writable);
  EXPECT_FALSE(AppendAndWait(*spool_, MakeRecords(11, 1)).ok());
  const auto stored = ReadAll(*spool_);
  EXPECT_EQ(RecordsOf(stored), MakeRecords(1, 10));
  spool_->Remove({stored[0].id});
  EXPECT_EQ(RecordsOf(ReadAll(*spool_)), MakeRecords(2, 9));
  vfs_.SetReadOnly(false);
  AppendUntilOk(MakeRecords(11, 1));
}

// A file system that is read-only for everything, the lock and SQLite's own files included; the
// spool was closed in order, or its process was killed.
TEST_F(FaultTest, AReadOnlyFileSystemIsDrained) {
  for (const bool killed : {false, true}) {
    const std::string disk = folder_ / (killed ? "killed" : "closed");
    std::filesystem::create_directories(disk);
    if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=16m") != 0) {
      GTEST_SKIP() << "needs the right to mount: " << std::strerror(errno);
    }
    const std::unique_ptr<const char, decltype(&Unmount)> mounted(disk.c_str(), &Unmount);
    options_.segment.vfs.clear();
    options_.dir = folder_ / (killed ? "source" : "closed/spool");
    Open();
    ASSERT_TRUE(AppendAndWait(*spool_, MakeRecords(1, 10)).ok());
    if (killed) {
      testing::CopyFolder(options_.dir, disk + "/spool");
      options_.dir = disk + "/spool";
    }
    spool_ = nullptr;
    ASSERT_EQ(::mount(nullptr, disk.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
    Open();
    ASSERT_NE(spool_, nullptr);
    EXPECT_FALSE(spool_->stats().writable);
    EXPECT_FALSE(AppendAndWait(*spool_, MakeRecords(11, 1)).ok());
    EXPECT_EQ(RecordsOf(ReadAll(*spool_)), MakeRecords(1, 10));
    ASSERT_EQ(::mount(nullptr, disk.c_str(), nullptr, MS_REMOUNT, nullptr), 0);
    AppendUntilOk(MakeRecords(11, 1));
    EXPECT_EQ(RecordsOf(ReadAll(*spool_)), MakeRecords(1, 11));
    spool_ = nullptr;
  }
}

TEST_F(FaultTest, AnEmptySpoolOnAReadOnlyDiskDoesNotOpen) {
  vfs_.SetReadOnly(true);
  const auto spool = Spool::Open(options_);
  EXPECT_EQ(spool.status().code(), absl::StatusCode::kUnavailable) << spool.status();
}

TEST_F(FaultTest, ASegmentThatCannotBeMadeIsTriedAgain) {
  Open();
  vfs_.FailSyncs("", 4);
  EXPECT_FALSE(AppendAndWait(*spool_, MakeRecords(1, 1)).ok());
  AppendUntilOk(MakeRecords(2, 3));
  EXPECT_EQ(RecordsOf(ReadAll(*spool_)), MakeRecords(2, 3));
  spool_->Remove(testing::IdsOf(ReadAll(*spool_)));
  spool_->Stop();
  EXPECT_THAT(testing::FileNames(options_.dir), ::testing::ElementsAre("lock"))
      << "nothing is left of those that failed";
}

// How many answers came before all bytes of their segment's log were synced.
int AnswersBeforeTheirSync(const Spool::Options& options, const FaultVfs& vfs) {
  auto spool = Spool::Open(options);
  EXPECT_TRUE(spool.ok()) << spool.status();
  std::atomic<int> early = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int n = 0; n < 100; ++n) {
        const absl::Status status = (*spool)->Append(
            MakeRecords(t * 100 + n, 1), [&](const absl::StatusOr<std::vector<RecordId>>& ids) {
              EXPECT_TRUE(ids.ok());
              // The thread that writes is in this call, so nothing has been written since.
              const std::string path = SegmentPath(options.dir, ids->at(0).segment);
              if (vfs.UnsyncedBytes(path + "-wal") > 0 || vfs.UnsyncedBytes(path) > 0) ++early;
            });
        EXPECT_TRUE(status.ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  (*spool)->Stop();
  return early;
}

TEST_F(FaultTest, NoAnswerComesBeforeItsSync) {
  EXPECT_EQ(AnswersBeforeTheirSync(options_, vfs_), 0);
}

TEST_F(FaultTest, TheTestOfThatFindsASpoolThatDoesNotSync) {
  options_.segment.unsynced_for_test = true;
  EXPECT_GT(AnswersBeforeTheirSync(options_, vfs_), 0);
}

TEST_F(FaultTest, ACommitIsOneSync) {
  Open();
  const int64_t before = vfs_.syncs("-wal");
  std::promise<void> opened;
  std::promise<void> entered;
  ASSERT_TRUE(spool_
                  ->Append({},
                           [&](const auto&) {
                             entered.set_value();
                             opened.get_future().wait();
                           })
                  .ok());
  entered.get_future().wait();
  std::atomic<int> done = 0;
  for (int n = 0; n < 500; ++n) {
    ASSERT_TRUE(spool_->Append(MakeRecords(n, 1), [&](const auto& ids) { done += ids.ok(); }).ok());
  }
  opened.set_value();
  for (int n = 500; n < 520; ++n) {
    const auto ids = AppendAndWait(*spool_, MakeRecords(n, 1));
    ASSERT_TRUE(ids.ok());
    spool_->Remove(*ids);  // without a sync of its own
  }
  const auto syncs = static_cast<uint64_t>(vfs_.syncs("-wal") - before);
  const Stats stats = spool_->stats();
  EXPECT_EQ(done, 500);
  EXPECT_EQ(stats.appended, 520U);
  EXPECT_LE(stats.commits, 21U);
  EXPECT_LE(syncs, stats.commits + 1) << "one more for the header of the log";
}

}  // namespace
}  // namespace cievents::spool
