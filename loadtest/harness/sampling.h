// How figures are taken on a noisy machine: what is compared runs in turns, each several times, and
// the median counts.
#ifndef LOADTEST_HARNESS_SAMPLING_H_
#define LOADTEST_HARNESS_SAMPLING_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace cievents::loadtest {

struct Figure {
  double median = 0;
  double min = 0;
  double max = 0;
  int runs = 0;
};

// The median of an even number of values is the mean of the middle two. No values: all zero.
Figure Summarise(std::vector<double> values);

// The smallest value that at least the share `q` (0 to 1) of the values do not exceed.
double Percentile(std::vector<double> values, double q);

// One thing to measure. `pass` does `items` pieces of work.
struct Contestant {
  std::string name;
  int64_t items = 0;
  std::function<void()> pass;
};

struct Schedule {
  int rounds = 7;
  double window_seconds = 0.1;    // a window is whole passes, until this much time is gone
  std::function<double()> clock;  // in seconds
};

// Items a second of each contestant. Each is run once before anything is measured. Every round
// gives each one window, and each round begins with another, so that nobody always follows the
// same one (whose data are in the caches).
std::vector<Figure> MeasureInterleaved(const std::vector<Contestant>& contestants,
                                       const Schedule& schedule);

}  // namespace cievents::loadtest

#endif  // LOADTEST_HARNESS_SAMPLING_H_
