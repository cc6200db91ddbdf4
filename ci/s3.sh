#!/usr/bin/env bash
# s3.sh tests object storage on a real server, versitygw over a folder, which it installs below out/: the suite of stores, the server killed
# and started again, connections that break, and jobs that are killed with their snapshots in it. About two minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
bin=$PWD/out/s3/versitygw
[ -x "$bin" ] || GOBIN=$PWD/out/s3 "$go" install github.com/versity/versitygw/cmd/versitygw@v1.8.0

LEAT_VERSITYGW=$bin "$go" test -count=1 -timeout 10m -run 'Server' ./internal/store/s3

root=$(mktemp -d)
log=$root.log
mkdir "$root/bucket"
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=testtest AWS_REGION=us-east-1

# start tries ports until the server listens on one.
start() {
  for port in $(shuf -i 20000-29999 -n 20); do
    ROOT_ACCESS_KEY=test ROOT_SECRET_KEY=testtest "$bin" --port "127.0.0.1:$port" --quiet posix "$root" >"$log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
      kill -0 "$server" 2>/dev/null || break
      if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        export AWS_ENDPOINT_URL=http://127.0.0.1:$port
        return
      fi
      sleep 0.1
    done
    kill "$server" 2>/dev/null || true
  done
  cat "$log"
  exit 1
}
server=
trap 'kill "$server" 2>/dev/null || true; rm -rf "$root" "$log"' EXIT
start

LEAT_S3=s3://bucket/standby "$go" test -count=1 -run 'TestStandbyOnS3$' ./internal/cli
"$go" run ./internal/crash -store s3://bucket/crash -kills 40 -jobs 0,3,5,9,12,16 \
  -points job/claimed,take/after,segment/half,segment/closed,manifest/before,manifest/after,savepoint/manifest,savepoint/discarded,tidy/manifests,tidy/file,store/synced,store/shown,store/removed
