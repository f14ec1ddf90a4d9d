#!/bin/sh
# What `make test` does once the packages are there: configure, build and test the dev preset, with
# the seconds that each phase took.
set -eu

phase() {
  name="$1"
  shift
  begin=$(date +%s)
  "$@"
  echo "== $name: $(($(date +%s) - begin)) s"
}

phase configure cmake --preset dev
phase build cmake --build --preset dev
phase test ctest --preset dev
