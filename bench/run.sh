#!/usr/bin/env bash
# run.sh WORKLOAD ENGINE [name=value ...] builds what it needs, runs one workload on one engine in one process and prints one
# line of JSON; README.md lists workloads, engines and arguments. It pins nothing to cores.
#   run.sh W1 leat          run.sh W1 flink-heap par=2          run.sh W6 pebble keys=20000000 preload=20000000 n=40000000 warm=21000000
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
workload=${1:?a workload, such as W1} engine=${2:?an engine, such as leat}

[ "$engine" = leat ] || exec "$here/peers/run.sh" "$@"

shift 2
source "$here/workloads.sh"
defaults=$(workload_defaults "$workload")
export GOTOOLCHAIN=auto
scratch=$(mktemp -d "${BENCH_DIR:-${TMPDIR:-/tmp}}/leat-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

go build -C "$here" -o bin/leat ./leat
# shellcheck disable=SC2086 # the defaults are several words
"$here/bin/leat" $defaults name="$workload" engine=leat dir="$scratch" "$@"
