#include "loadtest/service/turns.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "loadtest/harness/tool.h"
#include "matcher/base/check.h"

namespace cievents::loadtest {
namespace {

constexpr int kQuickRounds = 3;

}  // namespace

std::vector<std::vector<double>> TakeTurns(const std::vector<Turn>& contestants, int rounds,
                                           const Options& options) {
  const size_t count = contestants.size();
  for (const Turn& turn : contestants) turn();
  std::vector<std::vector<double>> costs(count);
  const int wanted = options.quick() ? std::min(rounds, kQuickRounds) : rounds;
  for (size_t round = 0; round < static_cast<size_t>(wanted); ++round) {
    for (size_t turn = 0; turn < count; ++turn) {
      const size_t who = (round + turn) % count;
      costs[who].push_back(contestants[who]());
    }
  }
  return costs;
}

std::vector<double> Counted(std::vector<double> collected) {
  CIEVENTS_CHECK(!collected.empty());
  collected.erase(collected.begin());
  return collected;
}

Figure RatioByRound(const std::vector<double>& values, const std::vector<double>& baseline) {
  CIEVENTS_CHECK(values.size() == baseline.size());
  std::vector<double> ratios;
  for (size_t i = 0; i < values.size(); ++i) ratios.push_back(values[i] / baseline[i]);
  return Summarise(std::move(ratios));
}

void AddFigure(const std::string& id, const std::string& unit, const std::vector<double>& values,
               const std::vector<double>& baseline, const std::string& baseline_name,
               Report* report) {
  Row row;
  row.id = id;
  row.value = Summarise(values);
  row.unit = unit;
  if (!baseline.empty()) row.baseline = Summarise(baseline).median;
  row.baseline_name = baseline_name;
  Progress(fmt::format(
      "  {}: {:.4g} {}{}", id, row.value.median, unit,
      row.baseline ? fmt::format(", {}: {:.4g}", baseline_name, *row.baseline) : std::string()));
  report->Add(std::move(row));
}

void AddRatio(const std::string& id, const std::vector<double>& values,
              const std::vector<double>& baseline, const std::string& baseline_name,
              RatioTarget target, Report* report) {
  Row row;
  row.id = id;
  row.value = RatioByRound(values, baseline);
  row.unit = "times the baseline";
  row.baseline = 1;
  row.baseline_name = baseline_name;
  row.target = target.ratio;
  row.goal = target.goal;
  Progress(fmt::format("  {}: {:.2f} x {}, target {:.2f}{}", id, row.value.median, baseline_name,
                       target.ratio, *row.Ok() ? "" : ": NOT REACHED"));
  report->Add(std::move(row));
}

}  // namespace cievents::loadtest
