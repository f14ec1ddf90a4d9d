#include "services/lib/spool/segment.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/spool/listing.h"
#include "services/lib/spool/testing/spool_folder.h"

namespace cievents::spool {
namespace {

using ::testing::ElementsAre;
using testing::FileNames;
using ::testing::HasSubstr;
using testing::MakeRecord;
using testing::MakeRecords;
using testing::SpoolFolder;

class SegmentTest : public ::testing::Test {
 protected:
  std::shared_ptr<Segment> Create() {
    auto segment = Segment::Create(path_, 1, Segment::Options());
    EXPECT_TRUE(segment.ok()) << segment.status();
    return *segment;
  }

  static absl::Status Append(Segment& segment, int64_t first_row,
                             const std::vector<Record>& records) {
    Changes changes;
    changes.first_row = first_row;
    for (const Record& record : records) changes.appended.push_back(&record);
    return segment.Write(changes);
  }

  // Of what is damaged, the rows.
  static std::vector<std::pair<int64_t, int64_t>> Damage(Segment& segment) {
    std::vector<std::pair<int64_t, int64_t>> rows;
    EXPECT_TRUE(segment
                    .Scan([&](const Found& found) {
                      if (found.state == RecordState::kDamaged) {
                        rows.emplace_back(found.row, found.row_last);
                      }
                    })
                    .ok());
    return rows;
  }

  // As a person would with the sqlite3 program.
  absl::Status ByHand(const char* sql) {
    auto connection = Connection::Open(path_, Connection::Access::kReadWrite, "");
    if (!connection.ok()) return connection.status();
    return (*connection)->Execute(sql);
  }

