// Goal: whatever happens to a file of the spool, nothing is read that was not written, nothing goes
// missing without being said, and the rest is read. Method: random changes of a closed
// spool.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/base/log.h"
#include "services/lib/spool/listing.h"
#include "services/lib/spool/spool.h"
#include "services/lib/spool/testing/spool_folder.h"

namespace cievents::spool {
namespace {

using testing::AppendAndWait;
using ::testing::ElementsAre;
using testing::FileNames;
using testing::MakeRecord;
using testing::ReadAll;
using testing::ReadBytes;
using testing::SpoolFolder;
using testing::WriteBytes;

namespace fs = std::filesystem;

constexpr size_t kPage = 4096;

size_t BodyBytes(int n) { return n % 10 == 0 ? 6000 : 300; }  // some go over several pages

enum class Kind { kBit, kBits, kTornTail, kZeroPage, kNoise, kMovedPage };

Kind AnyKind(std::mt19937_64* random) { return static_cast<Kind>((*random)() % 6); }

void MutateOnce(Kind kind, std::mt19937_64* random, std::string* bytes) {
  const auto below = [random](size_t end) { return static_cast<size_t>((*random)() % end); };
  const auto flip = [&](size_t at) { (*bytes)[at] ^= static_cast<char>(1 << below(8)); };
  const size_t pages = std::max<size_t>(1, bytes->size() / kPage);
  const size_t at = below(bytes->size());
  switch (kind) {
    case Kind::kBit:
      flip(at);
      break;
    case Kind::kBits:  // close together
      for (int i = 0; i < 8; ++i) flip((at + below(64)) % bytes->size());
      break;
    case Kind::kTornTail:
      bytes->resize(at);
      break;
    case Kind::kZeroPage:
      bytes->replace(below(pages) * kPage, kPage, std::string(kPage, '\0'));
      break;
    case Kind::kNoise:
      for (size_t i = at; i < std::min(at + 200, bytes->size()); ++i) {
        (*bytes)[i] = static_cast<char>(below(256));
      }
      break;
    case Kind::kMovedPage:  // in the place of another
      bytes->replace(below(pages) * kPage, kPage, bytes->substr(below(pages) * kPage, kPage));
      break;
  }
}

// Never the same bytes.
std::string Mutate(const std::string& before, Kind kind, std::mt19937_64* random) {
  std::string bytes = before;
  for (int tries = 0; bytes == before; ++tries) {
    MutateOnce(tries < 100 ? kind : Kind::kBit, random, &bytes);
  }
  return bytes;
}

class DamageTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { InitLogging(LogLevel::kOff, LogFormat::kJson); }
  static void TearDownTestSuite() { InitLogging(LogLevel::kInfo, LogFormat::kAuto); }

  DamageTest() {
    options_.dir = folder_ / "written";
    options_.segment.unsynced_for_test = true;  // for speed; nothing is cut here
    options_.segment_bytes_max = 48 * 1024;
  }

  // Closed, with several segments, removed and refused records.
  void WriteSpool() {
    auto spool = Spool::Open(options_);
    ASSERT_TRUE(spool.ok()) << spool.status();
    for (int n = 1; n <= 200; n += 10) {
      std::vector<Record> records;
      for (int i = n; i < n + 10; ++i) records.push_back(MakeRecord(i, BodyBytes(i)));
      const auto ids = AppendAndWait(**spool, records);
      ASSERT_TRUE(ids.ok()) << ids.status();
      for (int i = n; i < n + 10; ++i) {
        const RecordId id = ids->at(static_cast<size_t>(i - n));
        if (i % 7 == 3) {
          (*spool)->Remove({id});
        } else if (i % 11 == 5) {
          (*spool)->Refuse(id, "no");
        } else {
          written_[id] = MakeRecord(i, BodyBytes(i));
        }
      }
    }
    spool->reset();
    for (const std::string& name : FileNames(options_.dir)) {
      files_[name] = ReadBytes(options_.dir + "/" + name);
    }
    ASSERT_GT(files_.size(), 3U);
  }

  // A random one of the segments.
  const std::string& AnySegment(std::mt19937_64* random) const {
    auto it = files_.begin();
    do {
      it = std::next(files_.begin(), static_cast<int64_t>((*random)() % files_.size()));
    } while (!it->first.ends_with(".db"));
    return it->first;
  }

