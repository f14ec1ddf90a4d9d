#!/bin/sh
# The layering test: the tree must be clean, and the check itself must find planted violations and say
# what is allowed.
set -eu
root="$1"
here="$root/tests/layering"

sh "$here/layering.sh" "$root" "$here"

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
expect_refused() { # FILE INCLUDE TEXT-OF-THE-MESSAGE
  rm -rf "$scratch/tree"
  mkdir -p "$scratch/tree/matcher" "$scratch/tree/services" "$scratch/tree/tests" \
    "$scratch/tree/$(dirname "$1")"
  echo "#include $2" >"$scratch/tree/$1"
  if sh "$here/layering.sh" "$scratch/tree" "$here" >"$scratch/out" 2>&1; then
    echo "FAILED: $1 may include $2, but must not" >&2
    exit 1
  fi
  if ! grep -qF -- "$3" "$scratch/out"; then
    echo "FAILED: the message for $2 in $1 does not say '$3':" >&2
    cat "$scratch/out" >&2
    exit 1
  fi
}

expect_refused matcher/index.cc '"services/lib/base/issue.h"' 'matcher/ may include only itself and: matcher/base'
expect_refused matcher/index.cc '<grpcpp/grpcpp.h>' 'only these may include it: services/lib/base/grpc_'
expect_refused matcher/index.cc '<openssl/sha.h>' 'matcher/ may include only the standard library'
expect_refused services/config_ingest/push.cc '<pqxx/pqxx>' 'only these may include it: services/lib/store'
expect_refused services/config_ingest/push.cc '"services/event_matcher/intake.h"' 'services/config_ingest/ may include only itself'
expect_refused services/lib/catalogue/catalogue.cc '<yaml-cpp/yaml.h>' 'services/lib/yaml'
expect_refused services/event_matcher/intake.cc '<sqlite3.h>' 'only these may include it: services/lib/spool'
expect_refused services/lib/store/feed.cc '"cievents/events/v1/events.pb.h"' 'only these may include it'
expect_refused services/lib/base/issue.cc '"services/lib/store/config_store.h"' 'services/lib/base/ may include only itself and: matcher/base services/lib/yaml'
expect_refused services/cli/dev_command.cc '<CLI/CLI.hpp>' 'services/cli/parser.cc'
echo "layering: clean, 10 planted violations refused"
