package connectortest

import (
	"reflect"
	"sync"
	"testing"

	"leat.dev/leat/connector"
)

// TestSink writes records, by several subtasks at the same time, and with attempts that fail: what was flushed is there, and
// nothing is there that was not written. For each test, fresh makes an empty sink and a function that lists what can be
// seen in it now, in any order; nil means that nothing can be seen. A few hundred records, all different, are enough.
func TestSink[T any](t *testing.T, fresh func(t *testing.T) (connector.Sink[T], func() []T), records []T) {
	for _, c := range []struct {
		name string
		run  func(*sinkSuite[T])
	}{
		{"nothing", (*sinkSuite[T]).testNothing},
		{"one subtask", (*sinkSuite[T]).testOne},
		{"several subtasks", (*sinkSuite[T]).testSeveral},
		{"a failed attempt", (*sinkSuite[T]).testFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink, seen := fresh(t)
			c.run(&sinkSuite[T]{t, sink, seen, records})
		})
	}
}

type sinkSuite[T any] struct {
	t       *testing.T
	sink    connector.Sink[T]
	seen    func() []T
	records []T
}

// testNothing flushes and closes without records.
func (s *sinkSuite[T]) testNothing() {
	w := s.open(0, 1)
	s.write(w, nil)
	s.flush(w)
	s.close(w)
	w = s.open(0, 1)
	s.close(w)
	s.check("no records were written", nil, nil)
}

// testOne flushes now and then; what was flushed is there at once.
func (s *sinkSuite[T]) testOne() {
	random := seeded()
	w := s.open(0, 1)
	for written := 0; written < len(s.records); {
		n := min(1+random.IntN(100), len(s.records)-written)
		s.write(w, s.records[written:written+n])
		written += n
		s.flush(w)
		s.flush(w)
		s.check("after a flush", s.records[:written], s.records[:written])
	}
	s.close(w)
	s.check("after the end", s.records, s.records)
}

func (s *sinkSuite[T]) testSeveral() {
	const subtasks = 3
	var done sync.WaitGroup
	for i := range subtasks {
		w := s.open(i, subtasks)
		done.Go(func() {
			for at := i; at < len(s.records); at += subtasks {
				s.write(w, s.records[at:at+1])
			}
			s.flush(w)
			s.close(w)
		})
	}
	done.Wait()
	s.check("after the end", s.records, s.records)
}

// testFailed has an attempt that fails after a flush, and another that writes the rest.
func (s *sinkSuite[T]) testFailed() {
	half := len(s.records) / 2
	w := s.open(0, 1)
	s.write(w, s.records[:half])
	s.flush(w)
	s.write(w, s.records[half:])
	s.close(w)
	s.check("after a failure", s.records[:half], s.records)

	w = s.open(0, 1)
	s.write(w, s.records[half:])
	s.flush(w)
	s.close(w)
	s.check("after the next attempt", s.records, append(s.records[:len(s.records):len(s.records)], s.records[half:]...))
}

// check compares what can be seen with what must be and what may be there.
func (s *sinkSuite[T]) check(when string, must, may []T) {
	s.t.Helper()
	if s.seen == nil {
		return
	}
	got := s.seen()
	if missing := without(must, got); len(missing) > 0 {
		s.t.Fatalf("%s: %d of %d records are missing, such as %+v", when, len(missing), len(must), missing[0])
	}
	if extra := without(got, may); len(extra) > 0 {
		s.t.Fatalf("%s: %d records too many, such as %+v", when, len(extra), extra[0])
	}
}

// without is what a has more often than b.
func without[T any](a, b []T) (rest []T) {
	used := make([]bool, len(b))
next:
	for _, v := range a {
		for i := range b {
			if !used[i] && reflect.DeepEqual(v, b[i]) {
				used[i] = true
				continue next
			}
		}
		rest = append(rest, v)
	}
	return rest
}

func (s *sinkSuite[T]) open(index, count int) connector.Writer[T] {
	s.t.Helper()
	w, err := s.sink().Open(s.t.Context(), connector.Subtask{Job: "test", Operator: "sink", Index: index, Count: count})
	if err != nil {
		s.t.Fatalf("open subtask %d: %v", index, err)
	}
	return w
}

// write lends the writer a batch, and spoils it after the call, as the engine may.
func (s *sinkSuite[T]) write(w connector.Writer[T], records []T) {
	b := connector.Batch[T]{Values: append([]T{}, records...), Max: len(records)}
	if err := w.Write(s.t.Context(), &b); err != nil {
		s.t.Errorf("write: %v", err)
	}
	clear(b.Values)
}

func (s *sinkSuite[T]) flush(w connector.Writer[T]) {
	if err := w.Flush(s.t.Context()); err != nil {
		s.t.Errorf("flush: %v", err)
	}
}

func (s *sinkSuite[T]) close(w connector.Writer[T]) {
	if err := w.Close(); err != nil {
		s.t.Errorf("close: %v", err)
	}
}
