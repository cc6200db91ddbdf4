package disk_test

import (
	"strconv"
	"testing"

	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/backend/disk"
	"leat.dev/leat/internal/backend/hashlog"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/backend/heap/heaptest"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/vfs"
)

// TestConformance runs the suite of all backends over stores that keep few rows in memory, above hash logs whose segments are so small
// that they are rewritten all the time.
func TestConformance(t *testing.T) {
	t.Run("one", func(t *testing.T) { conform(t, 1, func(i int) string { return "key " + strconv.Itoa(i) }) })
	if testing.Short() {
		return // each takes as long, with the race detector minutes
	}
	t.Run("many", func(t *testing.T) { conform(t, 100, func(i int) int64 { return int64(i) * 0x9E3779B9 }) })
}

// TestBudget runs it over stores whose budget is used up from the beginning: each keeps as few rows as it may, and gives memory back all the time.
func TestBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes as long as TestConformance, with the race detector minutes")
	}
	keys, err := keygroup.Derive[int64](nil)
	if err != nil {
		t.Fatal(err)
	}
	budget := disk.New(disk.Options{
		BudgetBytes: 1,
		FS:          vfs.NewMem(),
		Log:         hashlog.Options{SegmentBytes: 16 << 10, BufferBytes: 4 << 10, RewriteBytesPerSecond: -1},
		Dir:         "state",
	}).Budget()
	backendtest.Suite[int64]{
		Keys: keys, Key: func(i int) int64 { return int64(i) * 0x9E3779B9 },
		Open: func(from, to, max int) *backendtest.Store[int64] {
			b := heaptest.States(heap.New(heap.Config{From: from, To: to, Max: max, Budget: budget}, keys))
			b.Cold = true
			return b
		},
	}.Run(t)
	if used := budget.UsedBytes(); used != 0 {
		t.Errorf("%d bytes of the budget are still taken after all stores were closed", used)
	}
}

func conform[K comparable](t *testing.T, most int, key func(int) K) {
	keys, err := keygroup.Derive[K](nil)
	if err != nil {
		t.Fatal(err)
	}
	log, err := hashlog.Open(hashlog.Options{
		FS: vfs.NewMem(), Dir: "state", SegmentBytes: 16 << 10, BufferBytes: 4 << 10, RewriteBytesPerSecond: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	budget := heap.NewBudget(0)
	backendtest.Suite[K]{
		Keys: keys, Key: key,
		Open: func(from, to, max int) *backendtest.Store[K] {
			s := heap.New(heap.Config{From: from, To: to, Max: max, Budget: budget}, keys)
			b := heaptest.States(s)
			table, err := disk.NewTable(log, from, to, max, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.Cool(table, most)
			b.Cold = true
			return b
		},
	}.Run(t)
	if used := budget.UsedBytes(); used != 0 {
		t.Errorf("%d bytes of the budget are still taken after all stores were closed", used)
	}
	stats := log.Stats()
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	if stats.Rewrites == 0 || stats.Reads == 0 {
		t.Errorf("nothing was read or rewritten: %+v", stats)
	}
}
