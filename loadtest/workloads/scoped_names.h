// S1 and S1b: the name and the scope decide, nothing is read of the payload.
#ifndef LOADTEST_WORKLOADS_SCOPED_NAMES_H_
#define LOADTEST_WORKLOADS_SCOPED_NAMES_H_

#include <cstdint>
#include <string>

#include "loadtest/workloads/workload.h"

namespace cievents::loadtest {

// S1: subscription i of 2P names name(7i mod 40) and belongs to project i / 2, whose own events it
// listens to. Event j happens in project p = 99991j mod P, with name(14p mod 40) for even j (which
// one of the project's two subscriptions has) and name((14p + 3) mod 40) for odd j (which none
// has). The project has one ancestor, a group without subscriptions, which an event asks for too.
Workload MakeS1(std::string id, int64_t projects);

// The parts of S1, for growth series that build the index project by project.
matcher::ProjectSubscriptions MakeS1Project(int64_t project);
EventPool MakeS1Events(int64_t projects);

// S1b: five scopes an event. The first `own` subscriptions listen to their own project, number
// i mod P; the next `of_groups` to their parent group, number (i - own) mod 50000, each group's in
// a project of its own that no event happens in; the last 10 to the instance. An event in project p
// has the groups p mod 500, p mod 5000 and p mod 50000 as ancestors (root first, equal ones once)
// and name(j mod 40).
struct S1bSize {
  int64_t projects;
  int64_t own;
  int64_t of_groups;
  uint64_t matches_a_pass;
};
inline constexpr S1bSize kS1b100k{50'000, 90'000, 9'990, 18'045};
inline constexpr S1bSize kS1b1M{500'000, 900'000, 99'990, 29'310};
Workload MakeS1b(std::string id, const S1bSize& size);

}  // namespace cievents::loadtest

#endif  // LOADTEST_WORKLOADS_SCOPED_NAMES_H_
