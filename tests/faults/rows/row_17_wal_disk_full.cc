// Row 17: the disk below Postgres' write-ahead log is full: Postgres gives up (PANIC), and is
// started again when there is room.
#include <fmt/format.h>

#include <fstream>

#include "gtest/gtest.h"
#include "matcher/base/status.h"
#include "tests/faults/disk.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

std::string DiskOf(const std::string& folder) { return folder + "/small"; }

// How often Postgres has said that it could not write its log.
int64_t Panics(const std::string& folder) {
  std::ifstream log(folder + "/postgres.log");
  int64_t panics = 0;
  for (std::string line; std::getline(log, line);) {
    if (line.find("No space left on device") != std::string::npos &&
        line.find("PANIC") != std::string::npos) {
      ++panics;
    }
  }
  return panics;
}

void FillTheLog(Scene& scene) {
  const std::string folder = scene.roles().folder();
  const int64_t before = Panics(folder);
  HeldSession session(scene.roles().dsn(), "");
  FillDisk(DiskOf(folder));
  // A new file of the log is needed at once, not only when the one that is written is full.
  const bool full = scene.Until(std::chrono::seconds(20), [&] {
    session.Run("SELECT pg_switch_wal()");
    return Panics(folder) > before;
  });
  if (!full) scene.Wrong("Postgres can write its log although the disk is full");
}

Row WalDiskFull() {
  Row row;
  row.number = 17;
  row.name = "disk full on WAL";
  row.postgres_settings = {"max_wal_size=48MB", "min_wal_size=32MB"};
  row.prepare_data = [](const std::string& folder) -> absl::Status {
    CIEVENTS_RETURN_IF_ERROR(MountMemory(DiskOf(folder), "144m"));
    return MoveOntoDisk(folder + "/data/pg_wal", DiskOf(folder));
  };
  row.clean_up = [](const std::string& folder) { Unmount(DiskOf(folder)); };
  row.inject = [](Scene& scene) {
    Roles& roles = scene.roles();
    const int fillings = scene.By(1, 5);
    for (int i = 0; i < fillings; ++i) {
      scene.BeginFault();
      FillTheLog(scene);
      scene.Let(std::chrono::milliseconds(scene.random().Between(500, scene.By(2'000, 10'000))));
      scene.Check(MakeRoom(DiskOf(roles.folder())));
      scene.BeginHealing();
      // It may have come back by itself, or end once more when its recovery needs room.
      scene.Until(std::chrono::seconds(30), [&] {
        if (!roles.PostgresRuns()) scene.Check(roles.StartPostgres());
        return HeldSession(roles.dsn(), "").connected();
      });
      scene.EndFault();
      scene.Let(std::chrono::milliseconds(scene.random().Between(100, 700)));
    }
    scene.Note(fmt::format("Postgres gave up {} times", Panics(roles.folder())));
  };
  return row;
}

TEST(Row17, AFullDiskBelowTheLogLosesNothing) {
  if (const absl::Status can = CanMountMemory(); !can.ok()) GTEST_SKIP() << "needs root: " << can;
  RunRow(WalDiskFull());
}

TEST(Row17, FindsTheUnknownOutcomeThatIsTakenForAGoodOne) {
  if (const absl::Status can = CanMountMemory(); !can.ok()) GTEST_SKIP() << "needs root: " << can;
  ExpectFound(WalDiskFull(), "dropped_retry", Violation::Kind::kLost);
}

}  // namespace
}  // namespace cievents::faults
