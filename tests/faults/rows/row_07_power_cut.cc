// Row 7: the power of a disk is cut (XFS on a loop device, the shutdown ioctl): that of Postgres,
// and that of the matcher's spool while Postgres is away. What was written to the device without a
// flush stays there, unlike in a disk with a cache of its own.
#include <fmt/format.h>

#include <future>

#include "gtest/gtest.h"
#include "tests/faults/disk.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;

std::string DiskOf(const std::string& folder) { return folder + "/disk"; }

void CutAndStart(Scene& scene) {
  Roles& roles = scene.roles();
  const std::string disk = DiskOf(roles.folder());
  // Every other cut comes while a checkpoint writes.
  std::future<std::string> checkpoint;
  HeldSession session(roles.dsn(), "");
  if (scene.random().Percent(50)) {
    checkpoint = std::async(std::launch::async, [&session] { return session.Run("CHECKPOINT"); });
    scene.Let(milliseconds(scene.random().Between(0, 100)));
  }
  if (!scene.Check(CutPower(disk))) return;
  scene.Let(milliseconds(scene.random().Between(0, 300)));
  roles.StopPostgres();  // unless it has ended by itself
  scene.Check(RestorePower(disk));
  scene.BeginHealing();
  scene.Check(roles.StartPostgres());
}

Row PowerCut(int cuts) {
  Row row;
  row.number = 7;
  row.name = "power cut of Postgres' disk";
  row.postgres_settings = {"max_wal_size=96MB"};
  row.prepare_data = [](const std::string& folder) -> absl::Status {
    if (absl::Status mounted = MountXfs(DiskOf(folder)); !mounted.ok()) return mounted;
    return MoveOntoDisk(folder + "/data", DiskOf(folder));
  };
  row.clean_up = [](const std::string& folder) { Unmount(DiskOf(folder)); };
  row.inject = [cuts](Scene& scene) {
    const int count = cuts > 0 ? cuts : scene.By(2, 10);
    for (int i = 0; i < count; ++i) {
      scene.BeginFault();
      CutAndStart(scene);
      scene.EndFault();
      scene.Let(milliseconds(scene.random().Between(100, 700)));
    }
  };
  return row;
}

TEST(Row07, APostgresWhosePowerIsCutLosesNothing) {
  if (const absl::Status can = CanMountXfs(); !can.ok()) GTEST_SKIP() << can;
  RunRow(PowerCut(0));
}

// The control: the cut takes away what was not flushed.
TEST(Row07, FindsAPostgresThatDoesNotSync) {
  if (const absl::Status can = CanMountXfs(); !can.ok()) GTEST_SKIP() << can;
  Row row = PowerCut(1);
  row.postgres_settings.emplace_back("fsync=off");
  ExpectFoundInProduct(row, "fsync=off", Violation::Kind::kLost);
}

Row SpoolPowerCut() {
  Row row;
  row.number = 7;
  row.name = "power cut of the spool's disk";
  row.with_spool = true;
  row.spool_may_refuse = true;
  row.prepare_data = [](const std::string& folder) { return MountXfs(folder + "/spool"); };
  row.clean_up = [](const std::string& folder) { Unmount(folder + "/spool"); };
  row.inject = [](Scene& scene) {
    Roles& roles = scene.roles();
    scene.BeginFault();
    scene.Check(roles.StopPostgresInOrder());
    scene.Let(milliseconds(scene.random().Between(500, 1000) * scene.By(1, 10)));
    scene.Check(CutPower(roles.spool_dir()));
    scene.Let(milliseconds(scene.random().Between(0, 1500)));  // nothing can be kept any more
    scene.Check(roles.KillMatcher());
    scene.Check(RestorePower(roles.spool_dir()));
    scene.BeginHealing();
    scene.Check(roles.StartPostgres());
    scene.Check(roles.StartMatcher());
    scene.EndFault();
  };
  return row;
}

TEST(Row07, ASpoolWhosePowerIsCutLosesNothing) {
  if (const absl::Status can = CanMountXfs(); !can.ok()) GTEST_SKIP() << can;
  RunRow(SpoolPowerCut());
}

TEST(Row07, FindsTheSpoolThatIsNotSynced) {
  if (const absl::Status can = CanMountXfs(); !can.ok()) GTEST_SKIP() << can;
  ExpectFound(SpoolPowerCut(), "unsynced_spool", Violation::Kind::kLost);
}

}  // namespace
}  // namespace cievents::faults
