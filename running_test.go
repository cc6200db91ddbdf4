package leat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/internal/bridge"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/internal/metrics"
	"leat.dev/leat/window"
)

// live is a job that runs under a clock that the test moves, on records that the test sends.
type live struct {
	*local.Attempt
	clock   *clock.Manual
	metrics *metrics.Job
}

func startLive(t *testing.T, job *leat.Job) *live {
	t.Helper()
	in := bridge.Of(job)
	plan, err := graph.New(in.Graph, in.Settings)
	if err != nil {
		t.Fatal(err)
	}
	l := &live{clock: clock.NewManual(at(0)), metrics: &metrics.Job{}}
	l.Attempt, err = local.Start(t.Context(), plan, local.Options{Clock: l.clock, Metrics: l.metrics, Budget: in.Budget})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *live) end(t *testing.T) {
	t.Helper()
	if err := l.Wait(); err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
}

// heard is a sink that a test listens to.
type heard[T any] chan T

func hear[T any]() heard[T] { return make(heard[T], 1000) }

func (h heard[T]) sink() connector.Output[T] {
	return mem.Each(func(_ context.Context, v T) error { h <- v; return nil })()
}

func receive[T comparable](t *testing.T, h heard[T], want ...T) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-h:
			if got != w {
				t.Fatalf("received %v, want %v", got, w)
			}
		case <-t.Context().Done():
			t.Fatal("nothing is received")
		}
	}
	if len(h) > 0 {
		t.Fatalf("received %v too", <-h)
	}
}

// A processing-time timer fires when the clock says so, while the job waits for records.
func TestProcessingTimerOfARunningJob(t *testing.T) {
	in, out := make(chan click), hear[string]()
	job := leat.NewJob("live")
	job.Parallelism = 2
	job.From("clicks", mem.Chan(in)).KeyBy(click.UserID).
		Process("wait", func(op *leat.Operator[string, string]) func(click) error {
			timer := op.ProcessingTimer("wait", func(when time.Time) error {
				op.Emit(fmt.Sprint(op.Key(), " waited until ", second(when)))
				return nil
			})
			return func(c click) error {
				timer.At(op.Now().Add(time.Duration(c.Page) * time.Second))
				op.Emit(op.Key())
				return nil
			}
		}).To("out", out.sink)
	l := startLive(t, job)
	in <- visit("eve", 60, 0)
	receive(t, out, "eve")
	in <- visit("bob", 30, 0)
	receive(t, out, "bob")
	l.clock.Advance(30 * time.Second)
	receive(t, out, "bob waited until 30")
	in <- visit("eve", 60, 0) // moves the timer
	receive(t, out, "eve")
	l.clock.Advance(45 * time.Second)
	in <- visit("ada", 100, 0)
	receive(t, out, "ada")
	l.clock.Advance(15 * time.Second)
	receive(t, out, "eve waited until 90")
	close(in)
	l.end(t)
	receive(t, out, "ada waited until 175")
}

// A silent split holds windows back, unless it may be idle; it counts again when it speaks.
func TestIdleAfter(t *testing.T) {
	first, second, out := make(chan click), make(chan click), hear[int64]()
	job := leat.NewJob("live")
	job.Parallelism = 1
	idle := leat.IdleAfter(time.Minute)
	one := job.From("first", mem.Chan(first)).EventTime(click.When, 0, idle)
	two := job.From("second", mem.Chan(second)).EventTime(click.When, 0, idle)
	one.Union(two).
		Process("note", func(op *leat.Unkeyed[click]) func(click) error {
			return func(c click) error { out <- -c.Page; op.Emit(c); return nil }
		}).
		KeyBy(click.UserID).Window(window.Tumbling(10*time.Second)).Aggregate("visits", agg.Sum(click.PageID)).
		Map(leat.PaneValue).To("out", out.sink)
	l := startLive(t, job)
	second <- visit("eve", 64, 2)
	receive(t, out, -64)
	first <- visit("eve", 1, 5)
	receive(t, out, -1)
	first <- visit("eve", 2, 15)
	receive(t, out, -2) // the second stream is at 2
	l.clock.Advance(59 * time.Second)
	first <- visit("eve", 4, 25)
	receive(t, out, -4)
	l.clock.Advance(time.Second)
	receive(t, out, 65, 2)
	second <- visit("eve", 8, 27)
	receive(t, out, -8)
	first <- visit("eve", 16, 45)
	receive(t, out, -16) // the second stream is at 27
	second <- visit("eve", 32, 46)
	receive(t, out, -32, 12)
	close(first)
	close(second)
	l.end(t)
	receive(t, out, 48)
}

