#include "tests/faults/cluster_copy.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>

#include "absl/time/clock.h"
#include "matcher/base/status.h"
#include "services/lib/store/local_postgres.h"
#include "services/lib/store/migrator.h"
#include "services/lib/store/partitions.h"
#include "tests/faults/child_process.h"

namespace cievents::faults {
namespace {

constexpr std::chrono::seconds kCopyMax{60};

// Removed with all that is in it at the end of the process.
struct Template {
  const std::string folder = MakeFolder();
  const absl::Status made = Make();
  ~Template() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::string data_dir() const { return folder + "/data"; }

 private:
  absl::Status Make() const {
    store::LocalPostgresOptions options;
    options.data_dir = data_dir();
    options.fsync = store::Fsync::kOff;  // only the copies are killed
    CIEVENTS_ASSIGN_OR_RETURN(const auto postgres, store::LocalPostgres::Start(std::move(options)));
    CIEVENTS_RETURN_IF_ERROR(postgres->EnsureDatabase(kDatabase));
    const std::string dsn = postgres->Dsn(kDatabase);
    CIEVENTS_RETURN_IF_ERROR(store::MigrateUp(dsn));
    CIEVENTS_RETURN_IF_ERROR(store::EnsurePartitions(dsn, absl::Now()));
    return postgres->Stop();
  }
};

}  // namespace

std::string MakeFolder() {
  char folder[] = "/tmp/cie-fault-XXXXXX";
  if (mkdtemp(folder) == nullptr) return "";
  chmod(folder, 0755);  // Postgres' user must reach its data below
  return folder;
}

absl::Status CopyCluster(const std::string& data_dir) {
  static const Template original;
  CIEVENTS_RETURN_IF_ERROR(original.made);
  // Keeps owner and rights.
  ChildProcess copy({{"/bin/cp", "-a", original.data_dir(), data_dir}, data_dir + ".log", "", ""});
  CIEVENTS_RETURN_IF_ERROR(copy.Start());
  return copy.AwaitExit(kCopyMax);
}

}  // namespace cievents::faults
