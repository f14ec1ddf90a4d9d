// Row 50: an event redelivered 1,000 times, and always among others in another order, by four
// emitters at once.
#include <fmt/format.h>

#include <algorithm>
#include <barrier>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/faults/emitter.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

constexpr int kEmitters = 4;
constexpr int kRounds = 250;      // of which each emitter takes part in each
constexpr int kFreshEvents = 12;  // in each round, beside the one that is in all

int64_t Deadlocks(Scene& scene) {
  return std::atoll(scene
                        .Sql("SELECT deadlocks FROM pg_stat_database WHERE "
                             "datname = current_database()")
                        .c_str());
}

// Rounds of events; all emitters of a round bring the same ones, each in an order of its own.
void Redeliver(Scene& scene) {
  const std::vector<Project> projects = OfKind(MakeProjects(), ProjectKind::kStable);
  std::vector<std::unique_ptr<Emitter>> emitters;
  for (int i = 0; i < kEmitters; ++i) {
    Emitter::Options options;
    options.endpoint = scene.roles().matcher_endpoint();
    options.name = fmt::format("again{}", i);
    options.projects = projects;
    emitters.push_back(std::make_unique<Emitter>(std::move(options), &scene.ledger()));
  }
  const Emitter::Item always = emitters[0]->MakeItem(RandomEvent(projects, scene.random()));
  std::vector<std::vector<Emitter::Item>> rounds(kRounds, {always});
  for (std::vector<Emitter::Item>& round : rounds) {
    for (int i = 0; i < kFreshEvents; ++i) {
      round.push_back(emitters[0]->MakeItem(RandomEvent(projects, scene.random())));
    }
  }
  std::barrier together(kEmitters);
  std::vector<std::thread> threads;
  for (int i = 0; i < kEmitters; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(static_cast<unsigned>(i));
      for (std::vector<Emitter::Item> round : rounds) {
        std::shuffle(round.begin(), round.end(), random);
        together.arrive_and_wait();
        emitters[static_cast<size_t>(i)]->EmitOnce(round);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

Row Redelivery() {
  Row row;
  row.number = 50;
  row.name = "redelivered 1,000 times";
  row.postgres_settings = {"deadlock_timeout=20ms"};
  row.inject = [](Scene& scene) {
    const int64_t before = Deadlocks(scene);
    scene.control().paused = true;  // the redelivery is load enough
    scene.BeginFault();
    for (int i = 0; i < scene.By(1, 5); ++i) Redeliver(scene);
    scene.control().paused = false;
    scene.EndFault();
    const int64_t deadlocks = Deadlocks(scene) - before;
    scene.Note(fmt::format("{} deadlocks", deadlocks));
    if (deadlocks > 0) scene.Wrong(fmt::format("writers deadlock {} times", deadlocks));
  };
  return row;
}

TEST(Row50, ARedeliveredEventCountsOnceAndWritersDoNotDeadlock) { RunRow(Redelivery()); }

// Rows that are taken in the order in which they came: two writers must insert in the same fraction
// of a millisecond, so it may take some seeds.
TEST(Row50, FindsTheBatchesThatAreNotSorted) {
  ExpectFound(Redelivery(), "unsorted", Violation::Kind::kWrong);
}

}  // namespace
}  // namespace cievents::faults
