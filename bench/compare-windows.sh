#!/usr/bin/env bash
# compare-windows.sh runs `make bench-windows`: windows and Nexmark on leat beside hand-written loops and, where java and mvn are
# found, Flink; every engine of a workload in turn, twice over, so that what else the machine does hits all alike; the table keeps each
# one's better run. Leat and the loops take more events than Flink could in the time; once they take as many as it, and all must have
# the same results. It takes about half an hour on two idle cores.
#   compare-windows.sh [WORKLOAD ...]    for some workloads alone, such as W2 W5q5
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
results=$here/results/windows.jsonl
same=$here/results/windows-same.jsonl
mkdir -p "$here/results"
: >"$results"
: >"$same"

workloads=("$@")
[ $# -gt 0 ] || workloads=(W2 W2d W3 W3d W4 W5q4 W5q5 W5q7w W5q8)

flink=yes
if ! command -v java >/dev/null || ! command -v mvn >/dev/null; then
  flink=
  echo "Flink is left out: it needs java (17) and mvn on the PATH." >&2
fi

# flink_of WORKLOAD prints the kind of Flink that the workload is compared with.
flink_of() {
  [ -n "$flink" ] || return 0
  case $1 in
    W3d) echo flink-heap flink-sql ;; # Flink SQL shares slices
    W5*) echo flink-sql ;;
    *) echo flink-heap ;;
  esac
}

# events WORKLOAD ENGINE prints how many events make the engine run for some seconds; Flink's are the workload's defaults.
events() {
  case $2 in
    flink-sql) [ "$1" != W3d ] || echo n=6000000 warm=1500000 ;;
    flink-*) ;;
    *)
      case $1 in
        W3) echo n=20000000 warm=2000000 ;;
        W3d) echo n=40000000 warm=2000000 ;;
        W5q4) echo n=20000000 warm=4000000 ;;
        W5*) echo n=40000000 warm=4000000 ;;
        *) echo n=100000000 warm=20000000 ;;
      esac
      ;;
  esac
}

# work RESULT prints what a result line says of the work done.
work() { sed -E 's/.*"out":([0-9]+),"sum":([0-9]+).*/out=\1 sum=\2/' <<<"$1"; }

# agree WORKLOAD FLINK RESULT runs leat and the loop on as many events as Flink took, and tells of other results than its. Flink SQL
# counts all rows of q4's changelog, and so has others.
agree() {
  local engine result
  [ "$1 $2" != "W5q4 flink-sql" ] || return 0
  for engine in leat go-map; do
    # shellcheck disable=SC2046 # several words
    result=$("$here/run.sh" "$1" "$engine" $(events "$1" "$2"))
    echo "$result" >>"$same"
    if [ "$(work "$result")" != "$(work "$3")" ]; then
      echo "compare-windows: $1 on $engine has $(work "$result"), $2 has $(work "$3")" >&2
      failed=yes
    fi
  done
}

failed=
for workload in "${workloads[@]}"; do
  for repetition in 1 2; do
    # shellcheck disable=SC2046 # engines are several words
    for engine in leat go-map $(flink_of "$workload"); do
      echo "$workload $engine, run $repetition of 2" >&2
      # shellcheck disable=SC2046 # event counts are several words
      result=$("$here/run.sh" "$workload" "$engine" $(events "$workload" "$engine"))
      echo "$result" >>"$results"
      case $engine$repetition in flink-*1) agree "$workload" "$engine" "$result" ;; esac
    done
  done
done

GOTOOLCHAIN=auto go run -C "$here" ./table "$results"
if [ $# -eq 0 ]; then
  echo
  "$here/run.sh" W3flat leat
  "$here/run.sh" windows-memory leat
fi
[ -z "$failed" ]
