#!/usr/bin/env bash
# fetch.sh prints the folder with the jars of Flink 2.3.0 that pom.xml names, and gets them with Maven if they are not there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if [ ! -d "$here/lib" ]; then
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$here/lib.part" >&2
  mv "$here/lib.part" "$here/lib"
fi
echo "$here/lib"
