// Access conditions of one bucket, one thread: what finding the candidates of an event costs on top
// of getting its values, as items grow. Every pass checks its candidates. Refuses debug builds.
//
//   EqualityMiss/Equality  items i: subject == "pkg-i"; half of the events hit one item
//   Prefix                 items i: subject begins with "refs/heads/team-i/", of four lengths
//   Regex                  items i: subject =~ /refs\/tags\/vi\.[0-9]+-rc[0-9]+/
//   S5                     five conditions an item, one of them selective: ten candidates an event
//   Build                  all of Equality's items
//
// Values come from the envelope, so that no payload is walked; `values` is their share alone.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "matcher/access/access_index.h"
#include "matcher/base/check.h"
#include "matcher/condition/condition.h"
#include "matcher/event/event_fields.h"
#include "matcher/event/event_path.h"
#include "matcher/event/event_view.h"

namespace cievents::matcher {
namespace {

#ifndef NDEBUG
#error "benchmarks refuse debug builds: use `make loadtest`"
#endif

constexpr int64_t kEvents = 20'000;

struct BenchmarkEvent {
  std::vector<std::string> names;
  std::string source;
  std::string type;
  std::string subject;
  std::string username;

  EventView View() const {
    EventView view;
    view.names = names;
    view.project_id = 1;
    view.source = source;
    view.type = type;
    view.subject = subject;
    view.actor_username = username;
    return view;
  }
};

// One bucket, its events, and how many candidates one pass over them has.
struct Workload {
  EventPathTable paths;
  std::vector<AccessGroups> items;
  std::vector<BenchmarkEvent> events;
  size_t candidates = 0;