  SpoolFolder folder_;
  const std::string path_ = folder_ / "segment-000001.db";
};

TEST_F(SegmentTest, RecordsAreThereAgainAfterClosing) {
  const auto records = MakeRecords(1, 20);
  const auto segment = Create();
  ASSERT_TRUE(Append(*segment, 1, records).ok());
  segment->Close();
  EXPECT_THAT(FileNames(folder_ / ""), ElementsAre("segment-000001.db"));
  const auto again = Segment::Existing(path_, 1, Segment::Options());
  ASSERT_TRUE(again->Check().ok());
  for (int n = 1; n <= 20; ++n) {
    const auto record = again->Fetch(n);
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_EQ(*record, records[static_cast<size_t>(n - 1)]);
  }
  EXPECT_EQ(again->Fetch(21).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SegmentTest, OnlyItsOwnerMayReadIt) {
  const auto segment = Create();
  ASSERT_TRUE(Append(*segment, 1, MakeRecords(1, 1)).ok());
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat status = {};
    ASSERT_EQ(::stat((path_ + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << suffix;
  }
}

TEST_F(SegmentTest, ARefusedRecordIsInTheOtherTableWithItsReason) {
  const auto segment = Create();
  ASSERT_TRUE(Append(*segment, 1, MakeRecords(1, 3)).ok());
  Changes changes;
  changes.refused.push_back({2, "value out of range", 1'700'000'000'000});
  ASSERT_TRUE(segment->Write(changes).ok());
  EXPECT_EQ(segment->Fetch(2).status().code(), absl::StatusCode::kNotFound);
  std::vector<std::string> found;
  ASSERT_TRUE(segment
                  ->Scan([&](const Found& row) {
                    found.push_back(
                        fmt::format("{} {} {}", row.row, NameOf(row.state), row.reason));
                    EXPECT_EQ(row.record, MakeRecord(static_cast<int>(row.row)));
                  })
                  .ok());
  EXPECT_THAT(found, ElementsAre("1 waiting ", "3 waiting ", "2 refused value out of range"));
}

TEST_F(SegmentTest, AChangeOfAnyColumnIsFound) {
  const auto segment = Create();
  ASSERT_TRUE(Append(*segment, 1, MakeRecords(1, 13)).ok());
  Changes refusal;
  refusal.refused = {{11, "no", 5}, {12, "no", 5}, {13, "no", 5}};
  ASSERT_TRUE(segment->Write(refusal).ok());
  EXPECT_THAT(Damage(*segment), ElementsAre());
  segment->Close();
  for (const char* sql : {
           "UPDATE records SET kind = 'raw' WHERE id = 1",
           "UPDATE records SET event_uid = event_uid || ' ' WHERE id = 2",
           "UPDATE records SET event_id = source, source = event_id WHERE id = 3",
           "UPDATE records SET event_name = '' WHERE id = 4",
           "UPDATE records SET project_id = -project_id WHERE id = 5",
           "UPDATE records SET event_time_ms = event_time_ms + 1 WHERE id = 6",
           "UPDATE records SET received_time_ms = 0 WHERE id = 7",
           "UPDATE records SET request_count = request_count + (1 << 32) WHERE id = 8",
           "UPDATE records SET body = CAST(body || 'x' AS BLOB) WHERE id = 9",
           "UPDATE records SET id = 20 WHERE id = 10",
           "UPDATE refused SET reason = 'yes' WHERE id = 11",
           "UPDATE refused SET refused_time_ms = 6 WHERE id = 12",
           "UPDATE refused SET checksum = checksum + 1 WHERE id = 13",
       }) {
    ASSERT_TRUE(ByHand(sql).ok()) << sql;
  }
  std::vector<std::pair<int64_t, int64_t>> expected;
  for (const int64_t row : {1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 11, 12, 13}) {
    expected.emplace_back(row, row);
  }
  EXPECT_EQ(Damage(*segment), expected);
  EXPECT_EQ(segment->Fetch(5).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SegmentTest, OtherTablesAreNoSegment) {
  const auto segment = Create();
  segment->Close();
  ASSERT_TRUE(ByHand("ALTER TABLE records RENAME COLUMN body TO content").ok());
  const absl::Status status = Segment::Existing(path_, 1, Segment::Options())->Check();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
}

TEST_F(SegmentTest, AnEmptyFileIsDamageAndItsLogIsLeftAlone) {
  EXPECT_EQ(Segment::Existing(path_, 1, Segment::Options())->Check().code(),
            absl::StatusCode::kNotFound);
  testing::WriteBytes(path_, "");
  testing::WriteBytes(path_ + "-wal", "log");
  EXPECT_EQ(Segment::Existing(path_, 1, Segment::Options())->Check().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(testing::ReadBytes(path_ + "-wal"), "log");
}

TEST_F(SegmentTest, AnUnreadablePageCostsItsRowsOnly) {
  const auto segment = Create();
  // Three rows a page; taken-out rows leave holes that are no damage.
  ASSERT_TRUE(Append(*segment, 1, MakeRecords(1, 2000, 1200)).ok());
  Changes changes;
  for (int64_t row = 500; row < 1000; ++row) changes.removed.push_back(row);
  ASSERT_TRUE(segment->Write(changes).ok());
  segment->Close();
  std::string bytes = testing::ReadBytes(path_);
  // The page of row 1500, by its event uid.
  const size_t at = bytes.find(MakeRecord(1500).event_uid);
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at / 4096 * 4096, 4096, std::string(4096, '\0'));
  testing::WriteBytes(path_, bytes);

  const auto again = Segment::Existing(path_, 1, Segment::Options());
  ASSERT_TRUE(again->Check().ok());
  int sound = 0;
  std::vector<std::pair<int64_t, int64_t>> damage;
  ASSERT_TRUE(again
                  ->Scan([&](const Found& found) {
                    if (found.state == RecordState::kDamaged) {
                      damage.emplace_back(found.row, found.row_last);
                    } else {
                      ++sound;
                    }
                  })
                  .ok());
  ASSERT_EQ(damage.size(), 1U);
  const auto [first, last] = damage[0];
  EXPECT_LE(first, 1500);
  EXPECT_GE(last, 1500);
  EXPECT_LE(last - first, 3);
  EXPECT_EQ(sound, 1500 - (last - first + 1));
}

TEST_F(SegmentTest, ASegmentOfRefusedRecordsShrinks) {
  const auto segment = Create();
  ASSERT_TRUE(Append(*segment, 1, MakeRecords(1, 1000, 1200)).ok());
  Changes changes;
  changes.refused.push_back({500, "no", 5});
  for (int64_t row = 1; row <= 1000; ++row) {
    if (row != 500) changes.removed.push_back(row);
  }
  ASSERT_TRUE(segment->Write(changes).ok());
  ASSERT_TRUE(segment->Compact().ok());
  segment->Close();
  EXPECT_LT(FileBytes(path_), 64 * 1024);
  int refused = 0;
  ASSERT_TRUE(segment
                  ->Scan([&](const Found& found) {
                    EXPECT_EQ(found.row, 500);
                    EXPECT_EQ(found.state, RecordState::kRefused);
                    ++refused;
                  })
                  .ok());
  EXPECT_EQ(refused, 1);
}

}  // namespace
}  // namespace cievents::spool
