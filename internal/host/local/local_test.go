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
	"leat.dev/leat/internal/exchange"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/internal/metrics"
)

// Batches and parallelism change nothing, also where there are more subtasks than splits, or none.
func TestSums(t *testing.T) {
	for _, c := range []struct{ splits, parallelism, batch, every int }{
		{3, 1, 0, 0}, {3, 2, 7, 5}, {3, 4, 1, 1}, {1, 8, 3, 2}, {0, 2, 0, 0}, {5, 3, 512, 1},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			w, b := newWords(c.splits, 300), newBook()
			if err := run(t, sums(w, b), c.parallelism, local.Options{BatchSize: c.batch, WatermarkEvery: c.every}); err != nil {
				t.Fatal(err)
			}
			check(t, "sums", b.sorted(), wanted(w, 1))
			if w.opened != c.splits || w.closed != c.splits || b.opened != c.parallelism || b.closed != c.parallelism {
				t.Errorf("readers %d opened, %d closed; writers %d opened, %d closed", w.opened, w.closed, b.opened, b.closed)
			}
		})
	}
}

// Shapes in which records go several ways and come together again.
func TestShapes(t *testing.T) {
	odd := func(w word) bool { return w.N%2 == 1 }
	even := func(w word) bool { return w.N%2 == 0 }
	for name, shape := range map[string]struct {
		times int
		make  func(s *leat.Stream[word]) *leat.Stream[string]
	}{
		"a stream with itself": {2, func(s *leat.Stream[word]) *leat.Stream[string] {
			return s.Union(s).KeyBy(word.key).Process("sum", sum)
		}},
		"a stream with itself, forward": {3, func(s *leat.Stream[word]) *leat.Stream[string] {
			return s.Union(s, s).Filter(func(word) bool { return true }).KeyBy(word.key).Process("sum", sum)
		}},
		"a diamond of filters": {1, func(s *leat.Stream[word]) *leat.Stream[string] {
			return s.Filter(odd).Union(s.Filter(even)).KeyBy(word.key).Process("sum", sum)
		}},
		"a diamond across tasks": {1, func(s *leat.Stream[word]) *leat.Stream[string] {
			return s.Filter(odd).Rebalance().Filter(odd, leat.Parallelism(3)).
				Union(s.Filter(even, leat.Unchained())).KeyBy(word.key).Process("sum", sum)
		}},
		"two inputs of one operator": {2, func(s *leat.Stream[word]) *leat.Stream[string] {
			return s.KeyBy(word.key).Connect(s.Rebalance().Filter(func(word) bool { return true }).KeyBy(word.key)).
				Process("sum", func(op *leat.Operator[string, string]) (func(word) error, func(word) error) {
					f := sum(op)
					return f, f
				})
		}},
	} {
		for _, parallelism := range []int{1, 2, 5} {
			t.Run(fmt.Sprintf("%s x%d", name, parallelism), func(t *testing.T) {
				w, b := newWords(2, 200), newBook()
				job := leat.NewJob("shape")
				shape.make(job.From("words", w.source).EventTime(word.when, 0)).To("book", b.sink)
				if err := run(t, job, parallelism, local.Options{BatchSize: 16}); err != nil {
					t.Fatal(err)
				}
				check(t, "sums", b.sorted(), wanted(w, shape.times))
			})
		}
	}
}

