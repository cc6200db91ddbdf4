package snapshot_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"leat.dev/leat"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/internal/inspect"
	"leat.dev/leat/snapshot"
	"leat.dev/leat/state"
)

const (
	diskKeys = 5000
	perRun   = 2 * diskKeys // numbers
)

// collections is a job with a value, a list, a map and an ordered map a key: of each key number, everything that came.
func collections(run int) *leat.Job {
	job := leat.NewJob("collections")
	var numbers []int64
	for n := int64(run) * perRun; n < int64(run+1)*perRun; n++ {
		numbers = append(numbers, n)
	}
	if run > 0 { // what the run before has read to its end
		job.Restore.AllowDrop = []string{fmt.Sprint("numbers-", run-1)}
	}
	job.From(fmt.Sprint("numbers-", run), mem.From(numbers...)).
		KeyBy(func(n int64) int64 { return n % diskKeys }).
		Process("keep", func(op *leat.Operator[int64, int64]) func(int64) error {
			sum, all := op.Value[int64]("sum"), op.List[int64]("all")
			by, sorted := op.Map[string, int64]("by"), op.Ordered[int64, string]("sorted")
			return func(n int64) error {
				sum.Set(sum.Get() + n)
				all.Append(n)
				by.Set(fmt.Sprint("n", n), n)
				sorted.Set(n, strings.Repeat("x", int(n%7)))
				op.Emit(sum.Get())
				return nil
			}
		}).
		To("out", mem.Each(func(context.Context, int64) error { return nil }))
	return job
}

// Checkpoints of a job whose state is on disk are read, checked, and gone on from in memory and on disk, at another parallelism too.
func TestCheckpointsOfStateOnDisk(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "store")
	onDisk := state.Disk{Dir: filepath.Join(dir, "state"), BudgetBytes: 1 << 20}
	runs := []struct {
		backend     state.Backend
		parallelism int
	}{{onDisk, 2}, {onDisk, 3}, {state.Heap{}, 1}, {onDisk, 1}}
	for i, run := range runs {
		job := collections(i)
		job.Checkpoint.Store, job.Backend, job.Parallelism = store, run.backend, run.parallelism
		if err := job.Run(t.Context()); err != nil {
			t.Fatalf("run %d: %v", i, err)
		}
		s, err := snapshot.Open(store)
		if err != nil {
			t.Fatal(err)
		}
		checkCollections(t, s, int64(i+1)*perRun)
		if t.Failed() {
			t.Fatalf("after run %d", i)
		}
	}
	inside, err := inspect.Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := inside.Verify(t.Context())
	if err != nil || len(verdict.Damage) > 0 {
		t.Errorf("verify: %v, %v", verdict, err)
	}
}

func checkCollections(t *testing.T, s *snapshot.Snapshot, to int64) {
	t.Helper()
	sums := maps.Collect(s.Values[int64, int64]("keep", "sum"))
	lists := maps.Collect(s.Lists[int64, int64]("keep", "all"))
	items := maps.Collect(s.Maps[int64, string, int64]("keep", "by"))
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if len(sums) != diskKeys || len(lists) != diskKeys || len(items) != diskKeys {
		t.Fatalf("%d sums, %d lists, %d maps", len(sums), len(lists), len(items))
	}
	for key := range int64(diskKeys) {
		var sum int64
		var all []int64
		by := map[string]int64{}
		for n := key; n < to; n += diskKeys {
			sum += n
			all = append(all, n)
			by[fmt.Sprint("n", n)] = n
		}
		if sums[key] != sum || !slices.Equal(lists[key], all) || !maps.Equal(items[key], by) {
			t.Fatalf("key %d: sum %d, list %v, map %v; want %d, %v, %v", key, sums[key], lists[key], items[key], sum, all, by)
		}
	}
}
