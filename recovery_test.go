package leat_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/connector/mem"
)

// tally is a record of how often a key has come.
type tally struct {
	Key int
	N   int64
}

// tallies is a job that counts keys 0 to 9 in a source of so many records, and writes each count exactly once. Hurt is
// called with each record and may fail.
func tallies(dir string, count int64, perSecond float64, hurt func(n int64) error) *leat.Job {
	job := counting(dir, count, perSecond, hurt, leat.ExactlyOnce())
	job.Checkpoint = leat.Checkpoint{Store: filepath.Join(dir, "store"), Every: 5 * time.Millisecond}
	return job
}

// atLeastOnce is the same job without a store.
func atLeastOnce(dir string, count int64, perSecond float64) *leat.Job {
	return counting(dir, count, perSecond, unhurt)
}

func counting(dir string, count int64, perSecond float64, hurt func(n int64) error, opts ...leat.Option) *leat.Job {
	job := leat.NewJob("tallies")
	job.Parallelism = 2
	job.Restart = leat.Restart{Pause: time.Millisecond, MaxPause: time.Millisecond}
	job.From("numbers", gen.Func(gen.Options{Count: count, PerSecond: perSecond}, func(i int64) int64 { return i })).
		KeyBy(func(n int64) int { return int(n % 10) }).
		Process("count", func(op *leat.Operator[int, tally]) func(int64) error {
			n := op.Value[int64]("n")
			return func(record int64) error {
				n.Set(n.Get() + 1)
				op.Emit(tally{op.Key(), n.Get()})
				return hurt(record)
			}
		}).
		To("tallies", file.Write(filepath.Join(dir, "out")).CSV, opts...)
	return job
}

func unhurt(int64) error { return nil }

// visible returns the sorted lines of a job's output.
func visible(t *testing.T, dir string) []string {
	t.Helper()
	parts, err := filepath.Glob(filepath.Join(dir, "out", "part-*"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, part := range parts {
		text, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Split(strings.TrimSpace(string(text)), "\n")[1:]...)
	}
	slices.Sort(all)
	return all
}

// expect compares the output with what counting the first records gives.
func expect(t *testing.T, dir string, count int64) {
	t.Helper()
	var want []string
	for i := range count {
		want = append(want, fmt.Sprintf("%d,%d", i%10, i/10+1))
	}
	slices.Sort(want)
	if got := visible(t, dir); !slices.Equal(got, want) {
		t.Errorf("%d lines, not %d", len(got), len(want))
	}
}

// A job that fails goes on from its newest checkpoint: every count is written once, though records were read again.
func TestRestartAfterFailure(t *testing.T) {
	dir, failures := t.TempDir(), atomic.Int32{}
	job := tallies(dir, 100_000, 0, func(n int64) error {
		if n >= 30_000*int64(failures.Load()+1) && failures.Load() < 3 {
			failures.Add(1)
			return errors.New("it hurts")
		}
		return nil
	})
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if failures.Load() != 3 {
		t.Errorf("%d failures, not 3", failures.Load())
	}
	expect(t, dir, 100_000)
}

// A record that always fails ends the job when the restarts are used up, and the error names the record.
func TestRestartsUsedUp(t *testing.T) {
	dir := t.TempDir()
	job := tallies(dir, 1000, 0, func(n int64) error {
		if n == 777 {
			return errors.New("it hurts")
		}
		return nil
	})
	job.Restart.Attempts = 2
	err := job.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "operator count") || !strings.Contains(err.Error(), "record 777") {
		t.Errorf("error %v", err)
	}
}

// A job that was stopped without drain goes on where it was, in a new process at another parallelism as well.
func TestGoOnAfterStop(t *testing.T) {
	dir := t.TempDir()
	running, err := tallies(dir, 60_000, 100_000, unhurt).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for len(visible(t, dir)) == 0 { // until the first checkpoint is committed
		if t.Context().Err() != nil {
			t.Fatal("no output")
		}
	}
	if err := running.Stop(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	job := tallies(dir, 60_000, 0, unhurt)
	job.Parallelism = 3
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, dir, 60_000)
}

// Of two processes on one store, the one that came first is stopped, and the output is that of one.
func TestTwoOnOneStore(t *testing.T) {
	dir := t.TempDir()
	first, err := tallies(dir, 60_000, 50_000, unhurt).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for len(visible(t, dir)) == 0 {
		if t.Context().Err() != nil {
			t.Fatal("no output")
		}
	}
	if err := tallies(dir, 60_000, 0, unhurt).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err == nil || !strings.Contains(err.Error(), "another process runs this job on the same store") {
		t.Errorf("the first ended with %v", err)
	}
	expect(t, dir, 60_000)
}

// A job that does not fit its checkpoint is refused before anything is restored.
func TestChangedJobIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := tallies(dir, 100, 0, unhurt).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	changed := func() *leat.Job {
		job := leat.NewJob("tallies")
		job.Checkpoint.Store = filepath.Join(dir, "store")
		job.From("numbers", gen.Func(gen.Options{Count: 100}, func(i int64) int64 { return i })).
			KeyBy(func(n int64) int { return int(n % 10) }).
			Process("count", func(op *leat.Operator[int, int64]) func(int64) error {
				op.Value[string]("n")
				return func(int64) error { return nil }
			}).
			To("sink", file.Discard)
		return job
	}
	err := changed().Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "count/n can't be read: values: does not fit: int64 was written, string is wanted") {
		t.Errorf("error %v", err)
	}
}

// A sink that can't promise exactly-once is refused, and so is a job that takes no checkpoints.
func TestExactlyOnceIsRefused(t *testing.T) {
	var into []int64
	build := func(store string, to func(*leat.Stream[int64])) error {
		job := leat.NewJob("refused")
		job.Checkpoint.Store = store
		to(job.From("numbers", mem.From[int64](1)))
		_, err := job.Plan()
		return err
	}
	toMemory := func(s *leat.Stream[int64]) { s.To("sink", mem.Into(&into), leat.ExactlyOnce()) }
	toFile := func(s *leat.Stream[int64]) {
		s.Map(func(n int64) tally { return tally{N: n} }).To("sink", file.Write(t.TempDir()).CSV, leat.ExactlyOnce())
	}
	if err := build(t.TempDir(), toMemory); err == nil || !strings.Contains(err.Error(), "the sink promises at least once at best") {
		t.Errorf("error %v", err)
	}
	if err := build("", toFile); err == nil || !strings.Contains(err.Error(), "exactly-once needs checkpoints") {
		t.Errorf("error %v", err)
	}
	if err := build(t.TempDir(), toFile); err != nil {
		t.Error(err)
	}
}

// A store that can't be is one clear error.
func TestStoreThatCannotBe(t *testing.T) {
	job := tallies(t.TempDir(), 1, 0, unhurt)
	job.Checkpoint.Store = "s3://bucket/x?nosuch=1"
	if err := job.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "Checkpoint.Store") {
		t.Errorf("error %v", err)
	}
}
