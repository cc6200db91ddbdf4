package connectortest

import (
	"bytes"
	"fmt"
	"testing"

	"leat.dev/leat/connector"
)

// TestTransactional writes records exactly once, with processes that end at each point between: what a durable checkpoint
// has prepared becomes visible once, nothing else does, and nothing before its commit. For each test, fresh makes an empty
// sink and a function that lists what can be seen in it now, in any order. A few hundred records, all different, are enough.
func TestTransactional[T any](t *testing.T, fresh func(t *testing.T) (connector.Sink[T], func() []T), records []T) {
	run := func(name string, test func(*transactions[T])) {
		t.Run(name, func(t *testing.T) {
			sink, seen := fresh(t)
			test(&transactions[T]{sinkSuite: sinkSuite[T]{t, sink, seen, records}, count: 1})
		})
	}
	if sink, _ := fresh(t); sink().Guarantee() != connector.ExactlyOnce {
		t.Fatalf("the guarantee is %s", sink().Guarantee())
	}
	run("nothing", (*transactions[T]).testNothing)
	run("in order", (*transactions[T]).testOrder)
	run("late commits", (*transactions[T]).testLate)
	run("commit twice", (*transactions[T]).testTwice)
	run("close keeps what was prepared", (*transactions[T]).testClose)
	run("recover twice", (*transactions[T]).testRecoverTwice)
	run("another parallelism", (*transactions[T]).testRescale)
	run("two sinks", (*transactions[T]).testTwoSinks)
	run("a halted process comes back", (*transactions[T]).testHalted)
	for at := range ends {
		run(fmt.Sprintf("end when %s", at), func(s *transactions[T]) { s.testEnd(at) })
	}
}

// transactions is an engine with checkpoints by hand.
type transactions[T any] struct {
	sinkSuite[T]
	count   int // subtasks
	writers []connector.Writer[T]
	next    int64 // checkpoint
	attempt int64
	// restored says that there is a durable checkpoint; carried is what such have prepared and not committed.
	restored bool
	carried  [][]byte
}

func (s *transactions[T]) subtask(index int) connector.Subtask {
	return connector.Subtask{Job: "test", Operator: "sink", Index: index, Count: s.count, ExactlyOnce: true, Restored: s.restored, Attempt: s.attempt}
}

// begin begins an attempt, by a process of its own: earlier writers are let go without a Close.
func (s *transactions[T]) begin() {
	s.t.Helper()
	output := s.sink()
	s.attempt++
	s.recover(output, s.subtask(0), s.carried)
	s.carried, s.writers = nil, nil
	for i := range s.count {
		w, err := output.Open(s.t.Context(), s.subtask(i))
		if err != nil {
			s.t.Fatalf("open subtask %d: %v", i, err)
		}
		s.writers = append(s.writers, w)
	}
}

func (s *transactions[T]) recover(output connector.Output[T], as connector.Subtask, committables [][]byte) {
	s.t.Helper()
	transactional, ok := output.(connector.Transactional)
	if !ok {
		s.t.Fatalf("%T is no connector.Transactional", output)
	}
	if err := transactional.Recover(s.t.Context(), as, committables); err != nil {
		s.t.Fatalf("recover: %v", err)
	}
}

func (s *transactions[T]) committer(w connector.Writer[T]) connector.Committer {
	s.t.Helper()
	c, ok := w.(connector.Committer)
	if !ok {
		s.t.Fatalf("%T is no connector.Committer", w)
	}
	return c
}

// writeAll deals records out to the subtasks.
func (s *transactions[T]) writeAll(records []T) {
	n := len(s.writers)
	for i, w := range s.writers {
		s.write(w, records[i*len(records)/n:(i+1)*len(records)/n])
	}
}

// prepare prepares all subtasks for a checkpoint.
func (s *transactions[T]) prepare() (committables [][]byte) {
	s.t.Helper()
	s.next++
	for i, w := range s.writers {
		c, err := s.committer(w).Prepare(s.t.Context(), s.next)
		if err != nil {
			s.t.Fatalf("prepare checkpoint %d of subtask %d: %v", s.next, i, err)
		}
		if c != nil {
			committables = append(committables, c)
		}
	}
	return committables
}

// commit has the writers commit, each what comes to it, whoever has prepared it.
func (s *transactions[T]) commit(committables [][]byte) {
	s.t.Helper()
	for i, c := range committables {
		before := bytes.Clone(c)
		if err := s.committer(s.writers[i%len(s.writers)]).Commit(s.t.Context(), c); err != nil {
			s.t.Fatalf("commit: %v", err)
		}
		if !bytes.Equal(before, c) {
			s.t.Errorf("Commit has changed the committable")
		}
	}
}

// exactly checks that the first n records can be seen and no others.
func (s *transactions[T]) exactly(when string, n int) {
	s.t.Helper()
	s.check(when, s.records[:n], s.records[:n])
}

func (s *transactions[T]) testNothing() {
	s.begin()
	s.writeAll(nil)
	if c := s.prepare(); len(c) > 0 {
		s.t.Errorf("nothing was written, and Prepare returned %q", c)
	}
	s.close(s.writers[0])
	s.exactly("no records were written", 0)
}

