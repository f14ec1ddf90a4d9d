#!/bin/sh
# Plants one bug after the other into a copy of the engine and runs the oracle against it: a bug that
# the oracle does not find within a minute is a hole in the oracle. A run without any bug goes first.
#   run.sh [NAME...]       only these patches (without .patch)
#   SECONDS_EACH=60 SEED=1 CONTROL_SECONDS=20
# Ends with 1 if a bug is missed, a patch does not apply or does not compile, or the control differs.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
planted=$root/tests/planted
work=$root/build/planted
seconds_each=${SECONDS_EACH:-60}
control_seconds=${CONTROL_SECONDS:-20}
seed=${SEED:-1}
failed=0

# Only the engine and the oracle: a patch is built in seconds. Copies are new, so that nothing that was
# built of an older one is taken for theirs; ccache makes that cheap.
mkdir -p "$work"
for copy in pristine source; do
  rm -rf "$work/$copy.new"
  mkdir -p "$work/$copy.new/tests"
  cp -R "$root/matcher" "$work/$copy.new/matcher"
  cp -R "$root/tests/oracle" "$work/$copy.new/tests/oracle"
  cp "$root/tests/precompiled.cc" "$work/$copy.new/tests/precompiled.cc"  # CMake wants to see it
  awk '
    /^add_subdirectory\(matcher/ { print; next }
    /^add_subdirectory\(tests\)/ { print "add_subdirectory(tests/oracle)"; next }
    /^ *add_subdirectory/ { next }
    { print }' "$root/CMakeLists.txt" > "$work/$copy.new/CMakeLists.txt"
  rm -rf "${work:?}/$copy"
  mv "$work/$copy.new" "$work/$copy"
done
cmake -S "$work/source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  '-DCMAKE_CXX_FLAGS_RELEASE=-O2 -DNDEBUG' -DBUILD_TESTING=OFF -DCIEVENTS_CORE_ONLY=ON \
  > "$work/configure.log" 2>&1 || { cat "$work/configure.log"; exit 1; }

build() {
  ninja -C "$work/build" -j "${JOBS:-2}" oracle > "$work/$1.build.log" 2>&1
}

# Runs the oracle; its output is in $1.log, its exit code in $code.
run() {
  code=0
  "$work/build/tests/oracle/oracle" --seed="$seed" --seconds="$2" --pairs=1000000000 \
    > "$work/$1.log" 2>&1 || code=$?
}

echo "seed $seed (repeat with SEED=$seed)"
build control || { tail -20 "$work/control.build.log"; exit 1; }
run control "$control_seconds"
if [ "$code" -ne 0 ]; then
  cat "$work/control.log"
  echo "the control differs without any planted bug"
  exit 1
fi
printf '%-30s %s\n' "bug" "found"
printf '%-30s %s\n' "(none: control)" "$(tail -1 "$work/control.log")"

if [ $# -eq 0 ]; then
  for patch in "$planted"/*.patch; do
    set -- "$@" "$(basename "$patch" .patch)"
  done
fi
for name in "$@"; do
  file=$(sed -n 's|^+++ b/||p' "$planted/$name.patch")
  if ! (cd "$work/source" && patch -s -p1 -F3 --no-backup-if-mismatch) < "$planted/$name.patch" \
    > "$work/$name.patch.log" 2>&1; then
    verdict="DOES NOT APPLY"
    failed=1
  elif ! build "$name"; then
    verdict="DOES NOT COMPILE: build/planted/$name.build.log"
    failed=1
  else
    run "$name" "$seconds_each"
    case $code in
      0) verdict="MISSED" && failed=1 ;;
      1) verdict=$(sed -n 's/^DIFFERENCE after \(.*\): world.*/after \1/p' "$work/$name.log") ;;
      *) verdict="by its end with code $code" ;;
    esac
  fi
  printf '%-30s %s\n' "$name" "$verdict"
  for touched in $file; do
    cp "$work/pristine/$touched" "$work/source/$touched"
  done
  find "$work/source" \( -name '*.rej' -o -name '*.orig' \) -exec rm -f {} +
done
exit $failed
