// What all emitters and pushers of a run are told while they work.
#ifndef TESTS_FAULTS_LOAD_CONTROL_H_
#define TESTS_FAULTS_LOAD_CONTROL_H_

#include <atomic>

namespace cievents::faults {

struct LoadControl {
  // Nothing new is begun; what is not acknowledged or answered yet is brought to its end.
  std::atomic<bool> stopping{false};
  // Nothing at all is sent.
  std::atomic<bool> paused{false};
  // The matcher's clock is wrong: that an event is too old or from the future is no mistake.
  std::atomic<bool> clock_is_wrong{false};
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_LOAD_CONTROL_H_