// Numbers of a running job: records, late ones, rejects, and counters of the user's.
func TestNumbers(t *testing.T) {
	job := leat.NewJob("live")
	job.Parallelism = 1
	job.From("clicks", mem.From(visit("eve", 1, 1), visit("eve", 2, 100), visit("bob", -1, 100), visit("eve", 3, 2))).
		TryMap("check", func(c click) (click, error) {
			if c.Page < 0 {
				return c, errBroken
			}
			return c, nil
		}, leat.Rejects(unparsed)).
		Process("count", func(op *leat.Unkeyed[click]) func(click) error {
			odd := op.Counter("odd")
			return func(c click) error { odd.Add(c.Page % 2); op.Emit(c); return nil }
		}).
		KeyBy(click.UserID).
		Process("sum", func(op *leat.Operator[string, click]) func(click) error {
			pages := op.Counter("pages")
			return func(c click) error { pages.Add(c.Page); op.Emit(c); return nil }
		}).To("out", nowhere)
	l := startLive(t, job)
	l.end(t)
	got := map[string]string{}
	for _, s := range l.metrics.Subtasks() {
		text := fmt.Sprintf("in %d out %d rejected %d", s.In.Load(), s.Out.Load(), s.Rejected.Load())
		s.Counters(func(name string, value int64) { text += fmt.Sprintf(" %s %d", name, value) })
		got[s.Operator] = text
	}
	for operator, want := range map[string]string{
		"clicks": "in 4 out 4 rejected 0", "check": "in 4 out 4 rejected 1", "count": "in 3 out 3 rejected 0 odd 2",
		"sum": "in 3 out 3 rejected 0 pages 6", "out": "in 3 out 3 rejected 0",
	} {
		if got[operator] != want {
			t.Errorf("%s: %s; want %s", operator, got[operator], want)
		}
	}
}

// endlessSums is a job without end: sums a key, and what its timer and window say when they fire.
func endlessSums(in <-chan click, out heard[string]) *leat.Job {
	job := leat.NewJob("live")
	job.Parallelism = 2
	clicks := job.From("clicks", mem.Chan(in)).EventTime(click.When, 0).KeyBy(click.UserID)
	clicks.Process("timed", func(op *leat.Operator[string, string]) func(click) error {
		timer := op.EventTimer("t", func(time.Time) error { op.Emit("timer of " + op.Key()); return nil })
		return func(c click) error {
			timer.At(c.At.Add(time.Hour))
			op.Emit("record of " + op.Key())
			return nil
		}
	}).To("timed-out", out.sink)
	clicks.Window(window.Tumbling(time.Hour)).Aggregate("visits", agg.Count).
		Map(func(p leat.Pane[string, int64]) string { return "window of " + p.Key }).To("windows-out", out.sink)
	return job
}

// Draining lets timers and windows fire; stopping without it fires nothing.
func TestStop(t *testing.T) {
	for _, drain := range []bool{true, false} {
		t.Run(fmt.Sprintf("drain %v", drain), func(t *testing.T) {
			in, out := make(chan click), hear[string]()
			running, err := endlessSums(in, out).Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			in <- visit("eve", 1, 1)
			receive(t, out, "record of eve")
			if err := running.Stop(t.Context(), drain); err != nil {
				t.Error(err)
			}
			goleak.VerifyNone(t, goleak.IgnoreCurrent())
			var fired []string
			for len(out) > 0 {
				fired = append(fired, <-out)
			}
			slices.Sort(fired)
			if drain != slices.Equal(fired, []string{"timer of eve", "window of eve"}) || !drain && len(fired) > 0 {
				t.Errorf("fired %v", fired)
			}
			if err := running.Stop(t.Context(), !drain); err != nil {
				t.Errorf("stopping again: %v", err)
			}
		})
	}
}

// Stop waits no longer than its context; the job goes on to stop.
func TestStopGivesUpWaiting(t *testing.T) {
	release, out := make(chan struct{}), hear[int64]()
	job := leat.NewJob("live")
	endless(job).Filter(func(i int64) bool {
		if i == 0 {
			out <- i
			<-release
		}
		return true
	}).To("out", nowhere)
	running, err := job.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	receive(t, out, 0)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBroken)
	if err := running.Stop(ctx, false); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	close(release)
	if err := running.Wait(); err != nil {
		t.Error(err)
	}
}

// A job ends when its context does, with that one's cause, and leaves nothing behind.
func TestContextEnds(t *testing.T) {
	in, out := make(chan click), hear[string]()
	ctx, cancel := context.WithCancelCause(t.Context())
	running, err := endlessSums(in, out).Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	in <- visit("eve", 1, 1)
	receive(t, out, "record of eve")
	cancel(errBroken)
	if err := running.Wait(); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
	receive(t, out)
}

// One that is done already runs nothing.
func TestContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	job := leat.NewJob("live")
	endless(job).To("out", nowhere)
	if err := job.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
}

// Jobs of one process know nothing of one another, though they have the same names.
func TestTwoJobsInAProcess(t *testing.T) {
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() {
			job := leat.NewJob("same")
			job.Parallelism = 2
			numbers := job.From("numbers", gen.Func(gen.Options{Count: 1000}, func(n int64) int64 { return n*2 + int64(i) }))
			sums := numbers.Global().Process("sum", func(op *leat.Operator[struct{}, int64]) func(int64) error {
				sum := op.Value[int64]("sum")
				return func(n int64) error { sum.Set(sum.Get() + n); op.Emit(sum.Get()); return nil }
			})
			if got, want := runAll(t, job, sums)[999], int64(999*1000+1000*i); got != want {
				t.Errorf("job %d: %d, want %d", i, got, want)
			}
		})
	}
	all.Wait()
}

// A job may be run again: it begins anew.
func TestRunAgain(t *testing.T) {
	var got []int64
	job := leat.NewJob("again")
	job.From("numbers", gen.Func(gen.Options{Count: 3}, func(n int64) int64 { return n })).
		Global().Process("count", func(op *leat.Operator[struct{}, int64]) func(int64) error {
		n := op.Value[int64]("n")
		return func(int64) error { n.Set(n.Get() + 1); op.Emit(n.Get()); return nil }
	}).To("out", mem.Into(&got))
	for range 2 {
		if err := job.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, []int64{1, 2, 3, 1, 2, 3}) {
		t.Errorf("got %v", got)
	}
}
