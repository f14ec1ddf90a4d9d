#include "loadtest/harness/series.h"

#include <fmt/format.h>

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

void FindBendsOf(const GrowthLine& line, const GrowthLine* baseline, std::vector<Bend>* bends) {
  const PlotPoint* previous = nullptr;
  for (const PlotPoint& point : line.points) {
    if (!IsOnLogarithmicAxes(point)) continue;
    if (previous != nullptr && point.x > previous->x) {
      const double slope = SlopeBetween(*previous, point);
      const double promised = previous->y * std::pow(point.x / previous->x, line.expected_slope);
      if (slope > line.expected_slope + kSlopeTolerance && point.y > promised * kNoiseRatio) {
        Bend bend{line.name, previous->x, point.x, slope, line.expected_slope, false, 0, false};
        const PlotPoint* from = baseline ? FindPoint(*baseline, previous->x) : nullptr;
        const PlotPoint* to = baseline ? FindPoint(*baseline, point.x) : nullptr;
        if (from != nullptr && to != nullptr) {
          bend.has_baseline = true;
          bend.baseline_slope = SlopeBetween(*from, *to);
          // Each by what it is above its own promise.
          const double excess = slope - line.expected_slope;
          const double baseline_excess = bend.baseline_slope - baseline->expected_slope;
          bend.is_machine = baseline_excess > excess - kSlopeTolerance;
        }
        bends->push_back(bend);
      }
    }
    previous = &point;
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
