// Row 16: the disk below Postgres' data is full: a tablespace in a small file system of memory.
#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "matcher/base/status.h"
#include "services/lib/store/postgres_programs.h"
#include "services/lib/store/testing/test_database.h"
#include "tests/faults/cluster_copy.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

constexpr char kMount[] = "/full";
constexpr char kFiller[] = "/full/filler";

absl::Status Mount(const std::string& folder) {
  const std::string path = folder + kMount;
  std::filesystem::create_directory(path);
  if (mount("tmpfs", path.c_str(), "tmpfs", 0, "size=256m") != 0) {
    return Error(absl::StatusCode::kPermissionDenied, "cannot mount {}: {}", path,
                 std::strerror(errno));
  }
  return absl::OkStatus();
}

void Unmount(const std::string& folder) { umount2((folder + kMount).c_str(), MNT_DETACH); }

// Moves the whole database there.
absl::Status MoveDatabase(const std::string& folder, const std::string& dsn) {
  CIEVENTS_RETURN_IF_ERROR(Mount(folder));
  const std::string location = folder + kMount + "/tablespace";
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

void Fill(const std::string& folder) {
  std::ofstream filler(folder + kFiller, std::ios::binary | std::ios::app);
  const std::string block(64 * 1024, 'x');
  while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
}

constexpr char kStored[] = "SELECT count(*) FROM cievents.events";

TEST(Row16, AFullDiskPutsOffAndTheRestGoesOnByItself) {
  const std::string trial = MakeFolder();
  const absl::Status may_mount = Mount(trial);
  Unmount(trial);
  std::filesystem::remove_all(trial);
  if (!may_mount.ok()) GTEST_SKIP() << "needs root: " << may_mount.message();
  std::string folder;
  Row row;
  row.number = 16;
  row.name = "disk full on data";
  row.prepare = [&folder](const std::string& run_folder, const std::string& dsn) {
    folder = run_folder;
    return MoveDatabase(run_folder, dsn);
  };
  row.clean_up = Unmount;
  row.inject = [&folder](Scene& scene) {
    // While the disk is full Postgres makes no new connection.
    HeldSession counting(scene.roles().dsn(), "");
    scene.BeginFault();
    Fill(folder);
    // A little room is left in the tables' last pages.
    scene.Let(std::chrono::milliseconds(500));
    Fill(folder);
    const int64_t before = counting.Number(kStored);
    scene.Let(scene.By(std::chrono::seconds(3), std::chrono::seconds(20)));
    const int64_t after = counting.Number(kStored);
    scene.Note(fmt::format("events stored while the disk was full: {}", after - before));
    std::filesystem::remove(folder + kFiller);
    scene.EndFault();
    if (counting.Number(kStored) <= after) scene.Wrong("nothing is stored after the disk has room");
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
