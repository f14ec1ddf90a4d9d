// What the files of rows share: a row as a test.
#ifndef TESTS_FAULTS_ROW_TEST_H_
#define TESTS_FAULTS_ROW_TEST_H_

#include <string>

#include "tests/faults/row.h"

namespace cievents::faults {

// Runs the row with every seed that is asked for, enters each run in the table that is printed at
// the end of the process, and expects what every row expects.
void RunRow(const Row& row);

// Runs the row with the program of a planted bug, and expects that it is found: at least one
// violation of `kind`.
// `bug`: a program of that name (CMakeLists.txt).
void ExpectFound(const Row& row, const std::string& bug, Violation::Kind kind);

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_ROW_TEST_H_
