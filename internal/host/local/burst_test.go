package local_test

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/internal/store"
	"leat.dev/leat/window"
)

// bursts are jobs in which much becomes due at once, for each of many words: each calls fired.
var bursts = map[string]func(s *leat.Stream[word], fired func(string) string) *leat.Stream[string]{
	"event timers": func(s *leat.Stream[word], fired func(string) string) *leat.Stream[string] {
		return s.KeyBy(word.own).Process("fires", func(op *leat.Operator[string, string]) func(word) error {
			timer := op.EventTimer("due", func(time.Time) error { op.Emit(fired(op.Key())); return nil })
			return func(w word) error { timer.At(start.Add(time.Hour)); return nil }
		})
	},
	"processing timers": func(s *leat.Stream[word], fired func(string) string) *leat.Stream[string] {
		return s.KeyBy(word.own).Process("fires", func(op *leat.Operator[string, string]) func(word) error {
			timers := op.ProcessingTimers("due", func(int, time.Time) error { op.Emit(fired(op.Key())); return nil })
			return func(w word) error { timers.At(w.N, op.Now().Add(time.Minute)); return nil }
		})
	},
	"connected": func(s *leat.Stream[word], fired func(string) string) *leat.Stream[string] {
		keyed := s.KeyBy(word.own)
		return keyed.Connect(keyed).Process("fires", func(op *leat.Operator[string, string]) (func(word) error, func(word) error) {
			timer := op.EventTimer("due", func(time.Time) error { op.Emit(fired(op.Key())); return nil })
			each := func(w word) error { timer.At(start.Add(time.Hour)); return nil }
			return each, each
		})
	},
	"tumbling": panes(window.Tumbling(24 * time.Hour)),
	"sliding":  panes(window.Sliding(48*time.Hour, 24*time.Hour)),
	"session":  panes(window.Session(24 * time.Hour)),
}

func (w word) own() string { return fmt.Sprint("word ", w.N) }

func panes(spec window.Times) func(s *leat.Stream[word], fired func(string) string) *leat.Stream[string] {
	return func(s *leat.Stream[word], fired func(string) string) *leat.Stream[string] {
		return s.KeyBy(word.own).Window(spec).Aggregate("fires", agg.Count).
			Map(func(p leat.Pane[string, int64]) string { return fired(p.Key) })
	}
}

// captured notes how many callbacks there had been when a checkpoint's barrier had its turn.
type captured struct {
	count func() int
	at    []int
}

func (c *captured) Records(string, string, int, any, []int64) {}

func (c *captured) Barrier(operator string, _ int, _ int64) {
	if operator == "fires" {
		c.at = append(c.at, c.count())
	}
}

// A barrier that comes in the middle of a burst has its turn after as many callbacks as are made between two looks, also
// when the input has ended and no barrier comes any more.
func TestBarrierInABurst(t *testing.T) {
	const limit, words, arrives = 8, 200, 100
	for name, through := range bursts {
		for _, ends := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, at the end %v", name, ends), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWords(1, words)
					w.allow(0)
					var a *local.Attempt
					var id int64
					count := 0
					notes := &captured{count: func() int { return count }}
					fired := func(text string) string {
						if count++; count == arrives {
							id = a.Trigger()
							<-time.After(time.Millisecond) // the barrier is there now
						}
						return text
					}
					job := leat.NewJob("burst")
					stamped := job.From("words", w.source).EventTime(func(w word) time.Time {
						if w.N == words-1 && !ends {
							return start.Add(100 * 24 * time.Hour)
						}
						return start
					}, 0)
					through(stamped, fired).To("book", newBook().sink)
					var err error
					a, err = begin(t, job, 1, local.Options{BatchSize: 1, FireLimit: limit, Tap: notes})
					if err != nil {
						t.Fatal(err)
					}
					if w.allow(words); ends {
						w.allow(words + 1)
					}
					<-time.After(2 * time.Minute)
					synctest.Wait()
					if id == 0 {
						t.Fatalf("only %d callbacks", count)
					}
					if !ends {
						if _, err := a.Await(t.Context(), id); err != nil {
							t.Error(err)
						}
					}
					if len(notes.at) != 1 || notes.at[0] > arrives+limit {
						t.Errorf("a barrier that came with callback %d had its turn after %v", arrives, notes.at)
					}
					a.Cancel(errEnough)
					_ = a.Wait()
				})
			})
		}
	}
}

