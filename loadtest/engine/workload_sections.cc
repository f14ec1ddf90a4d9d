// The workloads S1 to S5: events a second each way in, bytes a subscription, seconds of a load.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "loadtest/engine/allocation_count.h"
#include "loadtest/engine/engine_run.h"
#include "loadtest/engine/sections.h"
#include "loadtest/harness/clocks.h"
#include "loadtest/harness/memory.h"
#include "loadtest/workloads/conditions.h"
#include "loadtest/workloads/scoped_names.h"
#include "loadtest/workloads/three_levels.h"

namespace cievents::loadtest {
namespace {

constexpr int kLoads = 5;
constexpr int kRounds = 7;
constexpr double kWindowSeconds = 0.12;

// A workload, what it is compared with, and what it should reach (docs of the project: the table of
// the engine's figures).
struct Plan {
  std::string id;
  std::function<Workload()> make;
  std::function<std::unique_ptr<Baseline>(const Workload&)> make_baseline;
  std::optional<double> native_target = std::nullopt;
  std::optional<double> json_target = std::nullopt;
  // What others do on this workload; measured elsewhere, on a machine of the class 2.6 GHz Xeon.
  std::string others = "";
  std::string others_memory = "";
  std::string others_load = "";
  std::optional<double> bytes_target = std::nullopt;
  std::optional<double> load_target = std::nullopt;
  enum class Documents { kYes, kNo } documents = Documents::kYes;
};

std::unique_ptr<Baseline> MakeFlatHash(const Workload& workload) {
  return std::make_unique<FlatHash>(workload.sets);
}

std::unique_ptr<Baseline> MakeThreeLevelHash(const Workload& workload) {
  return std::make_unique<ThreeLevelHash>(workload.sets);
}

std::function<std::unique_ptr<Baseline>(const Workload&)> Lookup(std::string path) {
  return [path = std::move(path)](const Workload&) { return MakePayloadLookup(path); };
}

std::unique_ptr<Baseline> MakeTagRegexes(const Workload& workload) {
  std::vector<std::string> patterns;
  for (size_t i = 0; i < workload.subscriptions(); ++i) {
    patterns.push_back(fmt::format("refs/tags/v{}\\.[0-9]+-rc[0-9]+", i));
  }
  return MakeRegexSet(patterns, RegexAnchor::kBoth, workload.events);
}

std::unique_ptr<Baseline> MakeInfixRegexes(const Workload& workload) {
  std::vector<std::string> patterns;
  for (size_t i = 0; i < workload.subscriptions(); ++i) {
    patterns.push_back(fmt::format("-app{}-", i));
  }
  return MakeRegexSet(patterns, RegexAnchor::kNone, workload.events);
}

Row MakeRow(const Plan& plan, std::string_view what, const Figure& figure, std::string unit) {
  Row row;
  row.id = fmt::format("engine.{}.{}", plan.id, what);
  row.value = figure;
  row.unit = std::move(unit);
  return row;
}

Figure OneRun(double value) { return {value, value, value, 1}; }

// Seconds of ReplaceAll into an empty index, the subscriptions being there already; the baseline,
// in turns, is the flat hash of the same sets (only where it is a baseline).
void MeasureLoad(const Plan& plan, const Workload& workload, const Options& options,
                 Report* report) {
  std::vector<double> seconds;
  std::vector<double> baseline_seconds;
  const bool has_flat_hash = plan.id.rfind("S1", 0) == 0;
  for (int run = 0; run < (options.quick() ? 1 : kLoads); ++run) {
    matcher::Index index;
    double begin = ThreadCpuSeconds();
    Load(workload.sets, &index);
    seconds.push_back(ThreadCpuSeconds() - begin);
    if (!has_flat_hash) continue;
    begin = ThreadCpuSeconds();
    const FlatHash hash(workload.sets);
    baseline_seconds.push_back(ThreadCpuSeconds() - begin);
  }
  Row row = MakeRow(plan, "load_seconds", Summarise(seconds), "s of CPU");
  if (has_flat_hash) row.baseline = Summarise(baseline_seconds).median;
  row.baseline_name = "flat hash";
  row.target = plan.load_target;
  row.goal = Goal::kAtMost;
  row.elsewhere = plan.others_load;
  report->Add(row);
}

struct Loaded {
  std::unique_ptr<matcher::Index> index;
  std::unique_ptr<Baseline> baseline;
};

// Bytes that the heap grows by when an index takes the sets. The generator's own values are there
// before and after, so they do not count.
Loaded LoadAndMeasureMemory(const Plan& plan, const Workload& workload, Report* report) {
  const double subscriptions = static_cast<double>(workload.subscriptions());
  Loaded loaded;
  const size_t before = HeapBytesInUse();
  loaded.index = std::make_unique<matcher::Index>();
  Load(workload.sets, loaded.index.get());
  const size_t between = HeapBytesInUse();
  loaded.baseline = plan.make_baseline(workload);
  const size_t after = HeapBytesInUse();
  const double bytes = static_cast<double>(between - before) / subscriptions;
  Row row = MakeRow(plan, "bytes_per_subscription", OneRun(bytes), "B");
  if (loaded.baseline->answers()) {
    row.baseline = static_cast<double>(after - between) / subscriptions;
    row.baseline_name = loaded.baseline->name();
  }
  row.target = plan.bytes_target;
  row.goal = Goal::kAtMost;
  row.elsewhere = plan.others_memory;
  report->Add(row);
  CheckTotal(plan.id + ", subscriptions in the index", loaded.index->stats().subscriptions,
             workload.subscriptions());
  return loaded;
}

MatchTally RunBaselineOnDocuments(std::span<const std::string_view> documents,
                                  JsonEnvelope* envelope, Baseline* baseline) {
  MatchTally tally;
  for (size_t at = 0; at < documents.size(); at += kBatchEvents) {
    const size_t count = std::min(kBatchEvents, documents.size() - at);
    const MatchTally part = baseline->Run(envelope->Decode(documents.subspan(at, count)));
    tally.count += part.count;
    tally.id_sum += part.id_sum;
  }
  return tally;
}

// The ways in, each checked in every pass against the workload's total and the first pass's ids.
class Race {
 public:
  Race(const Workload& workload, const Loaded& loaded)
      : workload_(workload), baseline_(loaded.baseline.get()), engine_(*loaded.index) {
    expected_ = engine_.Batches(workload_.events.views());
    Check("native", expected_);
    if (baseline_->answers()) Check("baseline", baseline_->Run(workload_.events.views()));
  }

