#include "loadtest/harness/sampling.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "matcher/base/check.h"

namespace cievents::loadtest {

Figure Summarise(std::vector<double> values) {
  Figure figure;
  if (values.empty()) return figure;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  figure.median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  figure.min = values.front();
  figure.max = values.back();
  figure.runs = static_cast<int>(values.size());
  return figure;
}

double Percentile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  const double rank = std::ceil(q * static_cast<double>(values.size()));
  const size_t at = static_cast<size_t>(std::max(1.0, rank)) - 1;
  const size_t place = std::min(at, values.size() - 1);
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(place), values.end());
  return values[place];
}

namespace {

double MeasureWindow(const Contestant& contestant, const Schedule& schedule) {
  int64_t items = 0;
  const double begin = schedule.clock();
  double end = begin;
  do {
    contestant.pass();
    items += contestant.items;
    end = schedule.clock();
  } while (end - begin < schedule.window_seconds);
  return static_cast<double>(items) / (end - begin);
}

}  // namespace

std::vector<Figure> MeasureInterleaved(const std::vector<Contestant>& contestants,
                                       const Schedule& schedule) {
  CIEVENTS_CHECK(schedule.clock && schedule.rounds > 0 && schedule.window_seconds > 0);
  const size_t count = contestants.size();
  for (const Contestant& contestant : contestants) contestant.pass();
  std::vector<std::vector<double>> rates(count);
  for (size_t round = 0; round < static_cast<size_t>(schedule.rounds); ++round) {
    for (size_t turn = 0; turn < count; ++turn) {
      const size_t who = (round + turn) % count;
      rates[who].push_back(MeasureWindow(contestants[who], schedule));
    }
  }
  std::vector<Figure> figures;
  figures.reserve(count);
  for (std::vector<double>& values : rates) figures.push_back(Summarise(std::move(values)));
  return figures;
}

}  // namespace cievents::loadtest
