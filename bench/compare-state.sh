#!/usr/bin/env bash
# compare-state.sh runs `make bench-state`: state on disk, on leat and on Flink with RocksDB in turn, each with a checkpoint every five
# seconds: W1 with all of its state within the budget, and beside it in memory; W6s and W7 with state beyond the budget. Without java and
# mvn Flink is left out. It takes about a quarter of an hour on two idle cores, nearly all of it Flink's.
#   compare-state.sh [W1|W6s|W6|W7 ...]    for some workloads alone; W6 is leat's alone, as Flink takes an hour for it
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
results=$here/results/state.jsonl
mkdir -p "$here/results"
: >"$results"

workloads=("$@")
[ $# -gt 0 ] || workloads=(W1 W6s W7)
flink=yes
if ! command -v java >/dev/null || ! command -v mvn >/dev/null; then
  flink=
  echo "Flink is left out: it needs java (17) and mvn on the PATH." >&2
fi

# run WORKLOAD ENGINE LABEL [name=value ...] runs one engine.
run() {
  echo "$1 $3" >&2
  "$here/run.sh" "$1" "$2" label="$3" "${@:4}" | tee -a "$results"
}

for workload in "${workloads[@]}"; do
  case $workload in
    W1)
      run W1 leat leat-heap n=80000000 warm=10000000 ckpt=5000
      run W1 leat leat-disk n=80000000 warm=10000000 ckpt=5000 backend=disk managed=512m
      [ -z "$flink" ] || run W1 flink-rocksdb flink-rocksdb n=4000000 warm=2000000 ckpt=5000 managed=512m
      ;;
    W6s)
      run W6s leat leat-disk ckpt=5000 backend=disk n=18000000
      [ -z "$flink" ] || run W6s flink-rocksdb flink-rocksdb ckpt=5000 n=12500000
      ;;
    W6) run W6 leat leat-disk ckpt=5000 backend=disk managed=512m ;;
    W7)
      run W7 leat leat-disk-without backend=disk managed=512m n=60000000 warm=20000000
      run W7 leat leat-disk backend=disk managed=512m ckpt=5000 n=60000000 warm=20000000
      [ -z "$flink" ] || run W7 flink-rocksdb flink-rocksdb ckpt=5000 managed=512m n=14000000 warm=11000000 preload=10000000
      ;;
    *)
      echo "compare-state: no workload $workload: want W1, W6s, W6 or W7" >&2
      exit 2
      ;;
  esac
done
GOTOOLCHAIN=auto go run -C "$here" ./table "$results"
