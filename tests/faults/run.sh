#!/bin/sh
# What `make faults` does once the packages are there: builds, runs rows of the fault matrix with many seeds, prints the table.
#   run.sh [ROWS]     such as "01 29"; all without
#   run.sh --report   the table of what has run so far
#   SEEDS=25 SEED=1 FORM=long|short JOBS=1 RESUME=1
# Without FORM the first seed of each row is in the long form, the others are short. JOBS runs at a time. RESUME=1: no new
# series, but what the last one has not run yet, with the programs that it began with.
#
# Leaves in build/faults: plan (kind, test, seed, form of each run, in order), results.tsv (a line a run, as report.awk says),
# report.md, logs/, programs/, and before/: the series before this one.
set -eu

folder=build/faults
programs="$folder/programs"
# Of one run: beyond it hangs.
run_seconds_max=1800

fail() {
  echo "faults: $*" >&2
  exit 2
}

report() {
  [ -f "$folder/plan" ] || fail "nothing has run yet: $folder/plan is not there"
  status=0
  LC_ALL=C awk -f tests/faults/report.awk "$folder/series" "$folder/plan" "$folder/results.tsv" >"$folder/report.md" || status=$?
  cat "$folder/report.md"
  return "$status"
}

# One run: kind, test, seed, form. Always succeeds: how it went is its line in results.tsv, appended at once and as a whole.
run_one() {
  log="$folder/logs/$2-$3.log"
  result="$folder/logs/$2-$3.tsv"
  rm -f "$log" "$result"
  # Interrupted: it has not run. 255 ends xargs, too.
  trap 'exit 255' HUP INT TERM
  # What a row mounts goes with the namespace, also when the row is killed.
  unshare=''
  if unshare --mount true 2>/dev/null; then unshare='unshare --mount'; fi
  code=0
  # shellcheck disable=SC2086  # $unshare is a word list
  CIEVENTS_FAULT_RESULT="$result" CIEVENTS_TEST_SEED="$3" CIEVENTS_FAULT_FORM="$4" CIEVENTS_FAULT_SEEDS=1 \
    CIEVENTS_BINARY="$PWD/$programs/cievents" CIEVENTS_PLANTED_FOLDER="$PWD/$programs" \
    timeout --foreground --kill-after=30 "$run_seconds_max" $unshare \
    "$programs/fault_rows_test" --gtest_filter="$2" >"$log" 2>&1 9>&- || code=$?
  case "$code" in 129 | 130 | 143) exit 255 ;; esac
  [ -f "$result" ] || : >"$result"
  line="$(LC_ALL=C awk -f tests/faults/result_line.awk -v kind="$1" -v name="$2" -v seed="$3" -v form="$4" -v code="$code" \
    -v log_file="$log" "$log" "$result")"
  printf '%s\n' "$line" >>"$folder/results.tsv"
  rm -f "$result"
  printf '%s\n' "$line" |
    awk -F '\t' -v done="$(wc -l <"$folder/results.tsv")" -v all="$(wc -l <"$folder/plan")" '{
      what = $1 == "row" ? sprintf("%s acknowledged, lost %s, doubled %s, other %s, recovery %s ms", $8, $9, $10, $11, $13) : \
        sprintf("%s seeds", $18)
      printf "%d/%d  %2s  %-42s seed %s %-5s  %-7s  %s, %s s\n", done, all, $6, $7, $3, $4, $5, what, $17
    }'
  case "$line" in *"	red	"*) cat "$log" ;; esac
}