  std::vector<Contestant> Contestants(Plan::Documents documents) {
    const auto views = workload_.events.views();
    const auto texts = workload_.events.documents();
    std::vector<Contestant> all;
    Add(
        "native", [this, views] { return engine_.Batches(views); }, &all);
    Add(
        "native_single", [this, views] { return engine_.OneByOne(views); }, &all);
    AddBaseline(
        "baseline", [this, views] { return baseline_->Run(views); }, &all);
    if (documents == Plan::Documents::kNo) return all;
    Add(
        "json", [this, texts] { return engine_.Documents(texts); }, &all);
    AddBaseline(
        "json baseline",
        [this, texts] { return RunBaselineOnDocuments(texts, &envelope_, baseline_); }, &all);
    return all;
  }

  double AllocationsPerEvent() {
    const uint64_t before = ThreadAllocations();
    const MatchTally tally = engine_.Batches(workload_.events.views());
    const uint64_t allocations = ThreadAllocations() - before;
    Check("native", tally);
    return static_cast<double>(allocations) / static_cast<double>(workload_.events.size());
  }

 private:
  void Check(const std::string& way, const MatchTally& tally) const {
    CheckTotal(workload_.id + " " + way, tally.count, workload_.matches_a_pass);
    CheckTotal(workload_.id + " " + way + ", sum of ids", tally.id_sum, expected_.id_sum);
  }

  void Add(std::string way, std::function<MatchTally()> run, std::vector<Contestant>* all) const {
    all->push_back({way, static_cast<int64_t>(workload_.events.size()),
                    [this, way, run = std::move(run)] { Check(way, run()); }});
  }

  void AddBaseline(std::string way, std::function<MatchTally()> run,
                   std::vector<Contestant>* all) const {
    if (baseline_->answers()) {
      Add(std::move(way), std::move(run), all);
      return;
    }
    const uint64_t events = workload_.events.size();
    all->push_back({way, static_cast<int64_t>(events),
                    [way, events, run = std::move(run)] { CheckTotal(way, run().count, events); }});
  }

