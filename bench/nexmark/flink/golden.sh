#!/usr/bin/env bash
# golden.sh remakes with Flink SQL what the queries' tests compare leat with (testdata/), and fails when that differs from what is
# committed. `golden.sh make [QUERY ...]` only remakes, of the queries that are named or of all; EVENTS names other numbers of
# events. It needs Java 17 and, the first time, Maven, and takes about ten minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
nexmark=$here/..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOTOOLCHAIN=auto LC_ALL=C

check=yes
[ "${1:-}" != make ] || { check=no; shift; }
queries=("$@")
[ $# -gt 0 ] || queries=(q0 q1 q2 q3 q4 q5 q7 q8 q11 q15 q16 q17 q18 q19)

# whole is up to how many lines a result is committed as it is.
whole=100

for n in ${EVENTS:-100000 1000000}; do
  digests=$nexmark/testdata/flink-$n.txt
  mkdir -p "$work/$n/rows"
  go run -C "$nexmark" ./events "$n" "$work/$n"
  (cd "$here" && cat tables.sql "${queries[@]/%/.sql}") >"$work/script.sql"
  FLINKSQL_HEAP=4g "$nexmark/../../ci/flinksql/run.sh" "$work/script.sql" dir="$work/$n" final="$work/$n/rows"
  touch "$digests"
  for i in "${!queries[@]}"; do
    query=${queries[i]} rows=$work/$n/rows/$((i + 1))
    sort -o "$rows" "$rows"
    {
      grep -v "^$query " "$digests" || true
      echo "$query $(wc -l <"$rows") $(sha256sum <"$rows" | cut -d' ' -f1)"
    } | sort -V >"$work/digests"
    cp "$work/digests" "$digests"
    [ "$(wc -l <"$rows")" -gt $whole ] || cp "$rows" "$nexmark/testdata/$query-$n.csv"
  done
done

[ $check = yes ] || exit 0
git -C "$nexmark" diff --exit-code -- testdata
if [ -n "$(git -C "$nexmark" status --porcelain -- testdata)" ]; then
  echo "golden.sh: files in bench/nexmark/testdata are not committed" >&2
  exit 1
fi
