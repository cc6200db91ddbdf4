// Package lsmtest is the suite of all engines: tables over them below heap stores, their snapshots and restores, and benchmarks.
package lsmtest

import (
	"strconv"
	"testing"

	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/backend/heap/heaptest"
	"leat.dev/leat/internal/backend/lsm"
	"leat.dev/leat/internal/keygroup"
)

// Run runs the suite over homes that open makes in a folder, with little memory, so that it is exceeded.
func Run(t *testing.T, open func(dir string) *lsm.Home) {
	t.Run("conformance", func(t *testing.T) {
		t.Run("many", func(t *testing.T) { conform(t, open, 100, func(i int) int64 { return int64(i) * 0x9E3779B9 }) })
		if testing.Short() {
			return // each takes as long, with the race detector minutes
		}
		t.Run("one", func(t *testing.T) { conform(t, open, 1, func(i int) string { return "key " + strconv.Itoa(i) }) })
		t.Run("budget", func(t *testing.T) { budget(t, open) })
	})
	t.Run("model", func(t *testing.T) { model(t, open) })
	t.Run("scale", func(t *testing.T) { scale(t, open) })
	t.Run("increment", func(t *testing.T) { increment(t, open) })
	t.Run("offline", func(t *testing.T) { offline(t, open) })
	t.Run("damage", func(t *testing.T) { damage(t, open) })
	t.Run("tombstones", func(t *testing.T) { tombstones(t, open) })
	t.Run("turns", func(t *testing.T) { turns(t, open) })
	t.Run("stale", func(t *testing.T) { stale(t, open) })
	t.Run("folder", func(t *testing.T) { folder(t, open) })
}

// conform runs the suite of all backends over stores that keep few rows in memory.
func conform[K comparable](t *testing.T, open func(dir string) *lsm.Home, most int, key func(int) K) {
	t.Parallel()
	keys, err := keygroup.Derive[K](nil)
	if err != nil {
		t.Fatal(err)
	}
	home := open(t.TempDir())
	budget := heap.NewBudget(0)
	backendtest.Suite[K]{
		Keys: keys, Key: key,
		Open: func(from, to, max int) *backendtest.Store[K] {
			s := heap.New(heap.Config{From: from, To: to, Max: max, Budget: budget}, keys)
			b := heaptest.States(s)
			b.Cold = true
			table, err := home.Open(from, to, max, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.Cool(table, most)
			return b
		},
	}.Run(t)
	if used := budget.UsedBytes(); used != 0 {
		t.Errorf("%d bytes of the budget are still taken after all stores were closed", used)
	}
	if s := home.Stats(); s.Tables != 0 || s.FlushedBytes == 0 {
		t.Errorf("nothing was written, or not all is closed: %+v", s)
	}
}

// budget runs it over stores whose budget is used up from the beginning: each keeps as few rows as it may.
func budget(t *testing.T, open func(dir string) *lsm.Home) {
	t.Parallel()
	keys, err := keygroup.Derive[int64](nil)
	if err != nil {
		t.Fatal(err)
	}
	budget := open(t.TempDir()).Budget(1)
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
