#!/bin/sh
# Starts `cievents dev`, runs gitlab_backend.rb against it and retrying_backend.rb against a matcher of its own,
# stops it.
# Usage: ruby_client_test.sh CIEVENTS-BINARY STUBS-FOLDER
set -eu

cievents="$1"
stubs="$2"
here="$(cd "$(dirname "$0")" && pwd)"
data="$(mktemp -d /tmp/cie-XXXXXX)"
server=""

finish() {
  code=$?
  if [ -n "$server" ]; then
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  if [ "$code" -ne 0 ]; then
    for log in dev matcher; do
      [ -f "$data/$log.log" ] || continue
      echo "--- $log said:" >&2
      tail -n 20 "$data/$log.log" >&2
    done
  fi
  rm -rf "$data"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

"$cievents" dev --data "$data/state" --ready-file "$data/ready.json" 2>"$data/dev.log" &
server=$!
tries=0
while [ ! -f "$data/ready.json" ]; do
  kill -0 "$server" 2>/dev/null || { echo "the server has ended" >&2; exit 1; }
  tries=$((tries + 1))
  [ "$tries" -lt 600 ] || { echo "the server is not ready after 60 s" >&2; exit 1; }
  sleep 0.1
done
ruby -I "$stubs" "$here/gitlab_backend.rb" "$(jq -r .grpc "$data/ready.json")"
ruby -I "$stubs" "$here/retrying_backend.rb" "$cievents" "$(jq -r .postgres "$data/ready.json")" "$data"
kill -TERM "$server"
wait "$server" || { echo "the server did not stop cleanly" >&2; exit 1; }
server=""
