#!/usr/bin/env bash
# golden.sh runs the scenarios of windows and joins on Flink 2.3, writes what they emit to testdata/flink, and fails when that
# differs from what is committed. It needs Java 17, Maven the first time, and git.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=$here/../../testdata/flink
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

lib=$("$here/../flinksql/fetch.sh")
javac -nowarn -Xlint:none -XDsuppressNotes -cp "$lib/*" -d "$work" "$here"/*.java
rm -f "$data"/*.txt
java --add-opens java.base/java.util=ALL-UNNAMED --add-opens java.base/java.lang=ALL-UNNAMED -Xmx2g \
  -cp "$work:$lib/*" Scenarios "$data" "$data"

git -C "$data" diff --exit-code -- .
if [ -n "$(git -C "$data" status --porcelain -- .)" ]; then
  echo "golden.sh: files in testdata/flink are not committed" >&2
  exit 1
fi
