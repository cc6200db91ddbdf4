package sim

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"leat.dev/leat/connector"
)

// Record is what jobs of this package work on.
type Record struct {
	ID  uint64
	Key uint32
	N   int64
	At  int64 // event time in nanoseconds since 1970
}

func byContent(a, b Record) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Key, b.Key), cmp.Compare(a.N, b.N))
}

// Sink is what a sink has received: what is prepared and hidden, and what is visible.
type Sink struct {
	world     *World
	name      string
	exactly   bool
	want      map[Record]int
	shown     map[Record]int
	pending   map[string]prepared
	committed map[string]bool
}

type prepared struct {
	by      *Process
	attempt int64
	records []Record
}

// Sink makes a sink that is to receive these records, exactly once or at least once.
func (w *World) Sink(name string, exactly bool, want []Record) *Sink {
	s := &Sink{
		world: w, name: name, exactly: exactly, want: map[Record]int{}, shown: map[Record]int{},
		pending: map[string]prepared{}, committed: map[string]bool{},
	}
	for _, r := range want {
		s.want[r]++
	}
	return s
}

// Of is the sink as a process sees it.
func (s *Sink) Of(p *Process) connector.Sink[Record] {
	return func() connector.Output[Record] { return &output{s, p} }
}

// show makes records visible.
func (s *Sink) show(records []Record) {
	for _, r := range records {
		s.shown[r]++
		switch {
		case s.want[r] == 0:
			s.world.fail("sink %s shows %v, which the oracle does not have; of this key and time it has %v", s.name, r, s.similar(r))
		case s.exactly && s.shown[r] > s.want[r]:
			s.world.fail("sink %s shows %v %d times, the oracle has it %d times", s.name, r, s.shown[r], s.want[r])
		}
	}
}

// similar is what the oracle has of a record's key and time.
func (s *Sink) similar(r Record) (all []Record) {
	for _, other := range slices.SortedFunc(maps.Keys(s.want), byContent) {
		if other.Key == r.Key && other.At == r.At {
			all = append(all, other)
		}
	}
	return all
}

// commit makes visible what is pending.
func (s *Sink) commit(id string) {
	if s.committed[id] {
		return
	}
	p, ok := s.pending[id]
	if !ok {
		s.world.fail("sink %s is to commit %s, which is not there any more", s.name, id)
		return
	}
	s.committed[id] = true
	delete(s.pending, id)
	s.world.trace.add("  %s shows %s: %d records", s.name, id, len(p.records))
	s.show(p.records)
}

// check compares with the oracle when all is done.
func (s *Sink) check() {
	for _, r := range slices.SortedFunc(maps.Keys(s.want), byContent) {
		if s.shown[r] < s.want[r] {
			s.world.fail("sink %s has shown %v %d times, the oracle has it %d times", s.name, r, s.shown[r], s.want[r])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.pending)) {
		if !s.pending[id].by.zombie { // what a zombie has prepared since nobody can know of
			s.world.fail("sink %s: %s is still pending at the end", s.name, id)
		}
	}
}

type output struct {
	s *Sink
	p *Process
}

func (o *output) Guarantee() connector.Guarantee { return connector.ExactlyOnce }

func (o *output) Open(_ context.Context, s connector.Subtask) (connector.Writer[Record], error) {
	if o.p.world.turns.isDead(o.p) {
		return nil, errDead
	}
	o.p.world.writers++
	return &writer{output: o, attempt: o.p.epoch, id: fmt.Sprintf("%v.%d.%d", o.p, o.p.world.writers, s.Index)}, nil
}

// Recover commits what is owed, and removes everything else that earlier attempts have prepared. Later ones there are if this
// one was halted before it came here.
func (o *output) Recover(ctx context.Context, s connector.Subtask, committables [][]byte) error {
	for _, c := range committables {
		err := o.p.operation(ctx, 60, "recover "+o.s.name+" "+string(c), func() error {
			o.s.commit(string(c))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return o.p.operation(ctx, 60, "recover "+o.s.name, func() error {
		if !s.Restored && len(o.s.shown) > 0 {
			o.s.world.fail("sink %s: an attempt begins anew, and something is visible", o.s.name)
		}
		maps.DeleteFunc(o.s.pending, func(_ string, p prepared) bool { return p.attempt < o.p.epoch })
		return nil
	})
}

// writer writes for one subtask.
type writer struct {
	*output
	attempt int64
	id      string
	records []Record
}

func (w *writer) Write(_ context.Context, b *connector.Batch[Record]) error {
	w.records = append(w.records, b.Values...)
	return nil
}

// Flush shows what was written, of a sink that is at least once.
func (w *writer) Flush(ctx context.Context) error {
	if len(w.records) == 0 {
		return nil
	}
	return w.p.operation(ctx, 10, "flush "+w.s.name+" "+w.id, func() error {
		w.s.show(w.records)
		w.records = nil
		return nil
	})
}

func (w *writer) Prepare(ctx context.Context, checkpoint int64) ([]byte, error) {
	if len(w.records) == 0 {
		return nil, nil
	}
	id := fmt.Sprintf("%s@%d", w.id, checkpoint)
	err := w.p.operation(ctx, 30, "prepare "+w.s.name+" "+id, func() error {
		w.s.pending[id] = prepared{w.p, w.attempt, slices.Clone(w.records)}
		w.records = nil
		return nil
	})
	return []byte(id), err
}

func (w *writer) Commit(ctx context.Context, committable []byte) error {
	return w.p.operation(ctx, 60, "commit "+w.s.name+" "+string(committable), func() error {
		w.s.commit(string(committable))
		return nil
	})
}

func (w *writer) Close() error { return nil }