  const Workload& workload_;
  Baseline* baseline_;
  EngineRun engine_;
  JsonEnvelope envelope_;
  MatchTally expected_;
};

void MeasureRates(const Plan& plan, const Workload& workload, const Loaded& loaded,
                  const Options& options, Report* report) {
  Race race(workload, loaded);
  const std::vector<Contestant> contestants = race.Contestants(plan.documents);
  const std::vector<Figure> figures =
      MeasureInterleaved(contestants, options.MakeSchedule(kRounds, kWindowSeconds));
  const auto figure_of = [&](std::string_view name) {
    for (size_t i = 0; i < contestants.size(); ++i) {
      if (contestants[i].name == name) return figures[i];
    }
    return Figure{};
  };
  const auto add = [&](std::string_view way, std::string_view baseline, std::string_view prefix,
                       std::optional<double> target) {
    Row row = MakeRow(plan, way, figure_of(way), "events/s");
    row.baseline = figure_of(baseline).median;
    row.baseline_name = std::string(prefix) + loaded.baseline->name();
    row.target = target;
    row.elsewhere = plan.others;
    report->Add(row);
    Progress(fmt::format("  {}: {} (baseline {})", row.id, ShortNumber(row.value.median),
                         ShortNumber(*row.baseline)));
  };
  add("native", "baseline", "", plan.native_target);
  add("native_single", "baseline", "", std::nullopt);
  if (plan.documents == Plan::Documents::kYes) {
    add("json", "json baseline", "simdjson DOM, then ", plan.json_target);
  }
  report->Add(MakeRow(plan, "allocations_per_event", OneRun(race.AllocationsPerEvent()), ""));
}

void MeasureWorkload(const Plan& plan, const Options& options, Report* report) {
  Workload workload = plan.make();
  Progress(fmt::format("  {} subscriptions generated", workload.subscriptions()));
  MeasureLoad(plan, workload, options, report);
  const Loaded loaded = LoadAndMeasureMemory(plan, workload, report);
  workload.sets = {};
  MeasureRates(plan, workload, loaded, options, report);
}

std::vector<Plan> ScopePlans() {
  return {
      {.id = "S1-100k",
       .make = [] { return MakeS1("S1-100k", 50'000); },
       .make_baseline = MakeFlatHash,
       .others = "hypermatch 651k",
       .others_memory = "hypermatch 237 B"},
      {.id = "S1-1M",
       .make = [] { return MakeS1("S1-1M", 500'000); },
       .make_baseline = MakeFlatHash,
       .native_target = 5.0e6,
       .json_target = 1.6e6,
       .others = "hypermatch 440k, NATS 619k without JSON",
       .others_memory = "hypermatch 234 B, NATS 1,085 B",
       .others_load = "NATS 2.2 s, hypermatch 2.7 s",
       .bytes_target = 64,
       .load_target = 0.5},
      {.id = "S1b-100k",
       .make = [] { return MakeS1b("S1b-100k", kS1b100k); },
       .make_baseline = MakeFlatHash,
       .others = "hypermatch 468k"},
      {.id = "S1b-1M",
       .make = [] { return MakeS1b("S1b-1M", kS1b1M); },
       .make_baseline = MakeFlatHash,
       .native_target = 1.5e6,
       .json_target = 0.95e6,
       .others = "hypermatch 413k",
       .others_memory = "hypermatch 184 B"},
      {.id = "S3-1k",
       .make = [] { return MakeS3(S3Size::k1k); },
       .make_baseline = MakeThreeLevelHash,
       .others = "hypermatch 676k"},
      {.id = "S3-10k",
       .make = [] { return MakeS3(S3Size::k10k); },
       .make_baseline = MakeThreeLevelHash},
      {.id = "S3-100k",
       .make = [] { return MakeS3(S3Size::k100k); },
       .make_baseline = MakeThreeLevelHash,
       .native_target = 2.0e6,
       .json_target = 1.0e6,
       .others = "hypermatch 335k, NATS 402k without JSON",
       .others_memory = "hypermatch 228 B"},
  };
}

std::vector<Plan> ConditionPlans() {
  return {
      {.id = "S2-10k",
       .make = [] { return MakeS2("S2-10k", 10'000); },
       .make_baseline = Lookup("package.name"),
       .native_target = 6.0e6,
       .json_target = 2.5e6,
       .others = "hypermatch 536k, be-tree patched 749k without JSON",
       .others_memory = "hypermatch 1,162 B"},
      {.id = "S4p-10k",
       .make = [] { return MakeS4Prefix("S4p-10k", 10'000); },
       .make_baseline = Lookup("ref"),
       .native_target = 3.5e6,
       .json_target = 1.9e6,
       .others = "hypermatch 502k"},
      {.id = "S4l-1k",
       .make = [] { return MakeS4Infix("S4l-1k", 1000); },
       .make_baseline = MakeInfixRegexes,
       .native_target = 1.5e6,
       .json_target = 1.0e6,
       .others = "hypermatch 610k",
       .others_memory = "hypermatch 1,355 B"},
      {.id = "S4r-1k",
       .make = [] { return MakeS4Regex("S4r-1k", 1000); },
       .make_baseline = MakeTagRegexes,
       .others = "quamina 587k; hypermatch has no regexes"},
      {.id = "S4r-10k",
       .make = [] { return MakeS4Regex("S4r-10k", 10'000); },
       .make_baseline = MakeTagRegexes,
       .native_target = 1.5e6,
       .json_target = 1.0e6,
       .others = "none measured; hypermatch has no regexes"},
      {.id = "S5-100k",
       .make = [] { return MakeS5("S5-100k", 100'000); },
       .make_baseline = Lookup("number"),
       .native_target = 4.8e6,
       .others = "hypermatch 1.04M",
       .others_memory = "hypermatch 348 B",
       .documents = Plan::Documents::kNo},
  };
}

}  // namespace

std::vector<Section> WorkloadSections() {
  std::vector<Section> sections;
  for (std::vector<Plan> plans : {ScopePlans(), ConditionPlans()}) {
    for (Plan& plan : plans) {
      std::string name = plan.id;
      sections.push_back(
          {std::move(name), [plan = std::move(plan)](const Options& options, Report* report) {
             MeasureWorkload(plan, options, report);
           }});
    }
  }
  return sections;
}

}  // namespace cievents::loadtest
