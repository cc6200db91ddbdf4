#!/usr/bin/env bash
# baseline.sh [RESULTS.jsonl] runs every peer on every workload, one after another: about 40 minutes on 2 idle cores. A failed
# run is told and left out. `go run ./table RESULTS.jsonl`, in bench/, makes the table.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
results=${1:-$here/../results/baseline.jsonl}
mkdir -p "$(dirname "$results")"

run() { "$here/run.sh" "$@" >>"$results" || echo "failed: $*" >&2; }

for w in W1 W1z W2 W2d W3 W3d W4; do run $w flink-heap; done
# The hand-written loops need more events to run for some seconds.
for w in W1 W1z W2 W2d W4; do run $w go-map n=100000000 warm=20000000; done
run W3 go-map n=20000000 warm=2000000
run W3d go-map n=40000000 warm=2000000
run W1 flink-heap par=2
run W2d flink-heap par=2
run W1 flink-heap-chained
run W1 flink-heap-chained-mut
run W1 go-dolthub n=100000000 warm=20000000
run W1 go-oa n=200000000 warm=20000000
JVM="-Xms6g -Xmx6g -XX:+UseG1GC" run W1 flink-heap label=flink-heap-g1
run W1 flink-rocksdb n=5000000 warm=2000000
run W2 flink-rocksdb n=4000000 warm=1500000
run W2d flink-rocksdb n=6000000 warm=2000000
run W3 flink-rocksdb n=120000 warm=70000
run W4 flink-rocksdb n=4000000 warm=1500000

run W6s flink-heap n=26000000
run W6s flink-rocksdb n=12500000
run W6s pebble
run W6s rocksdb-cpp n=12500000
run W6s go-map n=50000000

run W7 flink-heap label=flink-heap-nockpt
run W7 flink-heap ckpt=5000
run W7 flink-rocksdb label=flink-rocksdb-nockpt warm=3000000 n=6000000
run W7 flink-rocksdb ckpt=5000 warm=3000000 n=6000000

for q in W5q4 W5q5 W5q7 W5q7w W5q8; do run $q flink-sql; done
run W5q4 go-map n=20000000 warm=4000000
for q in W5q5 W5q7 W5q8; do run $q go-map n=40000000 warm=4000000; done
run W5q4 flink-sql-mb
run W1 flink-sql n=15000000 warm=5000000
run W1 flink-sql-mb n=15000000 warm=5000000
run W2 flink-sql n=12000000 warm=3000000
run W2d flink-sql
run W2d flink-sql-mb
run W3 flink-sql n=200000 warm=100000
run W3d flink-sql n=6000000 warm=1500000
run W4 flink-sql

run W1 bytewax n=1200000 warm=200000
run W2 bytewax n=120000 warm=20000
run W1 pathway n=1200000 warm=200000
run W2 pathway n=250000 warm=50000
run W2d pathway n=600000 warm=100000
