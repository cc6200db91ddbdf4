package leat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/codec"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/state"
	"leat.dev/leat/window"
)

var errBroken = errors.New("it broke")

// broken fails, one way or the other, when a page has the number 7.
type broken func() error

// at is for code that returns errors.
func (b broken) at(c click) error {
	if c.Page == 7 {
		return b()
	}
	return nil
}

// panics is for code that returns none.
func (b broken) panics(c click) {
	if err := b.at(c); err != nil {
		panic(err)
	}
}

// failing is a job that fails and what its error says of the place.
type failing struct {
	name  string
	build func(s *leat.Stream[click], b broken)
	want  string
	// panicsOnly is code that has no error to return.
	panicsOnly bool
}

const record7 = "record {User:eve Page:7 At:2026-01-01 00:00:07 +0000 UTC Score:0} at 2026-01-01T00:00:07Z"

var failures = []failing{
	{"map", func(s *leat.Stream[click], b broken) {
		s.Map(func(c click) int64 { b.panics(c); return c.Page }, leat.Named("pages")).To("out", nowhere)
	}, "operator pages, subtask 0: " + record7, true},
	{"filter", func(s *leat.Stream[click], b broken) {
		s.Filter(func(c click) bool { b.panics(c); return true }, leat.Named("pages")).To("out", nowhere)
	}, "operator pages, subtask 0: " + record7, true},
	{"flat map", func(s *leat.Stream[click], b broken) {
		s.FlatMap(func(c click) iter.Seq[int64] {
			return func(yield func(int64) bool) { b.panics(c); yield(c.Page) }
		}, leat.Named("pages")).To("out", nowhere)
	}, "operator pages, subtask 0: " + record7, true},
	{"try map", func(s *leat.Stream[click], b broken) {
		s.TryMap("pages", func(c click) (int64, error) { return c.Page, b.at(c) }).To("out", nowhere)
	}, "operator pages, subtask 0: " + record7, false},
	{"key function", func(s *leat.Stream[click], b broken) {
		s.KeyBy(func(c click) string { b.panics(c); return c.User }).Process("p", pass).To("out", nowhere)
	}, "subtask 0: key of " + record7, true},
	{"event time", func(s *leat.Stream[click], b broken) {
		s.EventTime(func(c click) time.Time { b.panics(c); return c.At }, 0).To("out", nowhere)
	}, "subtask 0: " + record7, true},
	{"process", func(s *leat.Stream[click], b broken) {
		s.KeyBy(click.UserID).Process("p", func(*leat.Operator[string, int]) func(click) error { return b.at }).To("out", nowhere)
	}, "operator p, subtask 0: key eve, " + record7, false},
	{"operator behind", func(s *leat.Stream[click], b broken) {
		s.KeyBy(click.UserID).Process("p", func(op *leat.Operator[string, click]) func(click) error {
			return func(c click) error { op.Emit(c); return nil }
		}).Map(func(c click) int { b.panics(c); return 1 }, leat.Named("behind")).To("out", nowhere)
	}, "operator behind, subtask 0: " + record7, true},
	{"connected", func(s *leat.Stream[click], b broken) {
		s.KeyBy(click.UserID).Connect(s.KeyBy(click.UserID)).
			Process("p", func(*leat.Operator[string, int]) (func(click) error, func(click) error) {
				return func(click) error { return nil }, b.at
			}).To("out", nowhere)
	}, "operator p, subtask 0: key eve, " + record7, false},
	{"unkeyed process", func(s *leat.Stream[click], b broken) {
		s.Process("p", func(*leat.Unkeyed[int]) func(click) error { return b.at }).To("out", nowhere)
	}, "operator p, subtask 0: " + record7, false},
	{"event timer", func(s *leat.Stream[click], b broken) {
		s.KeyBy(click.UserID).Process("p", func(op *leat.Operator[string, int]) func(click) error {
			timer := op.EventTimer("t", func(time.Time) error { return b() })
			return func(c click) error { timer.At(c.At); return nil }
		}).To("out", nowhere)
	}, "operator p, subtask 0: timer ", false},
	{"processing timer", func(s *leat.Stream[click], b broken) {
		s.KeyBy(click.UserID).Process("p", func(op *leat.Operator[string, int]) func(click) error {
			timer := op.ProcessingTimers("t", func(int64, time.Time) error { return b() })
			return func(c click) error { timer.At(c.Page, op.Now().Add(time.Hour)); return nil }
		}).To("out", nowhere)
	}, "operator p, subtask 0: timer ", false},
	{"aggregator's Add", func(s *leat.Stream[click], b broken) {
		s.KeyBy(click.UserID).Window(window.Tumbling(time.Hour)).
			Aggregate("w", agg.Sum(func(c click) int64 { b.panics(c); return 1 })).To("out", nowhere)
	}, "operator w, subtask 0: a batch of 10 records", true},
	{"aggregator's Result", func(s *leat.Stream[click], b broken) {
		last := func() agg.Parts[click, click, click] {
			return agg.Parts[click, click, click]{
				Add:    func(acc *click, c click) { *acc = c },
				Merge:  func(dst *click, src click) { *dst = src },
				Result: func(acc *click) click { b.panics(click{Page: 7}); return *acc },
			}
		}
		s.KeyBy(click.UserID).Window(window.Tumbling(time.Hour)).Aggregate("w", last).To("out", nowhere)
	}, "operator w, subtask 0: window of key", true},
	{"pane's process", func(s *leat.Stream[click], b broken) {
		s.KeyBy(click.UserID).Window(window.Tumbling(time.Hour)).
			Process("w", agg.Count, func(*leat.Operator[string, int]) func(leat.Pane[string, int64]) error {
				return func(leat.Pane[string, int64]) error { return b() }
			}).To("out", nowhere)
	}, "operator w, subtask 0: window of key", false},
	{"aggregating state", func(s *leat.Stream[click], b broken) {
		s.KeyBy(click.UserID).Process("p", func(op *leat.Operator[string, int]) func(click) error {
			sum := op.Aggregating("sum", agg.Sum(func(c click) int64 { b.panics(c); return 1 }))
			return func(c click) error { sum.Add(c); return nil }
		}).To("out", nowhere)
	}, "operator p, subtask 0: key eve, " + record7, true},
	{"on open", func(s *leat.Stream[click], b broken) {
		s.KeyBy(click.UserID).Process("p", func(op *leat.Operator[string, int]) func(click) error {
			op.OnOpen(func(context.Context) error { return b() })
			return func(click) error { return nil }
		}).To("out", nowhere)
	}, "operator p, subtask 0: open", false},
	{"on close", func(s *leat.Stream[click], b broken) {
		s.Process("p", func(op *leat.Unkeyed[int]) func(click) error {
			op.OnClose(b)
			return func(click) error { return nil }
		}).To("out", nowhere)
	}, "operator p, subtask 0: close", false},
	{"constructor, the second time", func(s *leat.Stream[click], b broken) {
		planned := false
		s.KeyBy(click.UserID).Process("p", func(*leat.Operator[string, int]) func(click) error {
			if planned {
				if err := b(); err != nil {
					panic(err)
				}
			}
			planned = true
			return func(click) error { return nil }
		}).To("out", nowhere)
	}, "operator p, subtask 0", true},
	{"sink's write", func(s *leat.Stream[click], b broken) {
		s.To("out", mem.Each(func(_ context.Context, c click) error { return b.at(c) }))
	}, "operator out, subtask 0: writing 10 records", false},
	{"sink's open", func(s *leat.Stream[click], b broken) { s.To("out", brittle(b, "open")) }, "operator out, subtask 0: open", false},
	{"sink's flush", func(s *leat.Stream[click], b broken) { s.To("out", brittle(b, "flush")) }, "operator out, subtask 0: flush", false},
	{"sink's close", func(s *leat.Stream[click], b broken) { s.To("out", brittle(b, "close")) }, "operator out, subtask 0: close", false},
}

