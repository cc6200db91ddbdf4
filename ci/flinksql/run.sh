#!/usr/bin/env bash
# run.sh SCRIPT.sql [name=value ...] runs a Flink SQL script in one process on Flink 2.3.0 and prints the rows of its queries;
# Run.java says how. FLINKSQL_HEAP is its heap, 1g if nothing is said. It needs Java 17 and, the first time, Maven.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
script=$(realpath "${1:?a script}")
shift

lib=$("$here/fetch.sh")
exec java --add-opens java.base/java.util=ALL-UNNAMED --add-opens java.base/java.lang=ALL-UNNAMED -Xmx"${FLINKSQL_HEAP:-1g}" \
  -cp "$lib/*" "$here/Run.java" "$script" "$@"
