#!/bin/sh
# Runs the measurements. Usage: run.sh [PART] [FLAGS of the part's tool], parts: engine, ingest,
# service; none = all.
# Leaves build/loadtest/report.json (a list of figures), report.md (tables and plots), and the CSV
# and SVG files that it shows. A part's figures are replaced as a whole; without the others' they
# would be of different commits.
set -eu
part="${1:-}"
[ $# -eq 0 ] || shift
case "$part" in
  "" | engine | ingest | service) ;;
  *)
    echo "loadtest: there is no part '$part'; parts: engine, ingest, service" >&2
    exit 2
    ;;
esac

folder=build/loadtest
commit="$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)"
if [ -n "$(git status --porcelain --untracked-files=no 2>/dev/null)" ]; then
  commit="$commit with changes"
fi

cmake --preset release >/dev/null
mkdir -p "$folder"
rm -f "$folder"/*.report.json "$folder"/*.report.md "$folder"/*.csv "$folder"/*.svg

run_engine() {
  cmake --build build/release --target engine_loadtest access_benchmark payload_benchmark
  build/release/loadtest/engine_loadtest --folder "$folder" --commit "$commit" "$@"
  for benchmark in access payload; do
    "build/release/loadtest/${benchmark}_benchmark" --benchmark_min_time=0.05 \
      --benchmark_out="$folder/engine.$benchmark.benchmark.json" --benchmark_out_format=json \
      >"$folder/engine.$benchmark.benchmark.txt"
  done
}

run_ingest() {
  cmake --build build/release --target ingest_loadtest
  build/release/loadtest/ingest_loadtest --folder "$folder" --commit "$commit" "$@"
}

run_service() {
  cmake --build build/release --target service_loadtest
  build/release/loadtest/service_loadtest --folder "$folder" --commit "$commit" "$@"
}

if [ -z "$part" ] || [ "$part" = engine ]; then run_engine "$@"; fi
if [ -z "$part" ] || [ "$part" = ingest ]; then run_ingest "$@"; fi
if [ -z "$part" ] || [ "$part" = service ]; then run_service "$@"; fi

jq -s add "$folder"/*.report.json >"$folder/report.json"
cat "$folder"/*.report.md >"$folder/report.md"
echo "report: $folder/report.md"
jq -r '.[] | select(.ok == false) | "not reached: \(.id): \(.value) \(.unit), target \(.target)"' "$folder/report.json"
