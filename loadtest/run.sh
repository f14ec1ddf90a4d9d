#!/bin/sh
# Runs the measurements; results go to build/loadtest/*.json. Usage: run.sh [PART], parts: engine
set -eu
part="${1:-engine}"
case "$part" in
  engine) ;;
  *)
    echo "loadtest: there is no part '$part'; parts: engine" >&2
    exit 2
    ;;
esac
cmake --preset release >/dev/null
cmake --build build/release --target engine_benchmark
mkdir -p build/loadtest
build/release/loadtest/engine_benchmark --benchmark_repetitions=5 \
  --benchmark_report_aggregates_only=true --benchmark_out=build/loadtest/engine.json \
  --benchmark_out_format=json
