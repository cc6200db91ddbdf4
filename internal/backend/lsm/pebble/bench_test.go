//go:build unix

package pebble

import (
	"fmt"
	"path/filepath"
	"testing"

	"leat.dev/leat/internal/backend/disk"
	"leat.dev/leat/internal/backend/hashlog"
	"leat.dev/leat/internal/backend/lsm/lsmtest"
)

var sizes = []int{1_000_000, 10_000_000}

// BenchmarkModify reads and writes records at random, with 64 MB for blocks.
func BenchmarkModify(b *testing.B) {
	for _, keys := range sizes {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			home := New(Options{Dir: b.TempDir()})
			table, err := home.Open(0, 128, 128, nil)
			if err != nil {
				b.Fatal(err)
			}
			lsmtest.Modify(b, table, keys)
			s := home.Stats()
			b.ReportMetric(float64(s.FileBytes)/1e6, "disk-MB")
			b.ReportMetric(float64(s.CompactWrite)/float64(s.FlushedBytes), "compacted/flushed")
			b.ReportMetric(float64(s.CacheHits)/float64(s.CacheHits+s.CacheMiss), "cache-hits")
		})
	}
}

// BenchmarkHashLog does the same to a hash log, for comparison.
func BenchmarkHashLog(b *testing.B) {
	for _, keys := range sizes {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			log, err := hashlog.Open(hashlog.Options{Dir: filepath.Join(b.TempDir(), "log"), RewriteBytesPerSecond: 256 << 20})
			if err != nil {
				b.Fatal(err)
			}
			table, err := disk.NewTable(log, 0, 128, 128, nil)
			if err != nil {
				b.Fatal(err)
			}
			lsmtest.Modify(b, table, keys)
			s := log.Stats()
			b.ReportMetric(float64(s.SegmentBytes)/1e6, "disk-MB")
			b.ReportMetric(float64(s.MemoryBytes)/float64(s.Records), "memory-B/record")
		})
	}
}

// BenchmarkSnapshots takes snapshots while records are read and written.
func BenchmarkSnapshots(b *testing.B) {
	table, err := New(Options{Dir: b.TempDir()}).Open(0, 128, 128, nil)
	if err != nil {
		b.Fatal(err)
	}
	lsmtest.Snapshots(b, table)
}