  SpoolFolder folder_;
  Spool::Options options_;
  std::map<RecordId, Record> written_;        // that wait
  std::map<std::string, std::string> files_;  // name to content, of the closed spool
};

TEST_F(DamageTest, TheUntouchedSpoolReturnsAll) {
  WriteSpool();
  auto spool = Spool::Open(options_);
  ASSERT_TRUE(spool.ok()) << spool.status();
  std::map<RecordId, Record> read;
  for (StoredRecord& one : ReadAll(**spool)) read.emplace(one.id, std::move(one.record));
  EXPECT_EQ(read, written_);
  EXPECT_EQ((*spool)->stats().damaged, 0);
  EXPECT_EQ((*spool)->stats().damaged_segments, 0);
}

// How many damaged files are tried: 2,000, or what CIEVENTS_DAMAGE_MUTATIONS says (10,000 take a
// minute).
int Mutations() {
  const char* given = std::getenv("CIEVENTS_DAMAGE_MUTATIONS");
  return given == nullptr ? 2000 : std::max(100, std::atoi(given));
}

TEST_F(DamageTest, ASegmentIsReadPastAnyDamage) {
  WriteSpool();
  const int mutations = Mutations();
  std::mt19937_64 random(1);
  int unreadable = 0;
  int64_t rows_read = 0;
  int64_t rows_lost = 0;
  for (int mutation = 0; mutation < mutations; ++mutation) {
    const std::string& name = AnySegment(&random);
    const int64_t number = std::stoll(name.substr(8));
    const std::string path = folder_ / name;
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(path + suffix);
    const Kind kind = AnyKind(&random);
    WriteBytes(path, Mutate(files_.at(name), kind, &random));
    const auto segment = Segment::Existing(path, number, options_.segment);
    if (const absl::Status status = segment->Check(); !status.ok()) {
      ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
      ++unreadable;
      continue;
    }
    std::set<int64_t> rows;
    int damaged = 0;
    const absl::Status scanned = segment->Scan([&](const Found& found) {
      if (found.state == RecordState::kDamaged) ++damaged;
      if (found.state != RecordState::kWaiting) return;
      ASSERT_TRUE(rows.insert(found.row).second) << "twice";
      const auto original = written_.find({number, found.row});
      if (original != written_.end()) {
        ASSERT_EQ(found.record, original->second);
      } else {
        // Taken out before; a page's old content may show it again.
        ASSERT_EQ(found.record,
                  MakeRecord(static_cast<int>(found.record.project_id), found.record.body.size()));
      }
    });
    ASSERT_TRUE(scanned.ok()) << scanned;
    int missing = 0;
    for (auto it = written_.lower_bound({number, 0}); it != written_.lower_bound({number + 1, 0});
         ++it) {
      missing += rows.contains(it->first.row) ? 0 : 1;
    }
    // A page that stands where another one belongs can look like a sound, emptier database.
    ASSERT_TRUE(missing == 0 || damaged > 0 || kind == Kind::kMovedPage)
        << missing << " missing, and nothing is said";
    rows_read += static_cast<int64_t>(rows.size());
    rows_lost += missing;
  }
  // The changes do something, and mostly not much.
  EXPECT_GT(unreadable, mutations / 100);
  EXPECT_LT(unreadable, mutations / 2);
  EXPECT_GT(rows_lost, mutations / 10);
  EXPECT_GT(rows_read, 3 * rows_lost);
}

TEST_F(DamageTest, ASpoolOpensWhateverItsFilesHold) {
  WriteSpool();
  std::mt19937_64 random(2);
  options_.dir = folder_ / "changed";
  for (int mutation = 0; mutation < 100; ++mutation) {
    fs::remove_all(options_.dir);
    fs::create_directory(options_.dir);
    const std::string& changed = AnySegment(&random);
    const Kind kind = AnyKind(&random);
    for (const auto& [name, bytes] : files_) {
      WriteBytes(options_.dir + "/" + name, name == changed ? Mutate(bytes, kind, &random) : bytes);
    }
    const auto spool = Spool::Open(options_);
    ASSERT_TRUE(spool.ok()) << spool.status();
    std::set<RecordId> read;
    for (const StoredRecord& one : ReadAll(**spool)) {
      ASSERT_TRUE(read.insert(one.id).second);
      const auto original = written_.find(one.id);
      if (original != written_.end()) {
        ASSERT_EQ(one.record, original->second);
      }
    }
    const int64_t changed_number = std::stoll(changed.substr(8));
    bool missing = false;
    for (const auto& [id, record] : written_) {
      if (id.segment == changed_number) {
        missing = missing || !read.contains(id);
      } else {
        ASSERT_TRUE(read.contains(id)) << "of another segment than the changed one";
      }
    }
    const Stats stats = (*spool)->stats();
    ASSERT_TRUE(!missing || stats.damaged + stats.damaged_segments > 0 || kind == Kind::kMovedPage);
    ASSERT_EQ(stats.records, static_cast<int64_t>(read.size()));
  }
}

TEST_F(DamageTest, AnUncleanEndWithADamagedLogGivesOnlyWhatWasWritten) {
  std::mt19937_64 random(3);
  auto written = Spool::Open(options_);
  ASSERT_TRUE(written.ok());
  for (int n = 1; n <= 25; ++n) {
    ASSERT_TRUE(AppendAndWait(**written, {MakeRecord(n, BodyBytes(n))}).ok());
  }
  testing::CopyFolder(options_.dir, folder_ / "killed");
  options_.dir = folder_ / "changed";
  for (int mutation = 0; mutation < 100; ++mutation) {
    testing::CopyFolder(folder_ / "killed", options_.dir);
    std::vector<std::string> names = FileNames(options_.dir);
    std::erase_if(names, [](const std::string& name) { return !name.starts_with("segment-"); });
    const std::string path = options_.dir + "/" + names[random() % names.size()];
    if (const std::string bytes = ReadBytes(path); !bytes.empty()) {
      WriteBytes(path, Mutate(bytes, AnyKind(&random), &random));
    }
    const auto spool = Spool::Open(options_);
    ASSERT_TRUE(spool.ok()) << spool.status();
    for (const StoredRecord& one : ReadAll(**spool)) {
      const int n = static_cast<int>(one.record.project_id);
      ASSERT_EQ(one.record, MakeRecord(n, BodyBytes(n)));
    }
  }
}

TEST_F(DamageTest, AFileThatIsNoDatabaseIsSetAsideUnderAnotherName) {
  WriteSpool();
  WriteBytes(options_.dir + "/segment-000001.db",
             "no database, but long enough to be read as one "
             "that has a header of a hundred bytes, and more");
  WriteBytes(options_.dir + "/segment-000099.db-wal", "a log without its database");
  for (int round = 0; round < 2; ++round) {
    auto spool = Spool::Open(options_);
    ASSERT_TRUE(spool.ok()) << spool.status();
    EXPECT_EQ((*spool)->stats().damaged_segments, round == 0 ? 2 : 1);
    EXPECT_GT(ReadAll(**spool).size(), 50U);
    EXPECT_GT(AppendAndWait(**spool, {MakeRecord(1)})->at(0).segment, 99);
  }
  const auto names = FileNames(options_.dir);
  EXPECT_THAT(names, ::testing::IsSupersetOf(
                         {"segment-000001.db.damaged", "segment-000099.db.damaged-wal"}));
  std::vector<std::string> damaged;
  ASSERT_TRUE(ListRecords(options_.dir, [&](const Listed& one) {
                if (one.state == RecordState::kDamaged) damaged.push_back(one.id);
              }).ok());
  EXPECT_THAT(damaged, ElementsAre("segment-000001.db.damaged"));
}

TEST_F(DamageTest, ADamagedRecordIsNamedLeftOutAndKept) {
  WriteSpool();
  const RecordId victim = written_.begin()->first;
  const std::string path = SegmentPath(options_.dir, victim.segment);
  std::string bytes = ReadBytes(path);
  const size_t at = bytes.find(written_.begin()->second.event_uid);
  ASSERT_NE(at, std::string::npos);
  bytes[at] ^= 1;
  WriteBytes(path, bytes);
  for (int round = 0; round < 2; ++round) {
    auto spool = Spool::Open(options_);
    ASSERT_TRUE(spool.ok()) << spool.status();
    EXPECT_EQ((*spool)->stats().damaged, 1);
    const auto stored = ReadAll(**spool);
    if (round == 0) {
      EXPECT_EQ(stored.size(), written_.size() - 1);
    }
    (*spool)->Remove(testing::IdsOf(stored));
  }
  std::vector<std::string> listed;
  ASSERT_TRUE(ListRecords(options_.dir, [&](const Listed& one) {
                if (one.state == RecordState::kDamaged) listed.push_back(one.id);
              }).ok());
  EXPECT_THAT(listed, ElementsAre(fmt::format("{}/{}", victim.segment, victim.row)));
}

TEST_F(DamageTest, ASegmentWithAPageThatCannotBeReachedIsNeitherCompactedNorDeleted) {
  options_.segment_bytes_max = int64_t{64} << 20;
  std::vector<Record> records;
  for (int n = 1; n <= 200; ++n) records.push_back(MakeRecord(n));
  {
    auto spool = Spool::Open(options_);
    ASSERT_TRUE(spool.ok()) << spool.status();
    ASSERT_TRUE(AppendAndWait(**spool, records).ok());
  }
  // The root of the table forgets its last child but one: its rows are gone without an error.
  const std::string path = SegmentPath(options_.dir, 1);
  auto connection = Connection::Open(path, Connection::Access::kReadOnly, "");
  ASSERT_TRUE(connection.ok());
  const auto root =
      (*connection)->QueryInt("SELECT rootpage FROM sqlite_schema WHERE name = 'records'");
  ASSERT_TRUE(root.ok());
  connection->reset();
  std::string bytes = ReadBytes(path);
  const size_t page = static_cast<size_t>(*root - 1) * kPage;
  ASSERT_EQ(bytes[page], 5) << "an inner page";
  ASSERT_GT(bytes[page + 4], 1);
  --bytes[page + 4];  // https://sqlite.org/fileformat2.html: its number of cells
  WriteBytes(path, bytes);

  std::set<std::string> lost;
  for (const Record& record : records) lost.insert(record.event_uid);
  for (int round = 0; round < 3; ++round) {
    auto spool = Spool::Open(options_);
    ASSERT_TRUE(spool.ok()) << spool.status();
    EXPECT_EQ((*spool)->stats().damaged, 1);
    const auto stored = ReadAll(**spool);
    EXPECT_EQ(stored.empty(), round > 0);
    for (const StoredRecord& one : stored) lost.erase(one.record.event_uid);
    (*spool)->Remove(testing::IdsOf(stored));
  }
  ASSERT_GT(lost.size(), 1U);
  ASSERT_LT(lost.size(), 50U);
  const std::string kept = ReadBytes(path);
  for (const std::string& uid : lost) EXPECT_NE(kept.find(uid), std::string::npos) << uid;
  std::vector<std::string> reasons;
  ASSERT_TRUE(ListRecords(options_.dir, [&](const Listed& one) {
                EXPECT_EQ(one.state, RecordState::kDamaged);
                reasons.push_back(one.reason);
              }).ok());
  EXPECT_THAT(reasons, ElementsAre(::testing::HasSubstr(".recover")));
}

TEST_F(DamageTest, DamageThatComesWhileItIsOpenIsFoundByReading) {
  WriteSpool();
  auto spool = Spool::Open(options_);
  ASSERT_TRUE(spool.ok()) << spool.status();
  const RecordId victim = written_.begin()->first;
  auto connection = Connection::Open(SegmentPath(options_.dir, victim.segment),
                                     Connection::Access::kReadWrite, "");
  ASSERT_TRUE(connection.ok());
  ASSERT_TRUE(
      (*connection)
          ->Execute(
              fmt::format("UPDATE records SET project_id = 0 WHERE id = {}", victim.row).c_str())
          .ok());
  EXPECT_EQ(ReadAll(**spool).size(), written_.size() - 1);
  EXPECT_EQ(ReadAll(**spool).size(), written_.size() - 1);
  const Stats stats = (*spool)->stats();
  EXPECT_EQ(stats.damaged, 1);
  EXPECT_EQ(stats.records, static_cast<int64_t>(written_.size()) - 1);
}

}  // namespace
}  // namespace cievents::spool
