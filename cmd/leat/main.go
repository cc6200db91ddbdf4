// Command leat does what needs no job's code: it looks into snapshots, compares, verifies, exports and deletes them, and looks into the
// state of a running job.
//
//	leat snapshot list STORE
//	leat snapshot show SNAP
//	leat snapshot inspect SNAP OPERATOR/STATE [--key K]
//	leat snapshot diff SNAP SNAP
//	leat snapshot verify SNAP
//	leat snapshot export SNAP --format parquet --to DIR
//	leat snapshot delete SNAP
//	leat state --job NAME [OPERATOR/STATE --key K]
package main

import (
	"context"

	_ "leat.dev/leat/codec/proto" // shows protobuf messages in snapshots
	"leat.dev/leat/internal/cli"
	_ "leat.dev/leat/internal/store/s3" // snapshots in object storage
)

func main() { cli.Tool(context.Background(), cli.Process()).End() }
