// Compares Postgres with the ledger, in SQL.
#ifndef TESTS_FAULT_CHECKER_H_
#define TESTS_FAULT_CHECKER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/fault/ledger.h"
#include "tests/fault/workload.h"

namespace cievents::fault {

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

// Adds what it finds to the ledger's violations. Nobody may write to the database any more.
Counts Check(const std::string& dsn, const std::vector<Project>& projects, Ledger* ledger);

}  // namespace cievents::fault

#endif  // TESTS_FAULT_CHECKER_H_
