// What the files of rows share: a row as a test.
#ifndef TESTS_FAULTS_ROW_TEST_H_
#define TESTS_FAULTS_ROW_TEST_H_

#include <string>

#include "tests/faults/row.h"

namespace cievents::faults {

// Runs the row with every seed that is asked for, enters each run in the table that is printed at
// the end of the process, and expects what every row expects.
void RunRow(const Row& row);

// Whether the program under test is built with sanitizers.
bool ProductIsSanitized();

// Runs the row with the program of a planted bug, `bug` in CMakeLists.txt, and expects that it is
// found: at least one violation of `kind`.
void ExpectFound(const Row& row, const std::string& bug, Violation::Kind kind);
// The same with the product itself, and a row that breaks what it relies on, as `control` says.
void ExpectFoundInProduct(const Row& row, const std::string& control, Violation::Kind kind);

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_ROW_TEST_H_