  AccessTerm Term(AccessTerm::Kind kind, std::string_view path, std::string literal) {
    return {kind, *paths.Intern(path), std::move(literal)};
  }
  std::unique_ptr<const AccessIndex> Build() const {
    std::vector<const AccessGroups*> pointers;
    for (const AccessGroups& groups : items) pointers.push_back(&groups);
    return AccessIndex::Build(pointers);
  }
};

// Items i with one term each; event j has the subject `make_value` of 7919 j mod 2n.
template <typename MakeTerm, typename MakeValue>
void Fill(int64_t n, Workload* workload, MakeTerm make_term, MakeValue make_value) {
  for (int64_t i = 0; i < n; ++i) workload->items.push_back({{make_term(i)}});
  for (int64_t j = 0; j < kEvents; ++j) {
    const int64_t i = 7919 * j % (2 * n);
    if (i < n) ++workload->candidates;
    workload->events.emplace_back().names = {"package/published"};
    workload->events.back().subject = make_value(i);
  }
}

void FillEquality(int64_t n, Workload* workload) {
  Fill(
      n, workload,
      [&](int64_t i) {
        return workload->Term(AccessTerm::Kind::kEquals, "event.subject",
                              "pkg-" + std::to_string(i));
      },
      [](int64_t i) { return "pkg-" + std::to_string(i); });
}

std::string Team(int64_t i) {
  static constexpr std::array<const char*, 4> kTeams = {"t-", "team-", "group-t-", "department-"};
  const std::string digits = std::to_string(1'000'000 + i);
  return "refs/heads/" + std::string(kTeams[static_cast<size_t>(i % 4)]) + digits + "/";
}

void FillPrefix(int64_t n, Workload* workload) {
  Fill(
      n, workload,
      [&](int64_t i) {
        return workload->Term(AccessTerm::Kind::kPrefix, "event.subject", Team(i));
      },
      [](int64_t i) { return Team(i) + "feature-x"; });
}

void FillRegex(int64_t n, Workload* workload) {
  Fill(
      n, workload,
      [&](int64_t i) {
        return workload->Term(AccessTerm::Kind::kRegex, "event.subject",
                              "refs/tags/v" + std::to_string(i) + "\\.[0-9]+-rc[0-9]+");
      },
      [](int64_t i) { return "refs/tags/v" + std::to_string(i) + ".3-rc1"; });
}

void FillAnchoredRegex(int64_t n, Workload* workload) {
  Fill(
      n, workload,
      [&](int64_t i) {
        return workload->Term(AccessTerm::Kind::kRegex, "event.subject",
                              "^refs/tags/v" + std::to_string(i) + "\\.[0-9]+-rc[0-9]+$");
      },
      [](int64_t i) { return "refs/tags/v" + std::to_string(i) + ".3-rc1"; });
}

// env, number (n / 10 of them), tags any of two, type any of two, and a region that all share.
void FillS5(int64_t n, Workload* workload) {
  const int64_t numbers = n / 10;
  const auto equals = [&](std::string_view path, std::string literal) {
    return workload->Term(AccessTerm::Kind::kEquals, path, std::move(literal));
  };
  for (int64_t i = 0; i < n; ++i) {
    workload->items.push_back(
        {{equals("event.source", "prod")},
         {equals("event.subject", std::to_string(i % numbers))},
         {equals("event.names", "tag1"), equals("event.names", "tag2")},
         {workload->Term(AccessTerm::Kind::kPrefix, "event.actor.username", "eu-")},
         {equals("event.type", "app"), equals("event.type", "database")}});
  }
  for (int64_t j = 0; j < kEvents; ++j) {
    workload->events.push_back(
        {{"tag1", "tag3"}, "prod", "app", std::to_string(j % numbers), "eu-west"});
  }
  workload->candidates = static_cast<size_t>(kEvents) * 10;
}

// What a pass costs without an index: the values that the index would ask for.
void GetValues(benchmark::State& state) {
  Workload workload;
  FillEquality(1000, &workload);
  const auto path = *workload.paths.Intern("event.subject");
  EventFields event;
  for (auto _ : state) {
    size_t bytes = 0;
    for (const BenchmarkEvent& next : workload.events) {
      const EventView view = next.View();
      event.Reset(view);
      bytes += event.Get(*path).text.size();
    }
    benchmark::DoNotOptimize(bytes);
  }
  state.SetItemsProcessed(state.iterations() * kEvents);
}
BENCHMARK(GetValues)->Unit(benchmark::kMillisecond);

template <void (*FillWorkload)(int64_t, Workload*)>
void Collect(benchmark::State& state) {
  Workload workload;
  FillWorkload(state.range(0), &workload);
  const auto index = workload.Build();
  EventFields event;
  AccessScratch scratch;
  std::vector<uint32_t> candidates;
  for (auto _ : state) {
    size_t total = 0;
    for (const BenchmarkEvent& next : workload.events) {
      const EventView view = next.View();
      event.Reset(view);
      candidates.clear();
      index->Collect(event, scratch, &candidates);
      total += candidates.size();
    }
    // Fewer than five items with regexes are candidates of every event: see access_builder.h.
    CIEVENTS_CHECK(total == workload.candidates || workload.items.size() < 5);
  }
  state.SetItemsProcessed(state.iterations() * kEvents);
  state.counters["bytes_per_item"] =
      static_cast<double>(index->bytes()) / static_cast<double>(index->items());
}

void Growth(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("items")->Unit(benchmark::kMillisecond);
  for (const int64_t items : {1, 8, 10, 100, 1000, 10'000, 100'000}) benchmark->Arg(items);
}
BENCHMARK_TEMPLATE(Collect, FillEquality)->Name("Equality")->Apply(Growth);
BENCHMARK_TEMPLATE(Collect, FillPrefix)->Name("Prefix")->Apply(Growth);
BENCHMARK_TEMPLATE(Collect, FillRegex)
    ->Name("Regex")
    ->Unit(benchmark::kMillisecond)
    ->ArgName("items")
    ->RangeMultiplier(10)
    ->Range(10, 10'000);
BENCHMARK_TEMPLATE(Collect, FillAnchoredRegex)
    ->Name("AnchoredRegex")
    ->Unit(benchmark::kMillisecond)
    ->ArgName("items")
    ->RangeMultiplier(10)
    ->Range(10, 10'000);
BENCHMARK_TEMPLATE(Collect, FillS5)
    ->Name("S5")
    ->Unit(benchmark::kMillisecond)
    ->ArgName("items")
    ->RangeMultiplier(10)
    ->Range(100, 100'000);

template <void (*FillWorkload)(int64_t, Workload*)>
void Build(benchmark::State& state) {
  Workload workload;
  FillWorkload(state.range(0), &workload);
  for (auto _ : state) benchmark::DoNotOptimize(workload.Build());
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_TEMPLATE(Build, FillEquality)
    ->Name("BuildEquality")
    ->Unit(benchmark::kMillisecond)
    ->ArgName("items")
    ->Arg(10)
    ->Arg(100'000);
BENCHMARK_TEMPLATE(Build, FillS5)
    ->Name("BuildS5")
    ->Unit(benchmark::kMillisecond)
    ->ArgName("items")
    ->Arg(100'000);
BENCHMARK_TEMPLATE(Build, FillRegex)
    ->Name("BuildRegex")
    ->Unit(benchmark::kMillisecond)
    ->ArgName("items")
    ->Arg(10)
    ->Arg(10'000);

}  // namespace
}  // namespace cievents::matcher

BENCHMARK_MAIN();