// tenClicks are a second apart; eve clicks on page 7.
func tenClicks() []click {
	users := []string{"ada", "bob", "cyd"}
	all := make([]click, 10)
	for i := range all {
		all[i] = click{User: users[i%3], Page: int64(i), At: allocStart.Add(time.Duration(i) * time.Second)}
	}
	all[7].User = "eve"
	return all
}

// fails runs a job and checks that its error names the place and the cause, and that nothing of the job is left.
func fails(t *testing.T, job *leat.Job, panicked bool, want string) {
	t.Helper()
	err := job.Run(t.Context())
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
	if err == nil {
		t.Fatal("the job does not fail")
	}
	text := err.Error()
	if !strings.HasPrefix(text, "job failing, ") || !strings.Contains(text, want) || !strings.Contains(text, errBroken.Error()) {
		t.Errorf("%v\nlacks the place %q", err, want)
	}
	switch {
	case panicked && (!strings.Contains(text, "panic: it broke") || !strings.Contains(text, "errors_test.go:")):
		t.Errorf("%v\nlacks the panic or its stack", err)
	case !panicked && !errors.Is(err, errBroken):
		t.Errorf("%v\ndoes not wrap the error", err)
	case !panicked && strings.Contains(text, "goroutine"):
		t.Errorf("%v\nhas a stack, and nothing has panicked", err)
	}
}

func TestFailuresNameTheirPlace(t *testing.T) {
	for _, f := range failures {
		for _, panicked := range []bool{false, true} {
			if f.panicsOnly && !panicked {
				continue
			}
			t.Run(fmt.Sprintf("%s, panic %v", f.name, panicked), func(t *testing.T) {
				job := leat.NewJob("failing")
				job.Parallelism = 1
				s := job.From("clicks", mem.From(tenClicks()...)).EventTime(click.When, 0)
				f.build(s, breaks(panicked))
				fails(t, job, panicked, f.want)
			})
		}
	}
}

func breaks(panicking bool) broken {
	return func() error {
		if panicking {
			panic(errBroken)
		}
		return errBroken
	}
}

// brittle is a sink that breaks in one of its methods.
func brittle(b broken, in string) connector.Sink[click] {
	return func() connector.Output[click] { return brittleSink{b, in} }
}

