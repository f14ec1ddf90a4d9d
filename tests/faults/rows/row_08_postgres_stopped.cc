// Row 8: Postgres stopped immediately (no checkpoint, WAL buffers lost) under load; and at a moment
// when transaction ids were given out that no WAL on disk tells of, so that they are given out
// again.
#include <fmt/format.h>
#include <signal.h>

#include <cstdlib>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;

constexpr int kAttempts = 5;

int64_t NextXid(Scene& scene) {
  return std::atoll(scene.Sql("SELECT pg_snapshot_xmax(pg_current_snapshot())").c_str());
}

// When the change feed last asked.
std::string LastPoll(Scene& scene) {
  return scene.Sql(
      "SELECT max(query_start) FROM pg_stat_activity WHERE "
      "application_name = 'cievents-feed'");
}

void StopAndStart(Scene& scene) {
  scene.Check(scene.roles().StopPostgresImmediately());
  scene.Let(milliseconds(scene.random().Between(0, 300)));
  scene.BeginHealing();
  scene.Check(scene.roles().StartPostgres());
}

// The feed sees ids that belong to nothing; then the stop takes them back. False: it did not,
// because something else had them written to the disk.
bool StopWithIdsTakenBack(Scene& scene) {
  scene.control().paused = true;
  scene.Let(milliseconds(300));  // what is on its way is committed, and so is on disk
  scene.BeginFault();
  const int wal_writer = std::atoi(
      scene.Sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'").c_str());
  if (wal_writer <= 0 || kill(wal_writer, SIGSTOP) != 0) scene.Wrong("no WAL writer to stop");
  const HeldSession burner(scene.roles().dsn(),
                           "DO $$ BEGIN FOR i IN 1..20000 LOOP"
                           " PERFORM pg_current_xact_id(); ROLLBACK; END LOOP; END $$");
  const int64_t before = NextXid(scene);
  for (int polls = 0; polls < 2; ++polls) {
    const std::string last = LastPoll(scene);
    scene.Until(std::chrono::seconds(5), [&] { return LastPoll(scene) != last; });
  }
  scene.Check(scene.roles().KillPostgres());  // who is stopped hears nothing else
  // What is pushed now has ids that the matcher took for over before; it cannot connect yet.
  scene.store_proxy().Lose(Loss::kBoth);
  scene.Check(scene.roles().StartPostgres());
  const int64_t again = before - NextXid(scene);
  scene.Note(fmt::format("{} transaction ids were given out again", again));
  scene.control().paused = false;
  scene.Let(milliseconds(1200));
  scene.store_proxy().Heal();
  scene.EndFault();
  return again >= 1'000;
}

Row PostgresStopped() {
  Row row;
  row.number = 8;
  row.name = "Postgres stopped immediately";
  // Nobody else may write WAL between the last commit and the stop.
  row.postgres_settings = {"wal_buffers=16MB", "autovacuum=off"};
  row.inject = [](Scene& scene) {
    const int stops = scene.By(2, 10);
    for (int i = 0; i < stops; ++i) {
      scene.BeginFault();
      StopAndStart(scene);
      scene.EndFault();
      scene.Let(milliseconds(scene.random().Between(100, 700)));
    }
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      if (StopWithIdsTakenBack(scene)) return;
    }
    scene.Wrong("no stop took transaction ids back");
  };
  return row;
}

TEST(Row08, APostgresThatIsStoppedImmediatelyLosesNothing) { RunRow(PostgresStopped()); }

// A position of the change feed means nothing after a crash.
TEST(Row08, FindsTheSnapshotThatIsCarriedOverAReconnect) {
  ExpectFound(PostgresStopped(), "carried_snapshot", Violation::Kind::kLate);
}

}  // namespace
}  // namespace cievents::faults
