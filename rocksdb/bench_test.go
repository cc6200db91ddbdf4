//go:build unix

package rocksdb

import (
	"fmt"
	"testing"

	"leat.dev/leat/internal/backend/lsm/lsmtest"
)

// BenchmarkModify reads and writes records at random, with 64 MB for blocks.
func BenchmarkModify(b *testing.B) {
	for _, keys := range []int{1_000_000, 10_000_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			home := Backend{Dir: b.TempDir()}.home()
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

// BenchmarkSnapshots takes snapshots while records are read and written.
func BenchmarkSnapshots(b *testing.B) {
	table, err := Backend{Dir: b.TempDir()}.home().Open(0, 128, 128, nil)
	if err != nil {
		b.Fatal(err)
	}
	lsmtest.Snapshots(b, table)
}
