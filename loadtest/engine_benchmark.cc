// The index alone, one thread: workload S1 (exact name and project) at two sizes, with its match
// total checked in every run. Refuses debug builds: their numbers would be worthless.
//
// S1-P: 2P subscriptions; number i belongs to project i/2 and names name(7i mod 40). 20,000 events,
// number j at project p = 99991j mod P, with name(14p mod 40) for even j and name((14p+3) mod 40)
// for odd j; together they match 10,000 times.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "matcher/base/check.h"
#include "matcher/index.h"

namespace cievents::matcher {
namespace {

#ifndef NDEBUG
#error "benchmarks refuse debug builds: use `make loadtest`"
#endif

constexpr int64_t kEvents = 20'000;
constexpr int64_t kMatchesPerPass = 10'000;

std::string NameOf(int64_t k) {
  static constexpr std::array<const char*, 8> kSubjects = {
      "package", "issue", "merge_request", "audit", "pipeline", "release", "member", "deployment"};
  static constexpr std::array<const char*, 5> kVerbs = {"created", "published", "removed",
                                                        "updated", "closed"};
  return std::string(kSubjects[static_cast<size_t>(k % 8)]) + "/" +
         kVerbs[static_cast<size_t>(k / 8)];
}

ProjectSubscriptions MakeProject(int64_t project) {
  ProjectSubscriptions set;
  set.project_id = project + 1;
  set.namespace_ids = {1};
  for (int64_t i = 2 * project; i < 2 * project + 2; ++i) {
    Subscription subscription;
    subscription.subscription_id = i + 1;
    subscription.path = ".gitlab-ci.yml";
    Entry entry;
    entry.patterns.push_back(*Pattern::Parse(NameOf(7 * i % 40)));
    subscription.entries.push_back(std::move(entry));
    set.subscriptions.push_back(std::move(subscription));
  }
  return set;
}

void Load(int64_t projects, Index* index) {
  std::vector<ProjectSubscriptions> sets;
  sets.reserve(static_cast<size_t>(projects));
  for (int64_t project = 0; project < projects; ++project) sets.push_back(MakeProject(project));
  index->ReplaceAll(std::move(sets));
}

void S1(benchmark::State& state) {
  const int64_t projects = state.range(0);
  Index index;
  Load(projects, &index);
  struct BenchmarkEvent {
    std::vector<std::string> names;
    int64_t project_id;
  };
  std::vector<BenchmarkEvent> events;
  for (int64_t j = 0; j < kEvents; ++j) {
    const int64_t p = 99991 * j % projects;
    events.push_back({{NameOf((j % 2 == 0 ? 14 * p : 14 * p + 3) % 40)}, p + 1});
  }
  const std::vector<int64_t> namespaces = {1};
  std::vector<Match> matches;
  for (auto _ : state) {
    size_t total = 0;
    for (const BenchmarkEvent& event : events) {
      matches.clear();
      index.MatchEvent({event.names, event.project_id, namespaces, false, 0, false}, &matches);
      total += matches.size();
    }
    CIEVENTS_CHECK(total == kMatchesPerPass);
  }
  state.SetItemsProcessed(state.iterations() * kEvents);
}
BENCHMARK(S1)->Arg(50'000)->Arg(500'000)->ArgName("projects")->Unit(benchmark::kMillisecond);

void LoadAll(benchmark::State& state) {
  for (auto _ : state) {
    Index index;
    Load(state.range(0), &index);
    CIEVENTS_CHECK(index.stats().subscriptions == static_cast<size_t>(2 * state.range(0)));
  }
  state.SetItemsProcessed(state.iterations() * 2 * state.range(0));
}
BENCHMARK(LoadAll)->Arg(50'000)->ArgName("projects")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cievents::matcher

BENCHMARK_MAIN();