func (s *transactions[T]) testOrder() {
	random := seeded()
	s.begin()
	for written := 0; written < len(s.records); {
		n := min(1+random.IntN(100), len(s.records)-written)
		s.writeAll(s.records[written : written+n])
		s.exactly("after Write", written)
		c := s.prepare()
		s.exactly("after Prepare", written)
		s.commit(c)
		written += n
		s.exactly("after Commit", written)
	}
	s.close(s.writers[0])
	s.exactly("after the end", len(s.records))
}

// testLate commits several checkpoints at once, as when notifications got lost.
func (s *transactions[T]) testLate() {
	third := len(s.records) / 3
	s.begin()
	s.writeAll(s.records[:third])
	late := s.prepare()
	s.writeAll(s.records[third : 2*third])
	late = append(late, s.prepare()...)
	s.writeAll(s.records[2*third:])
	s.exactly("before a commit", 0)
	s.commit(late)
	s.exactly("after two late commits", 2*third)
	s.commit(s.prepare())
	s.exactly("after the last commit", len(s.records))
}

func (s *transactions[T]) testTwice() {
	half := len(s.records) / 2
	s.begin()
	s.writeAll(s.records[:half])
	first := s.prepare()
	s.commit(first)
	s.commit(first)
	s.exactly("after two commits of the same", half)
	s.restored = true
	s.begin()
	s.commit(first)
	s.exactly("after a commit by another process", half)
	s.writeAll(s.records[half:])
	s.commit(append(first, s.prepare()...))
	s.exactly("after the end", len(s.records))
}

func (s *transactions[T]) testClose() {
	half := len(s.records) / 2
	s.begin()
	s.writeAll(s.records[:half])
	s.carried, s.restored = s.prepare(), true
	s.writeAll(s.records[half:])
	s.close(s.writers[0])
	s.exactly("after Close", 0)
	s.begin()
	s.exactly("after Recover", half)
}

func (s *transactions[T]) testRecoverTwice() {
	half := len(s.records) / 2
	s.begin()
	s.writeAll(s.records[:half])
	carried := s.prepare()
	s.restored = true
	for range 3 {
		s.carried = carried
		s.begin()
		s.exactly("after Recover", half)
		s.writeAll(s.records[half:])
		s.prepare()
	}
	s.commit(s.prepare())
	s.exactly("nothing was prepared", half)
}

// testRescale commits what more and fewer subtasks have prepared.
func (s *transactions[T]) testRescale() {
	step := len(s.records) / 4
	for i, count := range []int{3, 1, 4} {
		s.count = count
		s.begin()
		s.exactly("after Recover", i*step)
		s.writeAll(s.records[i*step : (i+1)*step])
		s.carried, s.restored = s.prepare(), true
	}
	s.begin()
	s.exactly("after Recover", 3*step)
}

// testTwoSinks recovers another sink, of the same and of another job, at the same place.
func (s *transactions[T]) testTwoSinks() {
	half := len(s.records) / 2
	s.begin()
	s.writeAll(s.records[:half])
	prepared := s.prepare()
	s.writeAll(s.records[half:])
	for _, other := range []connector.Subtask{{Job: "test", Operator: "sink-2"}, {Job: "test-sink", Operator: ""}, {Job: "other", Operator: "sink"}} {
		other.Count, other.ExactlyOnce, other.Restored = 1, true, true
		s.recover(s.sink(), other, nil)
	}
	s.commit(append(prepared, s.prepare()...))
	s.exactly("after other sinks have recovered", len(s.records))
}

// testHalted has a process that was halted before it recovered go on when a later one has prepared output: it is no left-over.
func (s *transactions[T]) testHalted() {
	half := len(s.records) / 2
	s.begin()
	s.writeAll(s.records[half:]) // left over
	halted := s.subtask(0)
	s.begin()
	s.writeAll(s.records[:half])
	prepared := s.prepare()
	s.recover(s.sink(), halted, nil)
	s.commit(prepared)
	s.exactly("after an earlier attempt has recovered", half)
}

// end is where a process ends.
type end int

const ends = end(5)

func (e end) String() string {
	return [ends]string{"a record was written", "prepared, without a checkpoint", "the checkpoint is durable", "one of two is committed", "all is committed"}[e]
}

// testEnd ends a process in the second of three checkpoints, and goes on from the last durable one.
func (s *transactions[T]) testEnd(at end) {
	third := len(s.records) / 3
	s.count = 2
	s.begin()
	s.writeAll(s.records[:third])
	s.commit(s.prepare())
	s.restored = true
	s.writeAll(s.records[third : 2*third])
	done := third
	if at >= 1 {
		prepared := s.prepare()
		if at >= 2 {
			s.carried, done = prepared, 2*third
			s.commit(prepared[:at-2])
		}
	}
	s.writeAll(s.records[2*third : 2*third+2])
	s.begin()
	s.exactly("after Recover", done)
	s.writeAll(s.records[done:])
	s.commit(s.prepare())
	s.exactly("after the end", len(s.records))
}
