#!/usr/bin/env bash
# compare-w7.sh runs `make bench-w7`: W7 without checkpoints and with one every five seconds, on leat and on Flink in turn, twice
# over, and prints what checkpoints cost each; then how soon each goes on from a checkpoint of all keys, and leat's pauses and
# latencies. It takes about twenty minutes on two idle cores.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
results=$here/results/w7.jsonl
mkdir -p "$here/results"
: >"$results"

engines=(leat)
if command -v java >/dev/null && command -v mvn >/dev/null; then
  engines+=(flink-heap flink-rocksdb)
else
  echo "Flink is left out: it needs java (17) and mvn on the PATH." >&2
fi

# events ENGINE prints how many events keep the engine busy for half a minute or more, so that there are several checkpoints.
events() {
  case $1 in
    flink-heap) echo n=50000000 warm=20000000 ;;
    flink-rocksdb) echo n=16000000 warm=11000000 preload=10000000 ;;
    *) echo n=260000000 warm=20000000 ;;
  esac
}

for repetition in 1 2; do
  for engine in "${engines[@]}"; do
    for ckpt in 0 5000; do
      name=W7
      [ "$ckpt" = 0 ] || name=W7-ckpt
      echo "$name $engine, run $repetition of 2" >&2
      # shellcheck disable=SC2046 # several words
      "$here/run.sh" W7 "$engine" $(events "$engine") ckpt="$ckpt" name="$name" >>"$results"
    done
  done
done
GOTOOLCHAIN=auto go run -C "$here" ./table "$results"

echo
for engine in "${engines[@]}"; do
  echo "restore, $engine" >&2
  "$here/run.sh" W7 "$engine" restore=1 ckpt=5000
done
"$here/run.sh" pauses leat cpu=1
"$here/run.sh" latency-eo leat
