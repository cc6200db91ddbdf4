package view_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/state"
)

const keys = 50

// counting counts by key, with checkpoints all the time of which one is kept. It fails now and then.
func counting(store string, parallelism int, hurt func(n int64) error) *leat.Job {
	job := leat.NewJob("counting")
	job.Parallelism = parallelism
	job.Checkpoint = leat.Checkpoint{Store: store, Every: 2 * time.Millisecond, Keep: 1}
	job.Restart = leat.Restart{Pause: time.Millisecond, MaxPause: time.Millisecond}
	job.From("numbers", gen.Func(gen.Options{PerSecond: 50_000}, func(i int64) int64 { return i })).
		KeyBy(func(n int64) int { return int(n % keys) }).
		Process("count", func(op *leat.Operator[int, int64]) func(int64) error {
			n := op.Value[int64]("n")
			seen := op.List[int64]("seen")
			return func(record int64) error {
				n.Set(n.Get() + 1)
				if record%1000 < keys {
					seen.Append(record)
				}
				return hurt(record)
			}
		}).To("out", file.Discard)
	return job
}

// watch reads without end, and finds out whether what was durable has been taken back.
func watch(t *testing.T, r *leat.Running, from int, reads *atomic.Int64) {
	n, seen := r.View[int, int64]("count", "n"), r.View[int, []int64]("count", "seen")
	last := map[int]int64{}
	for i := from; ; i++ {
		key := i % keys
		if _, _, err := n.Live().Get(t.Context(), key); err != nil {
			if !strings.HasSuffix(err.Error(), "the job has ended") {
				t.Error(err)
			}
			return
		}
		all, err := n.GetAll(t.Context(), key, (key+1)%keys)
		if errors.Is(err, leat.ErrNoCheckpoint) {
			continue
		}
		if err != nil {
			t.Error(err)
			return
		}
		for key, now := range all {
			if now < last[key] {
				t.Errorf("the count of %d was %d in a checkpoint, and is %d in a later one", key, last[key], now)
			}
			last[key] = now
		}
		list, _, err := seen.Get(t.Context(), key)
		for i, record := range list {
			if record != int64(i*1000+key) {
				t.Errorf("key %d has seen %v", key, list)
			}
		}
		if err != nil {
			t.Error(err)
			return
		}
		reads.Add(1)
	}
}

// Reading goes on under load, while checkpoints come and go, attempts fail, and another process goes on at another parallelism.
func TestUnderLoad(t *testing.T) {
	store, failures, total := filepath.Join(t.TempDir(), "store"), atomic.Int64{}, int64(0)
	for _, parallelism := range []int{2, 3, 1} {
		job := counting(store, parallelism, func(n int64) error {
			if failed := failures.Load(); failed < 8 && n >= 4000*(failed+1) && failures.CompareAndSwap(failed, failed+1) {
				return errors.New("it hurts")
			}
			return nil
		})
		running, err := job.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var watching sync.WaitGroup
		var reads atomic.Int64
		for i := range 3 {
			watching.Go(func() { watch(t, running, 17*i, &reads) })
		}
		for live := running.View[int, int64]("count", "n").Live(); ; <-time.After(time.Millisecond) {
			n, _, err := live.Get(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			if n > 40_000/keys && reads.Load() >= 30 { // the last failure is over
				break
			}
		}
		if err := running.Stop(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		watching.Wait()
		total = checkTotal(t, running, total)
	}
}

// checkTotal checks that all keys were counted up to one number of the source, and returns that.
func checkTotal(t *testing.T, running *leat.Running, before int64) (total int64) {
	t.Helper()
	var all []int
	for key := range keys {
		all = append(all, key)
	}
	counts, err := running.View[int, int64]("count", "n").GetAll(t.Context(), all...)
	if err != nil || len(counts) != keys {
		t.Fatalf("%d counts: %v", len(counts), err)
	}
	for _, n := range counts {
		total += n
	}
	for key, n := range counts {
		if want := (total - int64(key) + keys - 1) / keys; n != want {
			t.Errorf("of %d records, %d are counted for key %d, not %d", total, n, key, want)
		}
	}
	if total <= before {
		t.Errorf("%d records, after %d", total, before)
	}
	return total
}

type (
	before struct{ Cents int32 }
	after  struct {
		Cents int64
		Note  string
	}
)

// A checkpoint of an older version of the job is read as the types of now, by the names of now, before and after the next one.
func TestOlderVersion(t *testing.T) {
	store := "mem:" + t.Name()
	first := leat.NewJob("versions")
	first.Checkpoint.Store = store
	first.From("numbers", mem.From(1, 2, 3)).Global().
		Process("old", func(op *leat.Operator[struct{}, int]) func(int) error {
			total, items := op.Value[before]("total"), op.Map[int32, before]("items")
			return func(i int) error {
				total.Set(before{total.Get().Cents + int32(i)})
				items.Set(int32(i), before{int32(i)})
				return nil
			}
		}).To("out", file.Discard)
	if err := first.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	hold := make(chan int)
	second := leat.NewJob("versions")
	second.Checkpoint = leat.Checkpoint{Store: store, Every: time.Hour}
	second.From("numbers", mem.From(1, 2, 3)).Global().
		Process("new", func(op *leat.Operator[struct{}, int]) func(int) error {
			op.Value[after]("sum", state.Was("total"))
			op.Map[int64, after]("items")
			op.Value[string]("fresh")
			return func(int) error { return nil }
		}, leat.Was("old")).To("out", file.Discard)
	second.From("held", mem.Chan(hold)).To("none", file.Discard)
	running, err := second.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := running.View[struct{}, after]("new", "sum")
	items := running.ItemView[struct{}, int64, after]("new", "items")
	all := running.View[struct{}, map[int64]after]("new", "items")
	check := func(when string) {
		t.Helper()
		got, ok, err := sum.Get(t.Context(), struct{}{})
		live, _, lerr := sum.Live().Get(t.Context(), struct{}{})
		if want := (after{Cents: 6}); got != want || live != want || !ok || err != nil || lerr != nil {
			t.Errorf("%s: %v, %v, %v, live %v, %v", when, got, ok, err, live, lerr)
		}
		item, ok, err := items.Get(t.Context(), struct{}{}, 2)
		if item != (after{Cents: 2}) || !ok || err != nil {
			t.Errorf("%s: item %v, %v, %v", when, item, ok, err)
		}
		if _, ok, err := items.Get(t.Context(), struct{}{}, 9); ok || err != nil {
			t.Errorf("%s: %v, %v", when, ok, err)
		}
		table, _, err := all.Get(t.Context(), struct{}{})
		if fmt.Sprint(table) != "map[1:{1 } 2:{2 } 3:{3 }]" || err != nil {
			t.Errorf("%s: %v, %v", when, table, err)
		}
		if x, ok, err := running.View[struct{}, string]("new", "fresh").Get(t.Context(), struct{}{}); ok || err != nil {
			t.Errorf("%s: %q, %v", when, x, err)
		}
	}
	check("as restored")
	close(hold)
	if err := running.Wait(); err != nil {
		t.Fatal(err)
	}
	if item, ok, err := items.Get(t.Context(), struct{}{}, 2); item != (after{Cents: 2}) || !ok || err != nil {
		t.Errorf("in the end: %v, %v, %v", item, ok, err)
	}
}
