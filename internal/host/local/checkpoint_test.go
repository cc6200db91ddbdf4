package local_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/internal/bridge"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/internal/store"
)

// taken is a checkpoint of a job in the middle of its input, after which the attempt is given up.
func taken(t *testing.T, job *leat.Job, parallelism int, o local.Options) *checkpoint.Snapshot {
	t.Helper()
	a, err := begin(t, job, parallelism, o)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	s, err := a.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a.Cancel(errEnough)
	if err := a.Wait(); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	return s
}

// From any point, at any parallelism, the sums are those of an undisturbed run.
func TestRestoreAtAnotherParallelism(t *testing.T) {
	for _, c := range []struct{ read, from, to int }{{0, 1, 2}, {50, 1, 3}, {50, 3, 1}, {77, 2, 5}, {120, 5, 2}} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, b := newWords(3, 120), newBook()
				w.allow(c.read)
				s := store.NewMemory()
				snapshot := taken(t, sums(w, b), c.from, local.Options{BatchSize: 16, WatermarkEvery: 8, Store: s})
				check(t, "written before", b.sorted(), "")
				w.allow(w.each + 1)
				if err := run(t, sums(w, b), c.to, local.Options{Store: s, Restore: snapshot}); err != nil {
					t.Fatal(err)
				}
				check(t, "sums", b.sorted(), wanted(w, 1))
			})
		})
	}
}

// A restored attempt takes checkpoints with larger numbers, which restore as well.
func TestRestoreOfARestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b, s := newWords(2, 100), newBook(), store.NewMemory()
		var snapshot *checkpoint.Snapshot
		for i, parallelism := range []int{1, 3, 2, 4} {
			w.allow(20 * (i + 1))
			snapshot = taken(t, sums(w, b), parallelism, local.Options{BatchSize: 8, WatermarkEvery: 4, Store: s, Restore: snapshot})
			if id := snapshot.Manifest.Checkpoint; id != int64(i+1) {
				t.Errorf("checkpoint %d is number %d", i+1, id)
			}
			m, err := checkpoint.Read(t.Context(), s, "sums", int64(i+1))
			if err != nil {
				t.Fatal(err)
			}
			snapshot = &checkpoint.Snapshot{Manifest: m, Store: s}
		}
		w.allow(101)
		if err := run(t, sums(w, b), 2, local.Options{Store: s, Restore: snapshot}); err != nil {
			t.Fatal(err)
		}
		check(t, "sums", b.sorted(), wanted(w, 1))
	})
}

// Many at once, asked for by several, while records move: all are complete that no newer one overtakes, and each restores.
func TestCheckpointsAtTheSameTime(t *testing.T) {
	w, b, s := newWords(4, 2_000), newBook(), store.NewMemory()
	w.allow(1_999)
	a, err := begin(t, sums(w, b), 3, local.Options{BatchSize: 16, WatermarkEvery: 8, Store: s})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // guards all
	var all []*checkpoint.Snapshot
	var asking sync.WaitGroup
	for range 3 {
		asking.Go(func() {
			for range 5 {
				snapshot, err := a.Checkpoint(t.Context())
				if errors.Is(err, checkpoint.ErrOvertaken) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				all = append(all, snapshot)
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	if len(all) < 5 {
		t.Errorf("%d of 15 are complete", len(all))
	}
	w.allow(2_001)
	if err := a.Wait(); err != nil {
		t.Fatal(err)
	}
	check(t, "sums", b.sorted(), wanted(w, 1))
	for i, snapshot := range all {
		if i%5 > 0 {
			continue
		}
		again := newBook()
		if err := run(t, sums(w, again), 1+i%4, local.Options{Restore: snapshot}); err != nil {
			t.Fatal(err)
		}
		check(t, fmt.Sprint("restored from ", snapshot.Manifest.Checkpoint), again.sorted(), wanted(w, 1))
	}
}

// Some sources have come to their end, and all of some tasks: checkpoints go on, and have all parts.
func TestCheckpointAfterSomeHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long, short, s := newWords(2, 100), newWords(1, 30), store.NewMemory()
		longBook, shortBook := newBook(), newBook()
		long.allow(40)
		job := func() *leat.Job {
			job := sums(long, longBook)
			job.From("short", short.source).EventTime(word.when, 0).KeyBy(word.key).Process("other", sum).To("other book", shortBook.sink)
			return job
		}
		snapshot := taken(t, job(), 3, local.Options{Store: s})
		check(t, "the short input has ended", shortBook.sorted(), wanted(short, 1))
		long.allow(101)
		if err := run(t, job(), 2, local.Options{Store: s, Restore: snapshot}); err != nil {
			t.Fatal(err)
		}
		check(t, "the long one", longBook.sorted(), wanted(long, 1))
		check(t, "the short one is not said again", shortBook.sorted(), wanted(short, 1))
		if short.opened != 1 {
			t.Errorf("the short input was opened %d times", short.opened)
		}
	})
}

// A job that was stopped without draining goes on where it was.
func TestCheckpointOfAStoppedJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b, s := newWords(2, 100), newBook(), store.NewMemory()
		w.allow(40)
		a, err := begin(t, sums(w, b), 2, local.Options{Store: s})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		id := a.Trigger()
		a.Stop(false)
		snapshot, err := a.Await(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Wait(); err != nil {
			t.Fatal(err)
		}
		w.allow(101)
		if err := run(t, sums(w, b), 3, local.Options{Store: s, Restore: snapshot}); err != nil {
			t.Fatal(err)
		}
		check(t, "sums", b.sorted(), wanted(w, 1))
	})
}

