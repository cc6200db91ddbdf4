#!/usr/bin/env bash
# run.sh WORKLOAD ENGINE [name=value ...] does for the peers what ../run.sh does for all engines.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
workload=${1:?a workload, such as W1} engine=${2:?an engine, such as flink-heap}
shift 2
source "$here/../workloads.sh"
defaults=$(workload_defaults "$workload")
export GOTOOLCHAIN=auto
scratch=$(mktemp -d "${BENCH_DIR:-${TMPDIR:-/tmp}}/leat-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
# shellcheck disable=SC2206 # the defaults are several words
arguments=($defaults name="$workload" engine="$engine" dir="$scratch" "$@")

run_flink() {
  local jar=$here/flink/target/flink-peer.jar opens=() package
  if [ ! -d "$here/flink/target/lib" ]; then
    mvn -q -B -f "$here/flink/pom.xml" dependency:copy-dependencies -DoutputDirectory=target/lib.part >&2
    mv "$here/flink/target/lib.part" "$here/flink/target/lib"
  fi
  if [ ! -f "$jar" ] || [ -n "$(find "$here/flink/pom.xml" "$here/flink/src" -newer "$jar" -type f)" ]; then
    mvn -q -B -f "$here/flink/pom.xml" package >&2
  fi
  for package in java.lang java.lang.invoke java.lang.reflect java.math java.net java.nio java.text java.time java.util \
    java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks; do
    opens+=(--add-opens "java.base/$package=ALL-UNNAMED")
  done
  # shellcheck disable=SC2086 # JVM holds several flags
  java ${JVM:--Xms6g -Xmx6g -XX:+UseParallelGC} -XX:-UsePerfData -Dlog4j.rootLogger=OFF "${opens[@]}" \
    -cp "$jar:$here/flink/target/lib/*" bench.Main "${arguments[@]}"
}

# restore_flink fills the state, ends with a checkpoint, and goes on from it in five processes.
restore_flink() {
  local keys=10000000 argument place
  for argument in "${arguments[@]}"; do
    case $argument in keys=*) keys=${argument#keys=} ;; esac
  done
  arguments+=(n=1000000000000 "preload=$keys" "warm=$keys")
  local common=("${arguments[@]}")
  arguments=("${common[@]}" role=fill)
  place=$(run_flink)
  arguments=("${common[@]}" role=resume "execution.state-recovery.path=$place")
  for _ in 1 2 3 4 5; do
    run_flink
  done
}

run_go() {
  go build -C "$here/gopeer" -o bin/gopeer .
  "$here/gopeer/bin/gopeer" "${arguments[@]}"
}

run_rocksdb() {
  if [ ! "$here/cpp/bin/rmw" -nt "$here/cpp/rmw.cc" ]; then
    mkdir -p "$here/cpp/bin"
    g++ -O2 -march=native -o "$here/cpp/bin/rmw" "$here/cpp/rmw.cc" -lrocksdb
  fi
  "$here/cpp/bin/rmw" "${arguments[@]}"
}

run_python() {
  local venv=$here/py/venv-$engine
  if [ ! -d "$venv" ]; then
    python3 -m venv "$venv.part"
    "$venv.part/bin/python" -m pip install -q -r "$here/py/requirements-$engine.txt" >&2
    mv "$venv.part" "$venv"
  fi
  "$venv/bin/python" "$here/py/${engine}_peer.py" "${arguments[@]}"
}

case $engine in
  flink-*)
    case " ${arguments[*]} " in
      *" restore=1 "*) restore_flink ;;
      *) run_flink ;;
    esac
    ;;
  go-* | pebble) run_go ;;
  rocksdb-cpp) run_rocksdb ;;
  bytewax | pathway) run_python ;;
  *)
    echo "no engine $engine: see bench/README.md" >&2
    exit 2
    ;;
esac
