// Row 16: the disk below Postgres' data is full: a tablespace in a small file system of memory.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "gtest/gtest.h"
#include "matcher/base/status.h"
#include "services/lib/store/postgres_programs.h"
#include "services/lib/store/testing/test_database.h"
#include "tests/faults/cluster_copy.h"
#include "tests/faults/disk.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

std::string DiskOf(const std::string& folder) { return folder + "/small"; }

// Moves the whole database there.
absl::Status MoveDatabase(const std::string& folder, const std::string& dsn) {
  CIEVENTS_RETURN_IF_ERROR(MountMemory(DiskOf(folder), "256m"));
  const std::string location = DiskOf(folder) + "/tablespace";
  std::filesystem::create_directory(location);
  CIEVENTS_ASSIGN_OR_RETURN(const store::RunAs user, store::ChooseUser());
  if (user.change && chown(location.c_str(), user.uid, user.gid) != 0) {
    return absl::InternalError("cannot give the tablespace to Postgres");
  }
  const std::string elsewhere = dsn.substr(0, dsn.rfind('/')) + "/postgres";
  for (const std::string& sql :
       {fmt::format("CREATE TABLESPACE small LOCATION '{}'", location),
        fmt::format("ALTER DATABASE {} SET TABLESPACE small", kDatabase)}) {
    const std::string answer = store::Sql(elsewhere, sql);
    if (!answer.empty()) return absl::InternalError(answer);
  }
  return absl::OkStatus();
}

constexpr char kStored[] = "SELECT count(*) FROM cievents.events";

TEST(Row16, AFullDiskPutsOffAndTheRestGoesOnByItself) {
  if (const absl::Status can = CanMountMemory(); !can.ok()) GTEST_SKIP() << "needs root: " << can;
  Row row;
  row.number = 16;
  row.name = "disk full on data";
  row.prepare = MoveDatabase;
  row.clean_up = [](const std::string& folder) { Unmount(DiskOf(folder)); };
  row.inject = [](Scene& scene) {
    const std::string disk = DiskOf(scene.roles().folder());
    // While the disk is full Postgres makes no new connection.
    HeldSession counting(scene.roles().dsn(), "");
    scene.BeginFault();
    FillDisk(disk);
    // A little room is left in the tables' last pages.
    scene.Let(std::chrono::milliseconds(500));
    FillDisk(disk);
    const int64_t before = counting.Number(kStored);
    scene.Let(scene.By(std::chrono::seconds(3), std::chrono::seconds(20)));
    const int64_t after = counting.Number(kStored);
    scene.Note(fmt::format("events stored while the disk was full: {}", after - before));
    scene.Check(MakeRoom(disk));
    scene.EndFault();
    if (counting.Number(kStored) <= after) scene.Wrong("nothing is stored after the disk has room");
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
