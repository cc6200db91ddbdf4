package heap

import (
	"encoding/binary"
	"reflect"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// Timer is one timer a key: a column of times.
type Timer struct {
	single[int64]
	sched *schedule
	fire  func(at int64) error
}

// AddTimer adds a timer for each key. Fire is called when it is due, with its key at hand; the timer is unset by then.
// Was are the names that it had before.
func (s *Store[K]) AddTimer(name string, d Domain, fire func(at int64) error, was ...string) *Timer {
	info := backend.State{Name: name, Was: was, Kind: backend.Timer, Type: "time.Time", Time: d.String()}
	t := &Timer{single: newSingle[int64](&s.core, info, timeCodec{}), fire: fire}
	t.sched = s.queues[d].add(t, s.groups)
	s.add(t)
	return t
}

// At sets the timer of the key at hand, or moves it. Times are nanoseconds since 1970.
func (t *Timer) At(at int64) {
	if t.sched.q.draining && t.peek() == nil {
		return
	}
	g, row := t.core.ensure()
	t.set(g, row, clampTime(at))
}

// Again sets the timer from its own callback, also while the store drains: for work that is done bit by bit and comes to
// an end.
func (t *Timer) Again(at int64) {
	g, row := t.core.ensure()
	t.set(g, row, clampTime(at))
}

func (t *Timer) set(g int, row uint32, at int64) {
	fresh := !t.cols[g].Has(row)
	t.cols[g].Set(row, at)
	t.sched.moved(g, row, at, fresh)
}

// Time is when the timer of the key at hand is due, and whether it is set.
func (t *Timer) Time() (at int64, ok bool) {
	if p := t.peek(); p != nil {
		return *p, true
	}
	return 0, false
}

// Stop unsets the timer of the key at hand.
func (t *Timer) Stop() {
	if g, row, ok := t.core.known(); ok && t.cols[g].Delete(row) {
		t.core.loosen(g, row)
		t.sched.unset()
	}
}

func (t *Timer) timeAt(g int, row uint32) (int64, bool) { return t.cols[g].Get(row) }

func (t *Timer) ring(g int, row uint32, at int64) error {
	t.core.owner.selectRow(g, row)
	t.cols[g].Delete(row)
	t.core.loosen(g, row)
	return t.fire(at)
}

func (t *Timer) restore(g int, row uint32, item, value []byte) error {
	if len(item) > 0 {
		return errItem
	}
	if t.cols[g].Has(row) {
		return errTwice
	}
	at, err := t.reads.Decode(value)
	if err == nil {
		t.set(g, row, clampTime(at))
	}
	return err
}

// Timers are timers for each key, one for each item: a map from items to times.
type Timers[S comparable] struct {
	times *Map[S, int64]
	sched *schedule
	fire  func(item S, at int64) error
}

// AddTimers adds timers for each key, one for each item. Fire is called when one is due, with its key at hand; the
// timer is unset by then. Was are the names that they had before.
func AddTimers[S comparable, K comparable](s *Store[K], name string, d Domain, item codec.Codec[S],
	fire func(item S, at int64) error, was ...string,
) *Timers[S] {
	info := backend.State{
		Name: name, Was: was, Kind: backend.Timers, Type: reflect.TypeFor[S]().String(), Time: d.String(),
	}
	t := &Timers[S]{times: newMap[S, int64](&s.core, info, item, timeCodec{}), fire: fire}
	t.sched = s.queues[d].add(t, s.groups)
	s.add(t)
	return t
}

// At sets the timer of an item, or moves it.
func (t *Timers[S]) At(item S, at int64) {
	if _, ok := t.Time(item); !ok && t.sched.q.draining {
		return
	}
	g, row := t.times.core.ensure()
	t.setTime(g, row, item, clampTime(at))
}

// setTime says whether the timer was not set before.
func (t *Timers[S]) setTime(g int, row uint32, item S, at int64) (fresh bool) {
	entry, fresh := t.times.set(g, row, item, at)
	t.sched.moved(g, entry, at, fresh)
	return fresh
}

// Time is when the timer of an item is due, and whether it is set.
func (t *Timers[S]) Time(item S) (at int64, ok bool) { return t.times.Lookup(item) }

// Stop unsets the timer of an item.
func (t *Timers[S]) Stop(item S) {
	if t.times.Delete(item) {
		t.sched.unset()
	}
}

func (t *Timers[S]) describe() backend.State                       { return t.times.info }
func (t *Timers[S]) has(g int, row uint32) bool                    { return t.times.has(g, row) }
func (t *Timers[S]) lines(to []uintptr, places []uint64) []uintptr { return t.times.lines(to, places) }
func (t *Timers[S]) freeze(tk *Ticket) frozenState                 { return t.times.freeze(tk) }
func (t *Timers[S]) reclaim()                                      { t.times.reclaim() }
func (t *Timers[S]) expect(was backend.State) error                { return t.times.expect(was) }

func (t *Timers[S]) timeAt(g int, entry uint32) (int64, bool) {
	return t.times.groups[g].vals.Get(entry)
}

func (t *Timers[S]) ring(g int, entry uint32, at int64) error {
	e := *t.times.groups[g].entries.Peek(entry)
	t.times.core.owner.selectRow(g, e.row)
	t.times.remove(g, entry, t.times.hash(e.id, e.item))
	return t.fire(e.item, at)
}

func (t *Timers[S]) reserve(g, entries int) { t.times.reserve(g, entries) }

func (t *Timers[S]) restore(g int, row uint32, item, value []byte) error {
	a, err := t.times.item.Decode(item)
	if err != nil {
		return err
	}
	at, err := t.times.value.Decode(value)
	if err == nil && !t.setTime(g, row, a, clampTime(at)) {
		err = errTwice
	}
	return err
}

// Fire fires timers of a domain that are due at upTo or before, in order of time, at most limit; it says whether more
// may be due: those that were stopped or moved count as well. A callback has its key at hand, may use all state, and may set timers, which may be due at once. An error
// of a callback ends it. Fire is called between batches.
func (s *Store[K]) Fire(d Domain, upTo int64, limit int) (more bool, err error) {
	more, err = s.fireDue(&s.queues[d], upTo, limit)
	s.End()
	return more, err
}

func (s *Store[K]) fireDue(q *queue, upTo int64, limit int) (more bool, err error) {
	for ; ; limit-- {
		s.firing = nil
		if !q.due(upTo) {
			return false, nil
		}
		if limit <= 0 {
			return true, nil
		}
		a, ok := q.look(q.soonest())
		if !ok || a.at > upTo {
			continue
		}
		s.time, s.firing = a.at, q.timers[a.timer]
		if err := q.fire(a); err != nil {
			return true, err
		}
	}
}

// Firing names the timer that fires, and says when it was due; !ok if none does.
func (s *Store[K]) Firing() (name string, at int64, ok bool) {
	if s.firing == nil {
		return "", 0, false
	}
	return s.firing.clock.describe().Name, s.time, true
}

// NextTimer is when the next timer of a domain is due, and whether one is set.
func (s *Store[K]) NextTimer(d Domain) (at int64, ok bool) {
	a, ok := s.queues[d].first()
	return a.at, ok
}

// Drain is for the end of input: timers that are set by now fire once each, through Fire; setting others does nothing
// from now on, or one that sets itself again would go on for ever, and again after a restore. Moving a timer that is
// set keeps its turn.
func (s *Store[K]) Drain() {
	for d := range s.queues {
		s.queues[d].draining = true
	}
}

// timeCodec encodes times as 8 bytes, little endian.
type timeCodec struct{}

func (timeCodec) Append(to []byte, at int64) ([]byte, error) {
	return binary.LittleEndian.AppendUint64(to, uint64(at)), nil
}

func (timeCodec) Decode(from []byte) (int64, error) {
	if len(from) != 8 {
		return 0, errTime
	}
	return int64(binary.LittleEndian.Uint64(from)), nil
}

func (timeCodec) Schema() codec.Schema { return codec.Opaque("time/1") }
