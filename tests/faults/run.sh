#!/bin/sh
# What `make faults` does once the packages are there: builds, runs rows of the fault matrix with many seeds, prints the table.
#   run.sh [ROWS]     such as "01 29"; all without
#   SEEDS=25 SEED=1 FORM=long|short
set -eu

cd "$(dirname "$0")/../.."
filter="*"
if [ -n "${1:-}" ]; then
  filter=''
  for row in $1; do filter="$filter${filter:+:}Row$(printf '%02d' "${row#0}").*"; done
fi
# The product is the optimised one, as it is deployed; ctest runs the rows with the sanitizers' build.
cmake --preset release
cmake --build --preset release --target cievents
cmake --preset dev
cmake --build --preset dev --target faults
export CIEVENTS_BINARY="${CIEVENTS_BINARY:-$PWD/build/release/services/cli/cievents}"
export CIEVENTS_FAULT_SEEDS="${SEEDS:-25}"
export CIEVENTS_FAULT_FORM="${FORM:-long}"
if [ -n "${SEED:-}" ]; then export CIEVENTS_TEST_SEED="$SEED"; fi
exec build/dev/tests/faults/fault_rows_test --gtest_filter="$filter"
