// After the load: does the matcher know the last configuration of every project?
#ifndef TESTS_FAULTS_SWEEP_H_
#define TESTS_FAULTS_SWEEP_H_

#include <string>
#include <vector>

#include "tests/faults/ledger.h"
#include "tests/faults/workload.h"

namespace cievents::faults {

// Emits an event of every name for every moving project and compares how many subscriptions it
// matches with what the last pushes lead to, until they agree; a push that is still not live after
// some seconds is a violation. Nobody may push meanwhile.
void SweepLastPushes(const std::string& endpoint, const std::vector<Project>& projects,
                     Ledger* ledger);

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_SWEEP_H_
