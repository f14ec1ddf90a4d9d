#!/bin/sh
# The main job, end to end: two projects push their YAML, a dozen GitLab webhook payloads are emitted,
# what they match becomes pipeline requests, a worker leases and completes them. Every number is
# checked; the last line says `demo: ok` or the script fails.
# Usage: demo.sh CIEVENTS-BINARY
set -eu

cievents="$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
here="$(cd "$(dirname "$0")" && pwd)"
data="$(mktemp -d)"
server=""

finish() {
  code=$?
  if [ -n "$server" ]; then
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  if [ "$code" -ne 0 ] && [ -f "$data/dev.log" ]; then
    echo "--- the server said:" >&2
    tail -n 20 "$data/dev.log" >&2
  fi
  rm -rf "$data"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

fail() {
  echo "demo: FAILED: $*" >&2
  exit 1
}
check() { # WHAT ACTUAL EXPECTED
  [ "$2" = "$3" ] || fail "$1: $2, but it must be $3"
}

echo "== starting cievents dev with a private Postgres"
"$cievents" dev --data "$data/state" --ready-file "$data/ready.json" 2>"$data/dev.log" &
server=$!
tries=0
while [ ! -f "$data/ready.json" ]; do
  kill -0 "$server" 2>/dev/null || fail "the server has ended"
  tries=$((tries + 1))
  [ "$tries" -lt 600 ] || fail "the server is not ready after 60 s"
  sleep 0.1
done
CIEVENTS_ENDPOINT="$(jq -r .grpc "$data/ready.json")"
export CIEVENTS_ENDPOINT

echo
echo "== pushing the configuration of two projects"
"$cievents" push --project-id 101 --namespace-ids 10,11 --project-path acme/web/shop \
  --user-id 7 --dir "$here/shop"
"$cievents" push --project-id 102 --namespace-ids 10 --project-path acme/website \
  --user-id 7 --allowed-scopes project:101 --dir "$here/website"
again="$("$cievents" push --json --project-id 101 --namespace-ids 10,11 --user-id 7 --dir "$here/shop")"
check "subscriptions that a second, equal push changes" \
  "$(echo "$again" | jq '.added + .updated + .removed')" 0

echo
echo "== the subscriptions that are live"
"$cievents" subscriptions list
check "live subscriptions" "$("$cievents" subscriptions list --json | wc -l | tr -d ' ')" 6

# The feed brings a push to the matcher within milliseconds, but this script is as fast.
sleep 1

echo
echo "== emitting GitLab webhook payloads"
set --
for payload in "$here"/webhooks/*.json; do set -- "$@" --webhook "$payload"; done
"$cievents" emit --json "$@" >"$data/outcomes"
jq -r '[.outcome, .matched, .ack, (.names | join(", "))] | @tsv' "$data/outcomes" |
  awk -F '\t' 'BEGIN { printf "%-10s %-8s %-8s %s\n", "OUTCOME", "MATCHED", "ACK", "NAMES" }
    { printf "%-10s %-8s %-8s %s\n", $1, $2, $3, $4 }'
events=$(wc -l <"$data/outcomes" | tr -d ' ')
check "events" "$events" 12
check "events accepted" "$(jq -r 'select(.outcome == "accepted" and .ack == "durable") | .id' \
  "$data/outcomes" | wc -l | tr -d ' ')" 12
check "matches of each event" "$(jq -r .matched "$data/outcomes" | tr '\n' ' ')" \
  "1 0 1 0 2 1 1 0 1 1 0 1 "

echo
echo "== the pipeline requests"
"$cievents" requests list
requests=$("$cievents" requests list --json | wc -l | tr -d ' ')
check "pipeline requests" "$requests" 9
check "environments deployed to" "$("$cievents" requests list --json |
  jq -r 'select(.event_name == "merge_request/merged") | .inputs.environment' | sort | tr '\n' ' ')" \
  "production staging "
check "inputs of the command, from the event" "$("$cievents" requests list --json |
  jq -c 'select(.event_name == "merge_request/commented") | .inputs')" '{"iid":17}'

echo
echo "== why a comment without a command starts nothing"
sed 's|/deploy please|please deploy|' "$here/webhooks/12-merge-request-commented.json" >"$data/comment.json"
"$cievents" explain --webhook "$data/comment.json" | tee "$data/explanation"
check "near misses" "$(grep -c '^NEAR MISS' "$data/explanation")" 1

echo
echo "== a worker leases and completes them"
"$cievents" requests lease --max 100 --complete --pipeline-id 5000 >"$data/leased"
check "leased requests" "$(($(wc -l <"$data/leased") - 1))" 9
check "created pipelines" "$("$cievents" requests list --json --state created | wc -l | tr -d ' ')" 9
check "requests that are left" "$("$cievents" requests lease --json --max 100 | wc -l | tr -d ' ')" 0
"$cievents" requests list

echo
echo "== stopping"
kill -TERM "$server"
wait "$server" || fail "the server did not stop cleanly"
server=""
echo "demo: ok, $events events, $requests pipeline requests"
