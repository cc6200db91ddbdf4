#!/usr/bin/env bash
# fuzz.sh [SECONDS] runs every fuzz target of the product for some seconds (10), one after another. What fails is written to the
# package's testdata/fuzz, as go test does.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
export GOTOOLCHAIN=auto

packages=$(go list ./...)
for package in $packages; do
  listed=$(go test -list '^Fuzz' "$package")
  for target in $(grep '^Fuzz' <<<"$listed"); do # beside the targets there is a closing line
    echo "$package $target for $seconds s"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${seconds}s" "$package"
  done
done
