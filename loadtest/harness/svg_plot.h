// A plot of some lines over two logarithmic axes, as SVG text that stands alone and can be read on
// a light and on a dark page.
#ifndef LOADTEST_HARNESS_SVG_PLOT_H_
#define LOADTEST_HARNESS_SVG_PLOT_H_

#include <string>
#include <vector>

namespace cievents::loadtest {

struct PlotPoint {
  double x = 0;  // 0 is drawn at the left edge, with a label of its own; not negative
  double y = 0;  // positive; other points are left out
};

struct PlotLine {
  std::string name;
  std::vector<PlotPoint> points;  // by x
  bool is_baseline = false;       // dashed and grey: what the others are compared with
};

struct Plot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<PlotLine> lines;
};

std::string WriteSvg(const Plot& plot);

// 1, 20, 500, 1.5k, 20k, 1M, 0.5: as the axes are labelled and tables are written.
std::string ShortNumber(double value);

}  // namespace cievents::loadtest

#endif  // LOADTEST_HARNESS_SVG_PLOT_H_