type brittleSink struct {
	b  broken
	in string
}

func (s brittleSink) step(name string) error {
	if s.in == name {
		return s.b()
	}
	return nil
}

func (brittleSink) Guarantee() connector.Guarantee { return connector.AtLeastOnce }

func (s brittleSink) Open(context.Context, connector.Subtask) (connector.Writer[click], error) {
	return s, s.step("open")
}

func (s brittleSink) Write(context.Context, *connector.Batch[click]) error { return s.step("write") }

func (s brittleSink) Flush(context.Context) error { return s.step("flush") }

func (s brittleSink) Close() error { return s.step("close") }

// brittleSource breaks in one of its methods; its readers wait for the outside world, or don't.
type brittleSource struct {
	brittleSink
	open *int // readers that are open
}

func (s brittleSource) Splits(context.Context) ([]connector.Split, error) {
	return []connector.Split{{Name: "a"}, {Name: "b"}}, s.step("splits")
}

func (s brittleSource) Open(_ context.Context, split connector.Split, _ []byte) (connector.Reader[click], error) {
	if split.Name == "b" {
		if err := s.step("open"); err != nil {
			return nil, err
		}
	}
	*s.open++
	return brittleReader{s, split.Name}, nil
}

type brittleReader struct {
	brittleSource
	split string
}

func (r brittleReader) Read(_ context.Context, b *connector.Batch[click]) error {
	if err := r.step("read"); err != nil {
		return err
	}
	b.Values = append(b.Values, tenClicks()...)
	return io.EOF
}

func (brittleReader) Position() []byte { return []byte{1} }

func (r brittleReader) Close() error {
	*r.open--
	return r.step("close")
}

// promptReader is a reader that the subtask's loop calls itself.
type promptReader struct{ connector.Reader[click] }

func (promptReader) Prompt() {}

type promptSource struct{ brittleSource }

func (s promptSource) Open(ctx context.Context, split connector.Split, at []byte) (connector.Reader[click], error) {
	r, err := s.brittleSource.Open(ctx, split, at)
	return promptReader{r}, err
}

func TestSourceFailuresNameTheirPlace(t *testing.T) {
	steps := map[string]string{
		"splits": "source clicks", "open": "operator clicks, subtask 0: open", "read": "operator clicks, subtask 0: reading", "close": "operator clicks, subtask 0: reading",
	}
	for step, want := range steps {
		for _, panicked := range []bool{false, true} {
			for _, prompt := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, panic %v, prompt %v", step, panicked, prompt), func(t *testing.T) {
					open := 0
					source := brittleSource{brittleSink{breaks(panicked), step}, &open}
					var input connector.Input[click] = source
					if prompt {
						input = promptSource{source}
					}
					job := leat.NewJob("failing")
					job.Parallelism = 1
					job.From("clicks", func() connector.Input[click] { return input }).To("out", nowhere)
					fails(t, job, panicked, want)
					if open != 0 {
						t.Errorf("%d readers are still open", open)
					}
				})
			}
		}
	}
}

// A codec fails when a state is captured or a key hashed; both are user code.
func TestKeyCodecFails(t *testing.T) {
	for _, panicked := range []bool{false, true} {
		b := breaks(panicked)
		job := leat.NewJob("failing")
		job.Parallelism = 1
		job.Encode(codec.Of("page/1",
			func(to []byte, p page) ([]byte, error) { return append(to, byte(p)), b.at(click{Page: int64(p)}) },
			func(from []byte) (page, error) { return page(from[0]), nil }))
		job.From("clicks", mem.From(tenClicks()...)).
			KeyBy(func(c click) page { return page(c.Page) }).
			Process("p", pass).To("out", nowhere)
		fails(t, job, panicked, "operator clicks, subtask 0: hashes of the keys of 10 records")
	}
}

type page float64

// The first failure is the job's; all other subtasks end quietly.
func TestOneFailureOfMany(t *testing.T) {
	job := leat.NewJob("failing")
	job.Parallelism = 4
	clicks := job.From("clicks", mem.From(tenClicks()...)).Rebalance().
		Filter(func(c click) bool { breaks(false).panics(c); return true }, leat.Named("pages"))
	clicks.KeyBy(click.UserID).Process("p", pass).To("out", nowhere)
	fails(t, job, true, "operator pages, subtask")
}

// A budget that is too small fails the job with an error that says what to do, and memory stays within bounds.
func TestMemoryBudget(t *testing.T) {
	job := leat.NewJob("failing")
	job.Parallelism = 1
	job.Backend = state.Heap{BudgetBytes: 8 << 20}
	endless(job).KeyBy(func(i int64) int64 { return i }).
		Process("remember", func(op *leat.Operator[int64, int]) func(int64) error {
			seen := op.Value[[4]int64]("seen")
			return func(i int64) error { seen.Set([4]int64{i}); return nil }
		}).To("out", nowhere)
	err := job.Run(t.Context())
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
	if err == nil {
		t.Fatal("the job does not fail")
	}
	for _, want := range []string{"job failing, operator remember, subtask 0", "8 MB", "BudgetBytes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
}
