#!/usr/bin/env bash
# run.sh SCRIPT.sql [name=value ...] runs a Flink SQL script in one process on Flink 2.3.0 and prints the rows of its queries;
# Run.java says how. It needs Java 17 and, the first time, Maven.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
script=$(realpath "${1:?a script}")
shift

if [ ! -d "$here/lib" ]; then
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$here/lib.part" >&2
  mv "$here/lib.part" "$here/lib"
fi
exec java --add-opens java.base/java.util=ALL-UNNAMED --add-opens java.base/java.lang=ALL-UNNAMED -Xmx1g \
  -cp "$here/lib/*" "$here/Run.java" "$script" "$@"
