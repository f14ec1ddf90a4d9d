#!/bin/sh
# What `make fuzz` does once the packages are there: builds the harnesses with libFuzzer and runs
# each for SECONDS_EACH (60) seconds, or only the one that is named. Usage: run.sh [HARNESS]
#
# A run starts from the inputs of tests/fuzz/HARNESS and of the runs before. What it adds goes to
# build/fuzz/corpus/HARNESS, never into the tree; an input that breaks something goes to
# build/fuzz/findings. Exits with 1 if there is such an input.
set -eu
seconds="${SECONDS_EACH:-60}"
case "$seconds" in
  "" | 0* | *[!0-9]*)
    echo "fuzz: SECONDS_EACH='$seconds' is not a number of seconds above 0" >&2
    exit 2
    ;;
esac

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz
built="$(ls build/fuzz/tests/fuzz | sed -n 's/^fuzz_\([a-z_]*\)$/\1/p')"
harnesses="${1:-$built}"
for harness in $harnesses; do
  if [ ! -x "build/fuzz/tests/fuzz/fuzz_$harness" ]; then
    echo "fuzz: there is no harness '$harness'; harnesses:" $built >&2
    exit 2
  fi
done

# The last number after a word of libFuzzer's log: `cov: 123`.
last_number() {
  grep -o "$1 *[0-9][0-9]*" "$2" | tail -n 1 | grep -o '[0-9]*$' || echo 0
}

failed=0
mkdir -p build/fuzz/findings
for harness in $harnesses; do
  log="build/fuzz/$harness.log"
  corpus="build/fuzz/corpus/$harness"
  mkdir -p "$corpus"
  dictionary=""
  [ ! -f "tests/fuzz/$harness.dict" ] || dictionary="-dict=tests/fuzz/$harness.dict"
  status=0
  # shellcheck disable=SC2086  # $dictionary is one word or none
  "build/fuzz/tests/fuzz/fuzz_$harness" "-max_total_time=$seconds" -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 "-artifact_prefix=build/fuzz/findings/$harness-" \
    $dictionary "$corpus" "tests/fuzz/$harness" >"$log" 2>&1 || status=$?
  printf '%-10s %s executions, coverage %s, %s inputs, ' "$harness" \
    "$(last_number 'stat::number_of_executed_units:' "$log")" "$(last_number 'cov:' "$log")" \
    "$(find "$corpus" "tests/fuzz/$harness" -type f | wc -l)"
  if [ "$status" -eq 0 ]; then
    echo "no finding"
    continue
  fi
  failed=1
  echo "FINDING"
  grep -E 'CHECK failed|ERROR: |SUMMARY: |runtime error: ' "$log" | head -n 5 | sed 's/^/  /'
  kept="$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)"
  if [ -n "$kept" ]; then
    echo "  input: $kept"
    echo "  again: build/fuzz/tests/fuzz/fuzz_$harness $kept"
    echo "  when it is cured, move the input to tests/fuzz/$harness/: ctest replays it from then on"
  else
    echo "  the harness ended without an input; its log: $log"
  fi
done
exit "$failed"
