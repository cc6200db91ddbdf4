#!/usr/bin/env bash
# bench-smoke.sh runs leat, the open-addressing loop and Flink on short W1 and W1z and fails unless all have the same results. Its
# figures are of runs too short to mean anything.
set -euo pipefail
bench=$(cd "$(dirname "$0")/../bench" && pwd)
export JVM=${JVM:--Xmx2g -XX:+UseParallelGC}

# work RESULT prints what a result line says of the work done.
work() { sed -E 's/.*"out":([0-9]+),"sum":([0-9]+).*/out=\1 sum=\2/' <<<"$1"; }

# same WORKLOAD [name=value ...] runs the three engines and compares.
same() {
  local engine result first=
  for engine in leat go-oa flink-heap; do
    result=$("$bench/run.sh" "$1" "$engine" n=2000000 warm=500000 "${@:2}")
    echo "$result"
    first=${first:-$(work "$result")}
    if [ "$(work "$result")" != "$first" ]; then
      echo "bench-smoke: $* on $engine has $(work "$result"), leat has $first" >&2
      exit 1
    fi
  done
}

same W1
same W1z
same W1 par=2
