#!/usr/bin/env bash
# golden.sh remakes with Flink SQL what the examples' tests compare leat with, and fails when that differs from what is
# committed. It needs Java 17, Maven the first time, zstd and git.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
flights=$here/../../examples/flights
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

zstd -dcq "$flights/data/flights.csv.zst" | tail -n +2 >"$work/flights.csv"
"$here/run.sh" "$flights/golden/delays-hourly.sql" flights="$work/flights.csv" >"$work/rows.csv"
{
  echo window_start,origin,flights,departed,delay_sum,delay_max
  LC_ALL=C sort "$work/rows.csv"
} >"$flights/golden/delays-hourly.csv"

git -C "$flights" diff --exit-code -- golden
if [ -n "$(git -C "$flights" status --porcelain -- golden)" ]; then
  echo "golden.sh: files in examples/flights/golden are not committed" >&2
  exit 1
fi
