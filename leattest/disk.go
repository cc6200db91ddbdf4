package leattest

import (
	"leat.dev/leat/internal/backend/disk"
	"leat.dev/leat/internal/backend/hashlog"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/vfs"
)

// fewRows is how many rows a store keeps in memory when a test has state on disk: about one of a hundred key groups.
const fewRows = 1

// diskOf has state on a disk in memory, whose files are so short that they are rewritten again and again.
func diskOf(rows int) *heap.Budget {
	return disk.New(disk.Options{
		FS: vfs.NewMem(), Dir: "state", Rows: rows,
		Log: hashlog.Options{SegmentBytes: 16 << 10, BufferBytes: 4 << 10, RewriteBytesPerSecond: -1},
	}).Budget()
}
