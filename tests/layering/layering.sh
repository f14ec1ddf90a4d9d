#!/bin/sh
# Checks every #include of the tree below $1 against the folder table of docs/architecture.md.
# Prints each wrong include with what is allowed there, and exits with 1 if there is one.
set -eu
cd "$1"
find matcher services migrations tests loadtest -name '*.h' -o -name '*.cc' 2>/dev/null | sort |
  xargs awk -f "$2/layering.awk"
