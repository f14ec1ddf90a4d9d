// One index that grows to 5 million subscriptions of S1, project by project: what an event costs,
// how many bytes a subscription takes, and how long the longest insert takes on the way.
#include <fmt/format.h>

#include <algorithm>

#include "loadtest/engine/engine_run.h"
#include "loadtest/engine/sections.h"
#include "loadtest/harness/clocks.h"
#include "loadtest/harness/memory.h"
#include "loadtest/workloads/scoped_names.h"
#include "matcher/base/check.h"

namespace cievents::loadtest {
namespace {

constexpr int64_t kMilestones[] = {1'000,   2'000,   5'000,   10'000,    20'000,    50'000,
                                   100'000, 200'000, 500'000, 1'000'000, 2'000'000, 5'000'000};
constexpr int64_t kQuickMax = 50'000;

// The three series, filled milestone by milestone.
class Growth {
 public:
  Growth()
      : cost_{"engine.growth.subscriptions",
              "Cost of an event while subscriptions grow (S1)",
              "subscriptions",
              "ns of CPU an event",
              {{"batches of 32", 0, false, true, {}},
               {"one by one", 0, false, true, {}},
               {"flat hash", 0, true, true, {}}},
              {}},
        insert_{
            "engine.growth.insert",
            "Replacing one project while the index grows (S1)",
            "subscriptions",
            "microseconds of CPU a call of ReplaceProject",
            {{"p50", 0, false, true, {}},
             {"p99", 0, false, true, {}},
             {"longest", 0, false, false, {}},
             {"longest, by wall time", 0, false, false, {}},
             {"flat hash, p99", 0, true, true, {}}},
            {"Each point is over the calls since the point before. What the scheduler takes "
             "is in the wall time only.",
             "p99 from 500k on is the copy of one segment of a table (segmented_table.h): about "
             "one call in a hundred makes one, and a segment is a fixed part of its table. "
             "Measured with eight times as many segments: 6.6 instead of 17.9 us at 5M."}},
        memory_{"engine.growth.memory", "Memory while subscriptions grow (S1)", "subscriptions",
                "bytes a subscription", {{"index", 0, false, true, {}}},        {}} {}

  void GrowTo(int64_t subscriptions) {
    const int64_t projects = subscriptions / 2;
    const size_t before = HeapBytesInUse();
    InsertTo(projects);
    bytes_ += static_cast<double>(HeapBytesInUse()) - static_cast<double>(before);
    InsertIntoBaseline(projects);
    projects_ = projects;
    memory_.lines[0].points.push_back(
        {static_cast<double>(subscriptions), bytes_ / static_cast<double>(subscriptions)});
  }

  void MeasureCost(const Options& options) {
    const EventPool pool = MakeS1Events(projects_);
    const auto events = pool.views();
    EngineRun engine(index_);
    const auto check = [](const MatchTally& tally) {
      CheckTotal("growth.subscriptions", tally.count, 10'000);
    };
    const int64_t count = static_cast<int64_t>(events.size());
    const std::vector<Figure> figures =
        MeasureInterleaved({{"batches", count, [&] { check(engine.Batches(events)); }},
                            {"one by one", count, [&] { check(engine.OneByOne(events)); }},
                            {"flat hash", count, [&] { check(hash_.Run(events)); }}},
                           options.MakeSchedule(5, 0.06));
    for (size_t i = 0; i < figures.size(); ++i) {
      cost_.lines[i].points.push_back(
          {static_cast<double>(2 * projects_), 1e9 / figures[i].median});
    }
  }

  void AddTo(Report* report) {
    Row row;
    row.id = "engine.growth.insert.max_ms";
    row.value = {max_seconds_ * 1e3, max_seconds_ * 1e3, max_seconds_ * 1e3, 1};
    row.unit = fmt::format("ms of CPU, the longest of {} calls",
                           ShortNumber(static_cast<double>(projects_)));
    report->Add(row);
    report->AddGrowth(std::move(cost_));
    report->AddGrowth(std::move(insert_));
    report->AddGrowth(std::move(memory_));
  }

 private:
  void InsertTo(int64_t projects) {
    std::vector<double> cpu;
    double longest_wall = 0;
    cpu.reserve(static_cast<size_t>(projects - projects_));
    for (int64_t p = projects_; p < projects; ++p) {
      const matcher::ProjectSubscriptions set = MakeS1Project(p);
      const double wall_begin = WallSeconds();
      const double begin = ThreadCpuSeconds();
      const bool usable = index_.ReplaceProject(set).empty();
      cpu.push_back(ThreadCpuSeconds() - begin);
      longest_wall = std::max(longest_wall, WallSeconds() - wall_begin);
      CIEVENTS_CHECK(usable);
    }
    const double x = static_cast<double>(2 * projects);
    const double longest = Percentile(cpu, 1);
    insert_.lines[0].points.push_back({x, Percentile(cpu, 0.5) * 1e6});
    insert_.lines[1].points.push_back({x, Percentile(cpu, 0.99) * 1e6});
    insert_.lines[2].points.push_back({x, longest * 1e6});
    insert_.lines[3].points.push_back({x, longest_wall * 1e6});
    max_seconds_ = std::max(max_seconds_, longest);
  }

  void InsertIntoBaseline(int64_t projects) {
    std::vector<double> cpu;
    cpu.reserve(static_cast<size_t>(projects - projects_));
    for (int64_t p = projects_; p < projects; ++p) {
      const matcher::ProjectSubscriptions set = MakeS1Project(p);
      const double begin = ThreadCpuSeconds();
      hash_.Add(set);
      cpu.push_back(ThreadCpuSeconds() - begin);
    }
    insert_.lines[4].points.push_back(
        {static_cast<double>(2 * projects), Percentile(cpu, 0.99) * 1e6});
  }

  matcher::Index index_;
  FlatHash hash_;
  int64_t projects_ = 0;
  double bytes_ = 0;
  double max_seconds_ = 0;
  Series cost_;
  Series insert_;
  Series memory_;
};

}  // namespace

void MeasureGrowthOfSubscriptions(const Options& options, Report* report) {
  Growth growth;
  for (const int64_t subscriptions : kMilestones) {
    if (options.quick() && subscriptions > kQuickMax) break;
    growth.GrowTo(subscriptions);
    growth.MeasureCost(options);
    Progress(fmt::format("  {} subscriptions", subscriptions));
  }
  growth.AddTo(report);
}

}  // namespace cievents::loadtest