// heard is what a sink heard, with event times, up to a barrier and in all.
type heard struct {
	mu           sync.Mutex // guards all below
	before, ever map[string]int
}

func (h *heard) Records(_, _ string, _ int, values any, times []int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, v := range values.([]string) {
		h.ever[fmt.Sprint(v, " at ", time.Unix(0, times[i]).UTC().Format(time.RFC3339Nano))]++
	}
}

func (h *heard) Barrier(operator string, _ int, _ int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if operator == "book" {
		h.before = maps.Clone(h.ever)
	}
}

// Processing timers that fire at the end of input have the event time that was reached before, and fire once, also when
// another attempt goes on from a checkpoint in the middle of it, and when they set themselves again.
func TestRestoreInTheMiddleOfTheEnd(t *testing.T) {
	const words, stops = 60, 25
	for _, parallelism := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			w, s := newWords(1, words), store.NewMemory()
			var a *local.Attempt
			var id int64
			count := 0
			job := func() *leat.Job {
				j := leat.NewJob("end")
				j.From("words", w.source).EventTime(word.when, 0).KeyBy(word.own).
					Process("fires", func(op *leat.Operator[string, string]) func(word) error {
						var again *leat.Timer
						again = op.ProcessingTimer("again", func(time.Time) error {
							if a != nil {
								if count++; count == stops {
									id = a.Trigger()
									<-time.After(time.Millisecond)
								}
							}
							op.Emit(op.Key())
							again.At(op.Now().Add(time.Hour))
							return nil
						})
						return func(word) error { again.At(op.Now().Add(time.Hour)); return nil }
					}).To("book", newBook().sink)
				return j
			}
			w.allow(0)
			first := &heard{ever: map[string]int{}}
			var err error
			if a, err = begin(t, job(), 1, local.Options{FireLimit: 4, Tap: first, Store: s}); err != nil {
				t.Fatal(err)
			}
			w.allow(words + 1)
			if err := a.Wait(); err != nil {
				t.Fatal(err)
			}
			snapshot, err := a.Await(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			a = nil
			second := &heard{ever: map[string]int{}}
			if err := run(t, job(), parallelism, local.Options{FireLimit: 4, Tap: second, Store: s, Restore: snapshot}); err != nil {
				t.Fatal(err)
			}
			if n := len(first.before); n < stops || n > stops+4 {
				t.Errorf("the checkpoint was taken after %d timers", n)
			}
			at := start.Add((words-1)*time.Second - 1).Format(time.RFC3339Nano)
			for i := range words {
				line := fmt.Sprintf("word %d at %s", i, at)
				if n := first.before[line] + second.ever[line]; n != 1 {
					t.Errorf("parallelism %d: %s: %d times", parallelism, line, n)
				}
			}
			if n := len(first.before) + len(second.ever); n != words {
				t.Errorf("parallelism %d: %d timers: %v", parallelism, n, second.ever)
			}
		})
	}
}

// Watermarks that are made behind an exchange come also when the source is dry, through tasks that only pass records on.
func TestDryBehindAnExchange(t *testing.T) {
	for name, through := range map[string]func(*leat.Stream[word]) *leat.Stream[word]{
		"at once": func(s *leat.Stream[word]) *leat.Stream[word] { return s.Rebalance() },
		"after another task": func(s *leat.Stream[word]) *leat.Stream[word] {
			return s.Rebalance().Map(func(w word) word { return w }).Rebalance()
		},
		"behind an operator": func(s *leat.Stream[word]) *leat.Stream[word] {
			return s.KeyBy(word.own).Process("same", func(op *leat.Operator[string, word]) func(word) error {
				return func(w word) error { op.Emit(w); return nil }
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, b := newWords(1, 100), newBook()
				w.allow(5)
				job := leat.NewJob("dry")
				through(job.From("words", w.source)).EventTime(word.when, 0).KeyBy(word.key).
					Process("timer", seconds).To("book", b.sink)
				a, err := begin(t, job, 1, local.Options{})
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
