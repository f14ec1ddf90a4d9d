#!/bin/sh
# Lints the wire contracts with buf (an npm package: pinned here, kept in the build folder).
# Usage: buf_lint.sh SOURCE-DIR BUILD-DIR
set -eu
version=1.75.0
tools="$2/npm"
if [ ! -x "$tools/node_modules/.bin/buf" ]; then
  mkdir -p "$tools"
  npm install --prefix "$tools" --no-save --no-package-lock --no-audit --no-fund --loglevel=error "@bufbuild/buf@$version"
fi
cd "$1/proto"
"$tools/node_modules/.bin/buf" lint
echo "buf lint: clean"
