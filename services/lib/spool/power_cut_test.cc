// Goal: a power cut loses nothing that was answered OK. Method: the VFS says what a cut at any
// moment could leave, that is opened as a spool, and what was answered before the cut must be
// there.
#include <algorithm>
#include <filesystem>
#include <map>
#include <random>

#include "gtest/gtest.h"
#include "services/lib/spool/spool.h"
#include "services/lib/spool/testing/fault_vfs.h"
#include "services/lib/spool/testing/spool_folder.h"

namespace cievents::spool {
namespace {

using testing::AppendAndWait;
using testing::FaultVfs;
using testing::MakeRecord;
using testing::MakeRecords;
using testing::ReadAll;
using testing::SpoolFolder;

class PowerCutTest : public ::testing::Test {
 protected:
  PowerCutTest() {
    options_.dir = folder_.spool();
    options_.segment.vfs = vfs_.name();
    options_.segment_bytes_max = 48 * 1024;
    options_.compact_bytes_min = 1;
    options_.retry_after = std::chrono::milliseconds(0);
  }

  // Opens what a cut leaves. Returns how many of `answered` (numbers of records) are missing, and
  // checks that what is there was once appended.
  int MissingAfterACut(const std::map<int, RecordId>& answered, int appended, uint64_t seed) {
    const std::string dir = folder_ / "cut";
    std::filesystem::remove_all(dir);
    std::filesystem::create_directory(dir);
    vfs_.Cut(dir, seed);
    Spool::Options options;
    options.dir = dir;
    options.segment.unsynced_for_test = true;  // for speed: this copy is thrown away
    const auto spool = Spool::Open(options);
    EXPECT_TRUE(spool.ok()) << spool.status();
    if (!spool.ok()) return 1;
    if (!options_.segment.unsynced_for_test) {
      EXPECT_EQ((*spool)->stats().damaged, 0) << "seed " << seed;
      EXPECT_EQ((*spool)->stats().damaged_segments, 0) << "seed " << seed;
    }
    std::map<int, int> found;
    for (const StoredRecord& one : ReadAll(**spool)) {
      const int n = static_cast<int>(one.record.project_id);
      EXPECT_EQ(one.record, MakeRecord(n));
      EXPECT_LT(n, appended);
      ++found[n];
    }
    int missing = 0;
    for (const auto& [n, id] : answered) missing += found.contains(n) ? 0 : 1;
    return missing;
  }

  // A spool at work, with a cut after every few steps; the number of records that were lost.
  int LostByCuts(uint64_t seed, int steps) {
    std::mt19937_64 random(seed);
    auto spool = Spool::Open(options_);
    EXPECT_TRUE(spool.ok()) << spool.status();
    std::map<int, RecordId> answered;
    int appended = 0;
    int lost = 0;
    for (int step = 0; step < steps; ++step) {
      const int count = 1 + static_cast<int>(random() % 8);
      if (random() % 10 == 0) vfs_.FailSyncs(random() % 2 == 0 ? "-wal" : "", 1);
      const auto ids = AppendAndWait(**spool, MakeRecords(appended, count));
      for (int i = 0; ids.ok() && i < count; ++i) {
        answered[appended + i] = ids->at(static_cast<size_t>(i));
      }
      appended += count;
      for (int i = 0; i < 3 && !answered.empty(); ++i) {
        const auto one =
            std::next(answered.begin(), static_cast<int64_t>(random() % answered.size()));
        (*spool)->Remove({one->second});
        answered.erase(one);
      }
      lost += MissingAfterACut(answered, appended, random() % 3 == 0 ? 0 : random());
    }
    return lost;
  }

  SpoolFolder folder_;
  FaultVfs vfs_;
  Spool::Options options_;
};

TEST_F(PowerCutTest, NothingThatWasAnsweredIsLost) { EXPECT_EQ(LostByCuts(1, 60), 0); }

TEST_F(PowerCutTest, TheTestFindsASpoolThatDoesNotSync) {
  options_.segment.unsynced_for_test = true;
  options_.segment_bytes_max = int64_t{1} << 30;
  EXPECT_GT(LostByCuts(2, 10), 0);
}

}  // namespace
}  // namespace cievents::spool
