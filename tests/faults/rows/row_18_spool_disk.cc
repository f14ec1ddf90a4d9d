// Row 18: the disk of the matcher's spool is full while Postgres is away; and it has become
// read-only when the matcher starts. (A file system with a file open for writing is not made
// read-only on demand; what a disk does that dies under a running matcher: row 7.)
#include <fmt/format.h>

#include "gtest/gtest.h"
#include "tests/faults/disk.h"
#include "tests/faults/row_test.h"
#include "tests/faults/rows/spooled.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kCannotWrite[] = "the spool's segment cannot be written";
constexpr char kDrainOnly[] = "the spool cannot be written; what it holds can be drained";

Row OnSmallDisk(const std::string& name) {
  Row row;
  row.number = 18;
  row.name = name;
  row.with_spool = true;
  row.spool_may_refuse = true;
  row.prepare_data = [](const std::string& folder) {
    return MountMemory(folder + "/spool", "256m");
  };
  row.clean_up = [](const std::string& folder) { Unmount(folder + "/spool"); };
  return row;
}

bool Says(Scene& scene, size_t since, const std::string& text) {
  return scene.roles().matcher().LogFrom(since).find(text) != std::string::npos;
}

Row SpoolFull() {
  Row row = OnSmallDisk("spool's disk full");
  row.inject = [](Scene& scene) {
    Roles& roles = scene.roles();
    const size_t log = roles.matcher().LogFrom(0).size();
    scene.BeginFault();
    scene.Check(roles.StopPostgresInOrder());
    scene.Let(milliseconds(scene.random().Between(300, 1'000)));
    FillDisk(roles.spool_dir());
    if (!scene.Until(seconds(10), [&] { return Says(scene, log, kCannotWrite); })) {
      scene.Wrong("the matcher says nothing of its full disk");
    }
    scene.Let(scene.By(seconds(2), seconds(20)));
    const size_t full = Spooled(roles.spool_dir()).size();
    scene.Check(MakeRoom(roles.spool_dir()));
    // By itself, and while Postgres is still away.
    const TimePoint room = Clock::now();
    if (!scene.Until(seconds(10), [&] { return Spooled(roles.spool_dir()).size() > full; })) {
      scene.Wrong("nothing is spooled after the disk has room");
    }
    scene.Note(fmt::format("{} records when it was full; the next one {} ms after there was room",
                           full,
                           std::chrono::duration_cast<milliseconds>(Clock::now() - room).count()));
    scene.Check(roles.KillMatcher());
    scene.BeginHealing();
    scene.Check(roles.StartPostgres());
    scene.Check(roles.StartMatcher());
    scene.EndFault();
  };
  return row;
}

TEST(Row18, AFullDiskOfTheSpoolPutsOffAndIsUsedAgain) {
  if (const absl::Status can = CanMountMemory(); !can.ok()) GTEST_SKIP() << "needs root: " << can;
  RunRow(SpoolFull());
}

TEST(Row18, FindsTheFullDiskThatIsBelieved) {
  if (const absl::Status can = CanMountMemory(); !can.ok()) GTEST_SKIP() << "needs root: " << can;
  ExpectFound(SpoolFull(), "believed_full_disk", Violation::Kind::kLost);
}

TEST(Row18, AReadOnlySpoolIsDrainedAndTheRestIsPutOff) {
  if (const absl::Status can = CanMountMemory(); !can.ok()) GTEST_SKIP() << "needs root: " << can;
  Row row = OnSmallDisk("spool's disk read-only");
  row.inject = [](Scene& scene) {
    Roles& roles = scene.roles();
    scene.BeginFault();
    scene.Check(roles.StopPostgresInOrder());
    scene.Let(scene.By(milliseconds(800), milliseconds(10'000)));
    scene.Check(roles.KillMatcher());
    // Without a log beside the database SQLite opens it in another way.
    if (scene.random().Percent(50)) scene.Check(CopyLogs(roles.spool_dir()).status());
    const size_t held = Spooled(roles.spool_dir()).size();
    scene.Check(MakeReadOnly(roles.spool_dir()));
    const size_t log = roles.matcher().LogFrom(0).size();
    scene.BeginHealing();
    scene.Check(roles.StartPostgres());
    if (!scene.Check(roles.StartMatcher())) return;
    scene.EndFault();
    if (!Says(scene, log, kDrainOnly)) scene.Wrong("the matcher says nothing of its disk");
    // Drained although the file cannot know it.
    if (!scene.Until(seconds(30), [&] { return Says(scene, log, "the spool is drained"); })) {
      scene.Wrong("a spool on a read-only disk is not drained");
    }
    scene.Note(fmt::format("{} records drained from a read-only disk", held));
    // No outage of Postgres is bridged now; nothing may be acknowledged that is not in it.
    scene.BeginFault();
    scene.Check(roles.StopPostgresInOrder());
    scene.Let(seconds(1));
    scene.Check(MakeWritable(roles.spool_dir()));
    if (!scene.Until(seconds(10), [&] { return Spooled(roles.spool_dir()).size() > held; })) {
      scene.Wrong("nothing is spooled after the disk can be written");
    }
    // What was drained stands in the files until a new process finds that Postgres has it.
    scene.Check(roles.KillMatcher());
    scene.BeginHealing();
    scene.Check(roles.StartPostgres());
    scene.Check(roles.StartMatcher());
    scene.EndFault();
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
