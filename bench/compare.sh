#!/usr/bin/env bash
# compare.sh runs leat beside its peers and prints the table of `make bench`: every engine of a case in turn, twice over, so that
# what else the machine does hits all alike; the table keeps each one's better run. It takes about six minutes on two idle cores.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
results=$here/results/compare.jsonl
mkdir -p "$here/results"
: >"$results"

if command -v java >/dev/null && command -v mvn >/dev/null; then
  flink="flink-heap"
else
  flink=
  echo "Flink is left out: it needs java (17) and mvn on the PATH." >&2
fi

# events ENGINE prints how many events make the engine run for some seconds.
events() {
  case $1 in
    flink-*) echo n=30000000 warm=6000000 ;;
    go-oa) echo n=200000000 warm=20000000 ;;
    *) echo n=100000000 warm=20000000 ;;
  esac
}

# compare COMMAND-PREFIX WORKLOAD ARGUMENT ENGINE... runs the engines in turn, twice.
compare() {
  local prefix=$1 workload=$2 argument=$3 engine repetition
  shift 3
  for repetition in 1 2; do
    for engine in "$@"; do
      echo "${prefix:+$prefix }$workload $engine $argument, run $repetition of 2" >&2
      # shellcheck disable=SC2046,SC2086 # prefix and event counts are several words
      $prefix "$here/run.sh" "$workload" "$engine" $(events "$engine") "$argument" >>"$results"
    done
  done
}

compare "" W1 par=1 leat go-map go-oa $flink
compare "" W1z par=1 leat go-map go-oa $flink
compare "" W1 par=2 leat $flink
if command -v taskset >/dev/null; then
  compare "taskset -c 0" W1 name=W1-one-core leat go-oa $flink
else
  echo "W1 on one core is left out: it needs taskset." >&2
fi

GOTOOLCHAIN=auto go run -C "$here" ./table "$results"
