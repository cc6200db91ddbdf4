package operator

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/flow"
)

// output writes to notes, and fails where it is told to.
type output struct {
	*notes
	timed bool
	fails string
}

func (o output) Guarantee() connector.Guarantee { return connector.AtLeastOnce }

func (o output) do(what string, format string, args ...any) error {
	o.note(what+format, args...)
	if o.fails == what {
		return errBroken
	}
	return nil
}

func (o output) Open(_ context.Context, s connector.Subtask) (connector.Writer[int], error) {
	err := o.do("open", " %s/%s %d of %d", s.Job, s.Operator, s.Index, s.Count)
	if err != nil {
		return nil, err
	}
	if o.timed {
		return timedWriter{writer{o}}, nil
	}
	return writer{o}, nil
}

type writer struct{ output }

func (w writer) Write(_ context.Context, b *connector.Batch[int]) error {
	var times []int
	for _, at := range b.Times {
		times = append(times, int(at.Sub(start)/time.Second))
	}
	return w.do("write", " %v at %v, room %d", b.Values, times, b.Room())
}

func (w writer) Flush(context.Context) error { return w.do("flush", "") }

func (w writer) Close() error { return w.do("close", "") }

type timedWriter struct{ writer }

func (timedWriter) Timed() {}

func sink(o output) (*Sink[int], *flow.Env) {
	env := newEnv()
	env.Subtask, env.Parallelism = 2, 5
	return NewSink[int](env, o), env
}

// at is records with their times.
func at(values ...int) *flow.Batch[int] {
	b := batch(0, values...)
	for i, v := range values {
		b.Times[i] = second(v).UnixNano()
	}
	return b
}

func TestSink(t *testing.T) {
	for _, c := range []struct {
		timed bool
		want  string
	}{
		{false, "open job/op 2 of 5 write [1 2] at [], room 0 write [3] at [], room 0 flush close"},
		{true, "open job/op 2 of 5 write [1 2] at [1 2], room 0 write [3] at [3], room 0 flush close"},
	} {
		o := output{notes: &notes{}, timed: c.timed}
		s, env := sink(o)
		if err := s.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Receive(at(1, 2))
		s.Receive(at(3))
		s.Watermark(7)
		s.Idle(true)
		if err := errors.Join(s.Flush(t.Context()), s.Close()); err != nil {
			t.Error(err)
		}
		check(t, fmt.Sprint("timed ", c.timed), o.taken(), c.want)
		if in, out, wm := env.Metrics.In.Load(), env.Metrics.Out.Load(), env.Metrics.Watermark.Load(); in != 3 || out != 3 || wm != 7 {
			t.Errorf("counted %d in, %d out, watermark %d", in, out, wm)
		}
	}
}

func TestSinkFails(t *testing.T) {
	for what, do := range map[string]func(s *Sink[int]) error{
		"open":  func(s *Sink[int]) error { return s.Open(t.Context()) },
		"flush": func(s *Sink[int]) error { return errors.Join(s.Open(t.Context()), s.Flush(t.Context())) },
		"close": func(s *Sink[int]) error { return errors.Join(s.Open(t.Context()), s.Close()) },
		"write": func(s *Sink[int]) error {
			return errors.Join(s.Open(t.Context()), failure(func() { s.Receive(at(1, 2)) }))
		},
	} {
		s, env := sink(output{notes: &notes{}, fails: what})
		if err := do(s); !errors.Is(err, errBroken) {
			t.Errorf("%s: got %v", what, err)
		}
		if what == "write" {
			if operator, at := env.Site.At.Locate(); operator != "op" || at != "writing 2 records" {
				t.Errorf("located at %s, %s", operator, at)
			}
		}
	}
}

// A sink that was not opened, or could not be, has nothing to flush or close.
func TestSinkThatIsNotOpen(t *testing.T) {
	o := output{notes: &notes{}, fails: "open"}
	s, _ := sink(o)
	if err := errors.Join(s.Flush(t.Context()), s.Close()); err != nil {
		t.Error(err)
	}
	if err := s.Open(t.Context()); err == nil {
		t.Error("opened")
	}
	if err := errors.Join(s.Flush(t.Context()), s.Close()); err != nil {
		t.Error(err)
	}
}

type listening struct{ *notes }

func (l listening) Records(operator, output string, subtask int, values any, _ []int64) {
	l.note("%s %q %d %v", operator, output, subtask, values)
}

func (l listening) Barrier(string, int, int64) {}

// A test that listens takes the place of the writer.
func TestSinkTapped(t *testing.T) {
	o := output{notes: &notes{}, fails: "open"}
	s, env := sink(o)
	env.Tap = listening{o.notes}
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Receive(at(1, 2))
	if err := errors.Join(s.Flush(t.Context()), s.Close()); err != nil {
		t.Error(err)
	}
	check(t, "heard", o.taken(), `op "" 2 [1 2]`)
}