# What ran before is kept, once; what builds meanwhile does not change the programs of a series.
begin_series() {
  # The product is the optimised one, as it is deployed; ctest runs the rows with the sanitizers' build.
  if [ -z "${CIEVENTS_BINARY:-}" ]; then
    cmake --preset release
    cmake --build --preset release --target cievents
  fi
  cmake --preset dev
  cmake --build --preset dev --target faults
  filter="*"
  if [ -n "$1" ]; then
    filter=''
    for row in $1; do filter="$filter${filter:+:}Row$(printf '%02d' "${row#0}").*"; done
  fi
  rm -rf "$folder/before"
  mkdir -p "$folder/before" "$programs" "$folder/logs"
  for file in series plan results.tsv report.md logs; do
    if [ -e "$folder/$file" ]; then mv "$folder/$file" "$folder/before/"; fi
  done
  rm -rf "$programs"
  mkdir -p "$programs" "$folder/logs"
  # A linker writes a new file, so a second name keeps the old one.
  for program in "${CIEVENTS_BINARY:-build/release/services/cli/cievents}" build/dev/tests/faults/fault_rows_test \
    build/dev/tests/faults/*_matcher; do
    ln "$program" "$programs/" 2>/dev/null || cp "$program" "$programs/"
  done
  name="$(basename "${CIEVENTS_BINARY:-cievents}")"
  [ "$name" = cievents ] || mv "$programs/$name" "$programs/cievents"
  first="${SEED:-$(od -An -N4 -tu4 /dev/urandom | awk '{ print $1 % 1000000000 }')}"
  "$programs/fault_rows_test" --gtest_filter="$filter" --gtest_list_tests |
    awk -v first="$first" -v seeds="${SEEDS:-25}" -v form="${FORM:-}" '
      /^[A-Za-z0-9_]+\.$/ { suite = $1; next }
      /^  Finds/ { controls[++control_count] = suite $1; next }
      /^  / { rows[++row_count] = suite $1 }
      END {
        # Seed after seed: a series that is interrupted has all rows with the first seeds.
        for (k = 0; k < seeds; ++k) {
          for (i = 1; i <= row_count; ++i) printf "row %s %.0f %s\n", rows[i], first + k, form != "" ? form : (k == 0 ? "long" : "short")
        }
        for (i = 1; i <= control_count; ++i) printf "planted %s %.0f short\n", controls[i], first
      }' >"$folder/plan"
  [ -s "$folder/plan" ] || fail "there is no such row: $1"
  echo "commit $(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown), product $(sha256sum "$programs/cievents" | cut -c 1-12)," \
    "$(date -u +%Y-%m-%d), seeds from $first, ${JOBS:-1} at a time" >"$folder/series"
  : >"$folder/results.tsv"
}

resume_series() {
  [ -s "$folder/plan" ] && [ -f "$folder/results.tsv" ] || fail "there is no series to resume in $folder"
  # Without a line that was cut off.
  awk -F '\t' 'NF == 19' "$folder/results.tsv" >"$folder/results.tsv.new"
  mv "$folder/results.tsv.new" "$folder/results.tsv"
}

cd "$(dirname "$0")/../.."
case "${1:-}" in
  --report)
    report
    exit
    ;;
  --one)
    shift
    run_one "$@"
    exit
    ;;
esac
case "${FORM:-}" in "" | long | short) ;; *) fail "FORM is long or short" ;; esac
for number in "${SEEDS:-1}" "${SEED:-1}" "${JOBS:-1}"; do
  case "$number" in "" | *[!0-9]* | 0) fail "SEEDS, SEED and JOBS are numbers from 1" ;; esac
done
mkdir -p "$folder"
exec 9>"$folder/lock"
flock --nonblock 9 || fail "another series runs in $folder"
if [ "${RESUME:-}" = 1 ]; then resume_series; else begin_series "${1:-}"; fi
awk -F '[\t ]' -v results="$folder/results.tsv" 'FILENAME == results { ran[$1, $2, $3] = 1; next } !(($1, $2, $3) in ran)' "$folder/results.tsv" "$folder/plan" |
  xargs -r -n 4 -P "${JOBS:-1}" sh tests/faults/run.sh --one || echo "faults: interrupted" >&2
report || exit 1
[ "$(wc -l <"$folder/results.tsv")" -eq "$(wc -l <"$folder/plan")" ] || fail "not everything has run: RESUME=1 goes on"
