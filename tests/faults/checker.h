// Compares Postgres with the ledger, in SQL.
#ifndef TESTS_FAULTS_CHECKER_H_
#define TESTS_FAULTS_CHECKER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/faults/expectation.h"
#include "tests/faults/ledger.h"
#include "tests/faults/workload.h"

namespace cievents::faults {

struct Counts {
  int64_t events = 0;                // sent at least once
  int64_t deliveries = 0;            // sendings of events
  int64_t acknowledged = 0;          // events
  int64_t acknowledged_matched = 0;  // of them, with a request that must be there
  int64_t sent_again = 0;            // events that were sent again after they were acknowledged
  int64_t exact = 0;                 // acknowledged events whose set of requests is known exactly
  int64_t exact_matched = 0;         // of them, with at least one request
  int64_t must = 0;                  // requests that must be there
  int64_t requests = 0;              // in Postgres
  int64_t pushes = 0;
};

// Events of this source are not the ledger's: who sends them checks them.
inline constexpr char kOwnSource[] = "own-of-the-row";

// Adds what it finds to the ledger's violations. Nobody may write to the database any more.
Counts Check(const std::string& dsn, const std::vector<Project>& projects, Ledger* ledger,
             const Expectation::Limits& limits = {});

// Takes and completes all requests as workers would; afterwards nothing may wait anywhere.
void Drain(const std::string& dsn, Ledger* ledger);

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_CHECKER_H_
