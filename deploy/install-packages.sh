#!/bin/sh
# Installs the Debian packages that the given steps need: deploy/install-packages.sh build run
# Only what is missing is installed, so a second run takes no time. Works as root or with sudo.
set -eu

list="$(dirname "$0")/debian-packages.txt"
if [ $# -eq 0 ]; then
  echo "usage: $0 STEP... (build, run, test, tools, fuzz, faults)" >&2
  exit 2
fi

missing=""
while read -r package words; do
  case "$package" in "" | \#*) continue ;; esac
  wanted=no
  for step in "$@"; do
    case " $words " in *" $step "*) wanted=yes ;; esac
  done
  [ "$wanted" = yes ] || continue
  case "$words" in
    *" unless "*) if command -v "${words##* unless }" >/dev/null 2>&1; then continue; fi ;;
  esac
  status="$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)"
  [ "$status" = installed ] || missing="$missing $package"
done <"$list"
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "missing packages:$missing" >&2
    echo "install them as root: apt-get install -y --no-install-recommends$missing" >&2
    exit 1
  fi
  sudo="sudo"
fi
echo "installing:$missing"
# shellcheck disable=SC2086  # $sudo and $missing are word lists
if ! $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
