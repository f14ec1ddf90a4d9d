// Row 23: a session that takes the writers' rows in the opposite order (deadlocks), statements that
// fail with 40001, and pushes that are held back in the middle and overtaken.
#include <fmt/format.h>

#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

constexpr char kSometimesFails[] = R"sql(
CREATE FUNCTION public.sometimes_fails() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF random() < 0.3 THEN
    RAISE EXCEPTION 'injected' USING ERRCODE = '40001';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER sometimes_fails AFTER INSERT ON cievents.ready_requests
  FOR EACH STATEMENT EXECUTE FUNCTION public.sometimes_fails();
)sql";

// Takes the tables that a writer takes, the last first, and waits so that a writer comes between.
constexpr char kOppositeOrder[] =
    "BEGIN; LOCK TABLE cievents.ready_requests IN EXCLUSIVE MODE; SELECT pg_sleep(0.02);"
    " LOCK TABLE cievents.events IN EXCLUSIVE MODE; COMMIT";

int64_t Deadlocks(Scene& scene) {
  return std::atoll(
      scene.Sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
          .c_str());
}

void Conflict(Scene& scene) {
  const int64_t before = Deadlocks(scene);
  scene.BeginFault();
  scene.Sql(kSometimesFails);
  // It waits longer than the writers do, so that they are the ones that fail.
  HeldSession opposite(scene.roles().dsn(), "SET deadlock_timeout = '1s'");
  int ours = 0;
  const auto end = Clock::now() + scene.By(std::chrono::seconds(3), std::chrono::seconds(20));
  while (Clock::now() < end) {
    if (opposite.Run(kOppositeOrder) == "40P01") ++ours;
    opposite.Run("ROLLBACK");
    scene.Let(std::chrono::milliseconds(30));
  }
  scene.Sql("DROP TRIGGER sometimes_fails ON cievents.ready_requests");
  scene.EndFault();
  // Who fails tells the statistics a moment later.
  if (!scene.Until(std::chrono::seconds(5), [&] { return Deadlocks(scene) - before > ours; })) {
    scene.Wrong("no writer was in a deadlock");
  }
  scene.Note(
      fmt::format("{} deadlocks, {} of them ended our session", Deadlocks(scene) - before, ours));
}

Row Conflicts() {
  Row row;
  row.number = 23;
  row.name = "conflicts, slow pushes";
  row.postgres_settings = {"deadlock_timeout=50ms"};
  row.inject = [](Scene& scene) {
    Conflict(scene);
    const int pushes = scene.By(3, 20);
    for (int i = 0; i < pushes && scene.OvertakeAPush(); ++i) {
    }
  };
  return row;
}

TEST(Row23, ConflictsAreTriedAgainAndAnOvertakenPushIsSeen) { RunRow(Conflicts()); }

// A feed that remembers how far it has come in transaction ids misses who commits late.
TEST(Row23, FindsTheFeedThatGoesByTheMaximalId) {
  ExpectFound(Conflicts(), "maximal_xid", Violation::Kind::kLate);
}

}  // namespace
}  // namespace cievents::faults