// Whatever fails, the attempt ends with an error that says where, and whatever was opened is closed.
func TestFailures(t *testing.T) {
	const in, out = "job sums, operator words, subtask ", "job sums, operator book, subtask "
	for _, c := range []struct{ what, before, after string }{
		{"list", "job sums, source words: can't list", ""},
		{"list panics", "job sums, source words: panic: no list", ""},
		{"two of one name", `job sums, source words: two splits are called "split-0"`, ""},
		{"open", in, ": open: split split-"},
		{"open panics", in, ": open: split split-"},
		{"read", in, ": reading: split split-"},
		{"read panics", in, ": reading: split split-"},
		{"close", in, ": reading: split split-"},
		{"sink open", out, ": open: can't open"},
		{"sink open panics", out, ": open: panic: no open"},
		{"sink write", out, ": can't write"},
		{"sink write panics", out, ": panic: no write"},
		{"sink flush", out, ": flush: can't flush"},
		{"sink flush panics", out, ": flush: panic: no flush"},
		{"sink close", out, ": close: can't close"},
		{"sink close panics", out, ": close: panic: no close"},
	} {
		t.Run(c.what, func(t *testing.T) {
			w, b := newWords(2, 100), newBook()
			if what, ok := strings.CutPrefix(c.what, "sink "); ok {
				b.fails[what] = true
			} else {
				w.fails[c.what] = true
			}
			err := run(t, sums(w, b), 2, local.Options{BatchSize: 8})
			if err == nil || !strings.HasPrefix(err.Error(), c.before) || !strings.Contains(err.Error(), c.after) {
				t.Errorf("got %v\nwant %s … %s", err, c.before, c.after)
			}
			if w.opened != w.closed || b.opened != b.closed {
				t.Errorf("readers %d opened, %d closed; writers %d opened, %d closed", w.opened, w.closed, b.opened, b.closed)
			}
		})
	}
}

// A constructor is called once more than it was to plan.
func TestConstructorFails(t *testing.T) {
	calls := 0
	w, b := newWords(1, 10), newBook()
	job := leat.NewJob("sums")
	job.From("words", w.source).KeyBy(word.key).Process("sum", func(op *leat.Operator[string, string]) func(word) error {
		if calls++; calls > 2 {
			panic("one too many")
		}
		return func(word) error { return nil }
	}).To("book", b.sink)
	err := run(t, job, 3, local.Options{})
	if want := "job sums, operator sum, subtask 1: panic: one too many"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	if w.opened != 0 {
		t.Error("a reader was opened")
	}
}

var errEnough = errors.New("enough")

func TestCancel(t *testing.T) {
	for name, end := range map[string]func(a *local.Attempt, cancel context.CancelCauseFunc){
		"the attempt": func(a *local.Attempt, _ context.CancelCauseFunc) { a.Cancel(errEnough) },
		"the context": func(_ *local.Attempt, cancel context.CancelCauseFunc) { cancel(errEnough) },
		"twice": func(a *local.Attempt, cancel context.CancelCauseFunc) {
			a.Cancel(errEnough)
			cancel(errors.New("later"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, b := newWords(2, 100), newBook()
				w.allow(10)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				inside := bridge.Of(sums(w, b))
				p, err := graph.New(inside.Graph, inside.Settings)
				if err != nil {
					t.Fatal(err)
				}
				a, err := local.Start(ctx, p, local.Options{})
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				end(a, cancel)
				if err := a.Wait(); !errors.Is(err, errEnough) {
					t.Errorf("got %v", err)
				}
				<-a.Done()
				check(t, "written", b.sorted(), "")
				if w.opened != 2 || w.closed != 2 || b.closed != b.opened {
					t.Errorf("readers %d opened, %d closed; writers %d opened, %d closed", w.opened, w.closed, b.opened, b.closed)
				}
			})
		})
	}
}

// A record that fails ends the attempt, also while everybody else waits.
func TestFailureWhileOthersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWords(2, 100)
		w.allow(10)
		job := leat.NewJob("sums")
		job.From("words", w.source).KeyBy(word.key).Process("sum", func(*leat.Operator[string, string]) func(word) error {
			return func(w word) error {
				if w.N == 15 {
					return errEnough
				}
				return nil
			}
		}).To("book", newBook().sink)
		err := run(t, job, 3, local.Options{})
		if err == nil || !errors.Is(err, errEnough) || !strings.Contains(err.Error(), "operator sum") || !strings.Contains(err.Error(), "key word-7, record {Text:word-7 N:15") {
			t.Errorf("got %v", err)
		}
	})
}