func TestCheckpointOfAnAttemptThatHasEnded(t *testing.T) {
	w, b := newWords(1, 10), newBook()
	a, err := begin(t, sums(w, b), 1, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Checkpoint(t.Context()); !errors.Is(err, checkpoint.ErrAborted) {
		t.Errorf("got %v", err)
	}
}

// full is a store that takes no more.
type full struct{ *store.Memory }

func (full) Put(context.Context, string, []byte) error { return errFull }

var errFull = errors.New("the disk is full")

// A checkpoint that fails leaves the job alone.
func TestCheckpointFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := newWords(2, 100), newBook()
		w.allow(40)
		a, err := begin(t, sums(w, b), 2, local.Options{Store: full{store.NewMemory()}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := a.Checkpoint(t.Context()); !errors.Is(err, errFull) {
				t.Errorf("got %v", err)
			}
		}
		w.allow(101)
		if err := a.Wait(); err != nil {
			t.Error(err)
		}
		check(t, "sums", b.sorted(), wanted(w, 1))
	})
}

// Timers of processing time are state, too, and fire by the clock of the attempt that restores them.
func TestRestoreOfProcessingTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b, s := newWords(1, 20), newBook(), store.NewMemory()
		w.allow(13)
		job := func() *leat.Job {
			job := leat.NewJob("timers")
			job.From("words", w.source).KeyBy(word.key).Process("remind", func(op *leat.Operator[string, string]) func(word) error {
				timer := op.ProcessingTimer("in an hour", func(at time.Time) error { op.Emit(op.Key()); return nil })
				return func(word) error { timer.At(op.Now().Add(time.Hour)); return nil }
			}).To("book", b.sink)
			return job
		}
		snapshot := taken(t, job(), 2, local.Options{Store: s})
		<-time.After(30 * time.Minute)
		a, err := begin(t, job(), 3, local.Options{Store: s, Restore: snapshot})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(30*time.Minute - 1)
		synctest.Wait()
		check(t, "a moment before", b.sorted(), "")
		<-time.After(1)
		synctest.Wait()
		if lines := strings.Fields(b.sorted()); len(lines) != 13 {
			t.Errorf("%d timers fired, not 13", len(lines))
		}
		a.Cancel(errEnough)
		_ = a.Wait()
	})
}

func TestRestoreRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b, s := newWords(2, 100), newBook(), store.NewMemory()
		w.allow(40)
		snapshot := taken(t, sums(w, b), 2, local.Options{Store: s})

		inside := bridge.Of(sums(w, b))
		inside.Settings.MaxParallelism, inside.Settings.Parallelism = 64, 1
		p, err := graph.New(inside.Graph, inside.Settings)
		if err != nil {
			t.Fatal(err)
		}
		_, err = local.Start(t.Context(), p, local.Options{Restore: snapshot})
		want := "job sums: restore checkpoint 1: the job does not fit the snapshot:\n  - the max parallelism was 128 and is 64: set it back, or write the snapshot anew with the other one (package snapshot)"
		if err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}

		fewer := newWords(1, 100)
		err = run(t, sums(fewer, b), 1, local.Options{Restore: snapshot})
		want = "job sums, operator words, subtask 0: open: the snapshot had not finished split split-1, which is not there any more"
		if err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}

		name := snapshot.Manifest.Operators[len(snapshot.Manifest.Operators)-2].Files[0].Name
		if err := s.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		err = run(t, sums(w, b), 1, local.Options{Restore: snapshot})
		want = "job sums, subtask 0 of sum → book: restore checkpoint 1: operator sum: the file is damaged: " + name + ": it does not exist"
		if err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}
	})
}

// held is a store in which the files of the first checkpoint take until it is let go.
type held struct {
	store.Store
	begun, let chan struct{}
	once       sync.Once
}

func (h *held) Create(ctx context.Context, name string) (store.Writer, error) {
	if strings.Contains(name, "/0000000001/") {
		h.once.Do(func() { close(h.begun) })
		<-h.let
	}
	return h.Store.Create(ctx, name)
}

// The checkpoint at the end of input may be overtaken by one at an interval, where the store is slow: the attempt then takes another,
// and does not fail.
func TestLastCheckpointIsOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := newWords(2, 100), newBook()
		s := &held{Store: store.NewMemory(), begun: make(chan struct{}), let: make(chan struct{})}
		w.allow(101)
		a, err := begin(t, sums(w, b), 2, local.Options{Store: s, Final: true})
		if err != nil {
			t.Fatal(err)
		}
		<-s.begun
		if _, err := a.Checkpoint(t.Context()); err != nil {
			t.Error(err)
		}
		close(s.let)
		if err := a.Wait(); err != nil {
			t.Fatal(err)
		}
		if m, err := checkpoint.Read(t.Context(), s, "sums", 2); err != nil || m.Checkpoint != 3 {
			t.Errorf("the newest checkpoint is %+v, %v, want number 3", m, err)
		}
	})
}
