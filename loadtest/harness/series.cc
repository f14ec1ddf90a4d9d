#include "loadtest/harness/series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace cievents::loadtest {
namespace {

constexpr double kSlopeTolerance = 0.35;
constexpr double kNoiseRatio = 1.3;

double SlopeBetween(const PlotPoint& a, const PlotPoint& b) {
  return std::log(b.y / a.y) / std::log(b.x / a.x);
}

bool IsOnLogarithmicAxes(const PlotPoint& point) { return point.x > 0 && point.y > 0; }

const PlotPoint* FindPoint(const GrowthLine& line, double x) {
  for (const PlotPoint& point : line.points) {
    if (point.x == x && point.y > 0) return &point;
  }
  return nullptr;
}

const GrowthLine* FindBaseline(const Series& series) {
  for (const GrowthLine& line : series.lines) {
    if (line.is_baseline) return &line;
  }
  return nullptr;
}

constexpr double kOverallRatio = 2;

// What a point costs beside the promise: constant along a line that keeps it.
double BesidePromise(const GrowthLine& line, const PlotPoint& point) {
  return point.y / std::pow(point.x, line.expected_slope);
}

Bend MakeBend(const GrowthLine& line, const GrowthLine* baseline, const PlotPoint& from,
              const PlotPoint& to) {
  Bend bend;
  bend.line = line.name;
  bend.from = from.x;
  bend.to = to.x;
  bend.slope = SlopeBetween(from, to);
  bend.expected_slope = line.expected_slope;
  const PlotPoint* baseline_from = baseline ? FindPoint(*baseline, from.x) : nullptr;
  const PlotPoint* baseline_to = baseline ? FindPoint(*baseline, to.x) : nullptr;
  if (baseline_from == nullptr || baseline_to == nullptr) return bend;
  bend.has_baseline = true;
  bend.baseline_slope = SlopeBetween(*baseline_from, *baseline_to);
  // Each by what it rises above its own promise, times the 1.3 that is noise.
  const double rise = BesidePromise(line, to) / BesidePromise(line, from);
  const double baseline_rise =
      BesidePromise(*baseline, *baseline_to) / BesidePromise(*baseline, *baseline_from);
  bend.is_machine = rise <= baseline_rise * kNoiseRatio;
  return bend;
}

void FindBendsOf(const GrowthLine& line, const GrowthLine* baseline, std::vector<Bend>* bends) {
  const PlotPoint* first = nullptr;
  const PlotPoint* previous = nullptr;
  double highest = 0;  // beside the promise, of the points before
  const size_t before = bends->size();
  for (const PlotPoint& point : line.points) {
    if (!IsOnLogarithmicAxes(point)) continue;
    const double cost = BesidePromise(line, point);
    if (previous != nullptr && point.x > previous->x && cost > highest * kNoiseRatio &&
        SlopeBetween(*previous, point) > line.expected_slope + kSlopeTolerance) {
      bends->push_back(MakeBend(line, baseline, *previous, point));
    }
    if (first == nullptr) first = &point;
    highest = std::max(highest, cost);
    previous = &point;
  }
  // Many small rises are one large one.
  if (bends->size() == before && first != previous &&
      BesidePromise(line, *previous) > kOverallRatio * BesidePromise(line, *first)) {
    bends->push_back(MakeBend(line, baseline, *first, *previous));
  }
}

}  // namespace

std::vector<Bend> FindBends(const Series& series) {
  const GrowthLine* baseline = FindBaseline(series);
  std::vector<Bend> bends;
  for (const GrowthLine& line : series.lines) {
    if (!line.is_baseline && line.is_judged) FindBendsOf(line, baseline, &bends);
  }
  return bends;
}

std::string DescribeBend(const Bend& bend) {
  std::string text =
      fmt::format("{}: `{}` rises with slope {:.2f} between {} and {} (promised: {:.0f}",
                  bend.is_machine ? "Machine" : "BEND", bend.line, bend.slope,
                  ShortNumber(bend.from), ShortNumber(bend.to), bend.expected_slope);
  if (bend.has_baseline) text += fmt::format("; the baseline: {:.2f}", bend.baseline_slope);
  return text + ")";
}

std::string WriteCsv(const Series& series) {
  std::string csv = "line,x,y\n";
  for (const GrowthLine& line : series.lines) {
    for (const PlotPoint& point : line.points) {
      csv += fmt::format("\"{}\",{:.10g},{:.6g}\n", line.name, point.x, point.y);
    }
  }
  return csv;
}

std::string WriteSvg(const Series& series) {
  Plot plot{series.title, series.x_label, series.y_label, {}};
  for (const GrowthLine& line : series.lines) {
    plot.lines.push_back({line.name, line.points, line.is_baseline});
  }
  return WriteSvg(plot);
}

}  // namespace cievents::loadtest
