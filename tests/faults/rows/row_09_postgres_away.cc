// Row 9: Postgres away for a while. Without a spool what matches is put off; with one everything is
// answered all the time.
#include <fmt/format.h>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"
#include "tests/faults/usage.h"

namespace cievents::faults {
namespace {

// In the short form for so many seconds.
Row PostgresAway(int seconds) {
  Row row;
  row.number = 9;
  row.name = "Postgres away";
  row.inject = [seconds](Scene& scene) {
    const Usage before = UsageOf(scene.roles().matcher().pid());
    scene.BeginFault();
    scene.Check(scene.roles().StopPostgresInOrder());
    scene.Let(std::chrono::seconds(scene.By(seconds, 60)));
    const Usage meanwhile = UsageOf(scene.roles().matcher().pid());
    scene.BeginHealing();
    scene.Check(scene.roles().StartPostgres());
    scene.EndFault();
    scene.Note(fmt::format("matcher's threads {} -> {}, descriptors {} -> {}", before.threads,
                           meanwhile.threads, before.descriptors, meanwhile.descriptors));
    if (meanwhile.threads > before.threads + 40 ||
        meanwhile.descriptors > before.descriptors + 40) {
      scene.Wrong("threads or descriptors pile up while Postgres is away");
    }
  };
  return row;
}

TEST(Row09, WhilePostgresIsAwayNothingIsLostAndNothingPilesUp) { RunRow(PostgresAway(10)); }

Row PostgresAwayWithSpool() {
  Row row = PostgresAway(4);
  row.name = "Postgres away, spool";
  row.with_spool = true;
  return row;
}

TEST(Row09, WithASpoolEverythingIsAnsweredMeanwhile) { RunRow(PostgresAwayWithSpool()); }

TEST(Row09, FindsTheSpooledEventThatIsRemovedUndecided) {
  ExpectFound(PostgresAwayWithSpool(), "removed_undecided", Violation::Kind::kLost);
}

Row KilledWithSpool() {
  Row row;
  row.number = 9;
  row.name = "Postgres away, matcher with spool killed";
  row.with_spool = true;
  row.inject = [](Scene& scene) {
    scene.BeginFault();
    scene.Check(scene.roles().StopPostgresInOrder());
    scene.Let(scene.By(std::chrono::seconds(3), std::chrono::seconds(20)));
    scene.Check(scene.roles().KillMatcher());
    scene.BeginHealing();
    scene.Check(scene.roles().StartPostgres());
    scene.Check(scene.roles().StartMatcher());
    scene.EndFault();
  };
  return row;
}

TEST(Row09, ASpoolOutlivesAMatcherThatIsKilled) { RunRow(KilledWithSpool()); }

TEST(Row09, FindsTheSpoolThatIsNotWritten) {
  ExpectFound(KilledWithSpool(), "unwritten_spool", Violation::Kind::kLost);
}

}  // namespace
}  // namespace cievents::faults
