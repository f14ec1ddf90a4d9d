#include "loadtest/service/bare_sqlite.h"

#include <fstream>
#include <utility>

#include "loadtest/harness/clocks.h"
#include "loadtest/service/server_process.h"

namespace cievents::loadtest {
namespace {

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) Die("SQLite", std::string(value.status().message()));
  return *std::move(value);
}
void OrDie(const absl::Status& status) {
  if (!status.ok()) Die("SQLite", std::string(status.message()));
}

}  // namespace

BareSqlite::BareSqlite(const std::string& file, size_t row_bytes) : row_(row_bytes, 'x') {
  std::ofstream(file).close();  // Open wants it to exist
  connection_ = OrDie(spool::Connection::Open(file, spool::Connection::Access::kReadWrite, ""));
  OrDie(connection_->QueryText("PRAGMA journal_mode = WAL"));
  OrDie(connection_->Execute("PRAGMA synchronous = FULL"));
  OrDie(connection_->Execute("CREATE TABLE records (id INTEGER PRIMARY KEY, body BLOB NOT NULL)"));
  insert_ = OrDie(connection_->Prepare("INSERT INTO records (body) VALUES (?)"));
}

void BareSqlite::Commit() {
  insert_.BindBlob(1, row_);
  OrDie(insert_.Run());
}

std::vector<double> BareSqlite::CommitFor(double seconds) {
  std::vector<double> us;
  const double end = WallSeconds() + seconds;
  while (WallSeconds() < end) {
    const double begin = WallSeconds();
    Commit();
    us.push_back((WallSeconds() - begin) * 1e6);
  }
  return us;
}

}  // namespace cievents::loadtest