func TestStop(t *testing.T) {
	for _, drain := range []bool{true, false} {
		t.Run(fmt.Sprint("drain ", drain), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, b := newWords(2, 100), newBook()
				w.allow(10)
				a, err := begin(t, sums(w, b), 3, local.Options{})
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				a.Stop(drain)
				a.Stop(drain)
				if err := a.Wait(); err != nil {
					t.Error(err)
				}
				want := "" // without drain no timer fires
				if drain {
					want = wanted(newWords(2, 10), 1)
				}
				check(t, "written", b.sorted(), want)
			})
		})
	}
}

// Sources of which one is stopped before the other has read on: no window may fire for what was not read.
func TestStopHoldsEventTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ahead, behind := newWords(1, 100), newWords(1, 100)
		ahead.allow(50)
		behind.allow(10)
		b := newBook()
		job := leat.NewJob("timers")
		both := job.From("ahead", ahead.source).EventTime(word.when, 0).Union(job.From("behind", behind.source).EventTime(word.when, 0))
		both.KeyBy(word.key).Process("timer", seconds).To("book", b.sink)
		a, err := begin(t, job, 1, local.Options{WatermarkEvery: 1})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		a.Stop(false)
		if err := a.Wait(); err != nil {
			t.Error(err)
		}
		if lines := strings.Fields(b.sorted()); len(lines) == 0 || lines[len(lines)-1] != "08" {
			t.Errorf("fired %v, though one source had come to 09 only", lines)
		}
	})
}

// seconds says each second of which there was a record, when event time has come there.
func seconds(op *leat.Operator[string, string]) func(word) error {
	timer := op.EventTimers("at", func(at time.Time, _ time.Time) error {
		op.Emit(fmt.Sprintf("%02d", int(at.Sub(start).Seconds())))
		return nil
	})
	return func(w word) error {
		timer.At(w.At, w.At)
		return nil
	}
}

// A source that has nothing just now lets event time come as far as it has read, also through an operator that makes
// records of its own.
func TestDrySourceMovesEventTime(t *testing.T) {
	for name, through := range map[string]func(*leat.Stream[word]) *leat.Stream[word]{
		"filter": func(s *leat.Stream[word]) *leat.Stream[word] { return s.Filter(func(word) bool { return true }) },
		"process": func(s *leat.Stream[word]) *leat.Stream[word] {
			return s.Process("copy", func(op *leat.Unkeyed[word]) func(word) error {
				return func(w word) error { op.Emit(w); return nil }
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, b := newWords(1, 100), newBook()
				w.allow(5)
				job := leat.NewJob("timers")
				through(job.From("words", w.source)).EventTime(word.when, 0).KeyBy(word.key).Process("timer", seconds).To("book", b.sink)
				a, err := begin(t, job, 2, local.Options{})
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				check(t, "fired", b.sorted(), "00 01 02 03")
				a.Cancel(errEnough)
				_ = a.Wait()
			})
		})
	}
}

// The task's head is told of each subtask that has sent its last record.
func TestEnded(t *testing.T) {
	var mu sync.Mutex
	ended := map[string]int{}
	w := newWords(1, 10)
	err := run(t, sums(w, newBook()), 3, local.Options{Ended: func(head string, _ int) {
		mu.Lock()
		defer mu.Unlock()
		ended[head]++
	}})
	if err != nil || fmt.Sprint(ended) != "map[sum:3 words:3]" {
		t.Errorf("ended %v, %v", ended, err)
	}
}

// A slow sink makes the source wait: of a long input little is under way.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 100_000
		w := newWords(1, each)
		gate := make(chan struct{})
		job := leat.NewJob("slow")
		job.From("words", w.source).Rebalance().Map(func(w word) string { <-gate; return w.Text }).To("book", newBook().sink)
		numbers := &metrics.Job{}
		a, err := begin(t, job, 2, local.Options{BatchSize: 10, Metrics: numbers})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, s := range numbers.Subtasks() {
			if n := s.In.Load(); s.Operator == "words" && n > 2*10*(exchange.CreditBatches+1) {
				t.Errorf("%d records were read before the first was written", n)
			}
		}
		close(gate)
		if err := a.Wait(); err != nil {
			t.Error(err)
		}
	})
}
