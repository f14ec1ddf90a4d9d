// Two threads, each with a matcher of its own over one index, against one. What the threads share
// and write to would show here.
#include <fmt/format.h>

#include <array>
#include <barrier>
#include <thread>

#include "loadtest/engine/engine_run.h"
#include "loadtest/engine/sections.h"
#include "loadtest/harness/clocks.h"
#include "loadtest/workloads/conditions.h"
#include "loadtest/workloads/scoped_names.h"

namespace cievents::loadtest {
namespace {

constexpr int kRoundsFull = 25;
constexpr double kWindowSeconds = 0.1;
constexpr double kPossibleMax = 2.05;

// Of each round: thread 0 alone, thread 1 alone, both.
struct Rounds {
  std::vector<WindowRate> alone;
  std::vector<WindowRate> together;
};

class Duel {
 public:
  Duel(const matcher::Index& index, const EventPool& events, uint64_t matches_a_pass, int rounds)
      : index_(index), events_(events), matches_a_pass_(matches_a_pass), rounds_(rounds) {}

  std::array<Rounds, 2> Run() {
    std::array<Rounds, 2> results;
    std::thread first([&] { results[0] = RunThread(0); });
    std::thread second([&] { results[1] = RunThread(1); });
    first.join();
    second.join();
    return results;
  }

 private:
  Rounds RunThread(int who) {
    if (!PinThread(who)) Progress("  a thread is not bound to a core");
    EngineRun engine(index_);
    Rounds rounds;
    Window(&engine);
    for (int round = 0; round < rounds_; ++round) {
      for (int turn = 0; turn < 2; ++turn) {
        barrier_.arrive_and_wait();
        if (turn == who) rounds.alone.push_back(Window(&engine));
      }
      barrier_.arrive_and_wait();
      rounds.together.push_back(Window(&engine));
    }
    return rounds;
  }

  WindowRate Window(EngineRun* engine) const {
    return RunForAWindow(engine, events_, matches_a_pass_, kWindowSeconds);
  }

  const matcher::Index& index_;
  const EventPool& events_;
  uint64_t matches_a_pass_;
  int rounds_;
  std::barrier<> barrier_{2};
};

// The sum of both threads' rates over the mean of what each does alone, of each round.
void AddRows(const std::string& id, const std::array<Rounds, 2>& results,
             std::optional<double> target, Report* report) {
  std::vector<double> wall;
  std::vector<double> cpu;
  std::vector<double> sums;
  double waits = 0;
  for (size_t round = 0; round < results[0].alone.size(); ++round) {
    const WindowRate& alone0 = results[0].alone[round];
    const WindowRate& alone1 = results[1].alone[round];
    const WindowRate& both0 = results[0].together[round];
    const WindowRate& both1 = results[1].together[round];
    wall.push_back(2 * (both0.wall + both1.wall) / (alone0.wall + alone1.wall));
    cpu.push_back(2 * (both0.cpu + both1.cpu) / (alone0.cpu + alone1.cpu));
    sums.push_back(both0.cpu + both1.cpu);
    waits += static_cast<double>(both0.waits + both1.waits);
  }
  const auto add = [&](std::string_view what, const Figure& figure, std::string unit,
                       std::optional<double> limit, Goal goal) {
    Row row;
    row.id = fmt::format("{}.{}", id, what);
    row.value = figure;
    row.unit = std::move(unit);
    row.target = limit;
    row.goal = goal;
    Progress(fmt::format("  {}: {:.4g}", row.id, row.value.median));
    report->Add(row);
  };
  // More than two cores' worth cannot be: then what the windows saw was somebody else's work.
  const bool is_possible = Summarise(cpu).median <= kPossibleMax;
  if (!is_possible) {
    target = std::nullopt;
    report->AddNote(fmt::format(
        "`{}.ratio` is more than two cores can give, so the machine was too busy for it to be "
        "measured: it is not judged.",
        id));
  }
  add("ratio", Summarise(cpu), "x one core, by CPU time", target, Goal::kAtLeast);
  add("ratio_wall", Summarise(wall), "x one core, by wall time", {}, Goal::kAtLeast);
  add("sum", Summarise(sums), "events/s, both", {}, Goal::kAtLeast);
  add("waits", {waits, waits, waits, 1}, "sleeps of a thread while both match", 0, Goal::kAtMost);
}

void MeasureOn(const std::string& id, Workload workload, const Options& options,
               std::optional<double> target, Report* report) {
  matcher::Index index;
  Load(workload.sets, &index);
  workload.sets = {};
  Duel duel(index, workload.events, workload.matches_a_pass, options.quick() ? 3 : kRoundsFull);
  AddRows(id, duel.Run(), target, report);
}

}  // namespace

void MeasureTwoCores(const Options& options, Report* report) {
  if (std::thread::hardware_concurrency() < 2) {
    report->AddNote("Two cores against one: not measured, this machine has one.");
    return;
  }
  MeasureOn("engine.two_cores", MakeS1("two_cores", options.quick() ? 50'000 : 500'000), options,
            1.9, report);
  MeasureOn("engine.two_cores_payload", MakeS2("two_cores_payload", 10'000), options, 1.9, report);
}

}  // namespace cievents::loadtest
