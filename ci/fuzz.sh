#!/usr/bin/env bash
# fuzz.sh [SECONDS] runs every fuzz target of the product for some seconds (10), one after another. What fails is written to the
# package's testdata/fuzz, as go test does.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
export GOTOOLCHAIN=auto

for package in $(go list ./...); do
  # Listing prints a closing line for each package, which is no target.
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    echo "$package $target for $seconds s"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${seconds}s" "$package"
  done
done
