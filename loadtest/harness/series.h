// A growth series: what one cost does while one size grows. Growth is judged, not only drawn.
#ifndef LOADTEST_HARNESS_SERIES_H_
#define LOADTEST_HARNESS_SERIES_H_

#include <string>
#include <vector>

#include "loadtest/harness/svg_plot.h"

namespace cievents::loadtest {

struct GrowthLine {
  std::string name;
  // The slope on logarithmic axes that the design promises: 0 = the cost does not depend on the
  // size, 1 = it is proportional to it.
  double expected_slope = 0;
  bool is_baseline = false;  // never judged; others are judged beside the first of them
  // A tail (a maximum, a p99) is drawn and listed; it is a few samples, so its slope is no finding.
  bool is_judged = true;
  std::vector<PlotPoint> points;  // by x
};

struct Series {
  std::string id;  // `engine.growth.payload`: also the name of its files
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<GrowthLine> lines;
  std::vector<std::string> notes;  // shown below the plot
};

// A stretch between neighbouring points that rises faster than promised.
struct Bend {
  std::string line;
  double from = 0;
  double to = 0;
  double slope = 0;
  double expected_slope = 0;
  // The baseline's slope over the same stretch, if it has points at both ends.
  bool has_baseline = false;
  double baseline_slope = 0;
  // The baseline rises as much above its own promise there: it is the machine (a cache that is
  // full), not the engine.
  bool is_machine = false;
};

// A stretch counts if its slope is more than 0.35 above what is promised, and the cost at its end
// more than 1.3 times what all points before it promise (less than that is noise, and a dip before
// it is no rise). A line without such a stretch is one bend as a whole if it ends at more than
// twice what its first point promises.
std::vector<Bend> FindBends(const Series& series);

std::string DescribeBend(const Bend& bend);

// One row a point: line, x, y.
std::string WriteCsv(const Series& series);
std::string WriteSvg(const Series& series);

}  // namespace cievents::loadtest

#endif  // LOADTEST_HARNESS_SERIES_H_
