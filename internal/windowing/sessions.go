package windowing

import (
	"slices"

	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// sessions is the operator of windows that differ from key to key and merge when they touch. Rows are open sessions,
// most keys having one; all sessions of a key have the key's hash in one index.
//
// A session that gets a record ends later, but its alarm stays: when it goes off, the session is put off to its end.
type sessions[K comparable, A any] struct {
	*base[K, A]
	family *heap.Family[session[K, A]]
	rows   heap.Column[session[K, A]]
	index  index
	n      uint32   // rows ever used
	free   []uint32 // of them, those without a session
	queue  *queue
	touch  []uint32 // the sessions that a record touches
}

// session is [start, end) of one key: its first record's time, and a gap after its last one's.
type session[K comparable, A any] struct {
	hash       uint64
	key        K
	start, end int64
	armed      int64 // when it wants to be looked at
	acc        A
	panes      uint32
	fired      bool // it has fired since its end was last put off
}

func newSessions[K comparable, A any](b *base[K, A]) *sessions[K, A] {
	o := &sessions[K, A]{base: b, index: newIndex()}
	o.family = heap.NewFamily(b.space, o.encodeSession, b.refs)
	o.rows = o.family.Column()
	o.queue = newQueue(b.spans.size, o.armedAt)
	return o
}

func (o *sessions[K, A]) armedAt(row uint32) (int64, bool) {
	if s := o.rows.Peek(row); s != nil {
		return s.armed, true
	}
	return 0, false
}

// receive takes record after record: each may change which session the next is in.
func (o *sessions[K, A]) receive(keys []K, hashes []uint64, times []int64, in intake[A]) error {
	o.prefetch(hashes)
	for i, at := range times {
		if err := o.check(at); err != nil {
			return err
		}
		o.take(keys[i], hashes[i], in, i, at)
	}
	return nil
}

// prefetchSlots is the size of an index from which on its cache misses are worth overlapping.
const prefetchSlots = 1 << 14

// prefetch touches what the records of a batch will need.
func (o *sessions[K, A]) prefetch(hashes []uint64) (seen byte) {
	if len(o.index.slots) < prefetchSlots {
		return 0
	}
	o.touch = o.touch[:0]
	for _, hash := range hashes {
		o.touch = append(o.touch, uint32(o.index.slots[hash&o.index.mask]))
	}
	for _, ref := range o.touch {
		if ref > 0 {
			seen += o.rows.Touch(ref - 1)
		}
	}
	return seen
}

// take takes record i of a batch, whose own session is [at, at+gap).
func (o *sessions[K, A]) take(key K, hash uint64, in intake[A], i int, at int64) {
	end := at + o.spans.size
	o.find(hash, key, at, end)
	last := end
	for _, row := range o.touch {
		last = max(last, o.rows.Peek(row).end)
	}
	reach := o.reach(hash)
	if o.tooOld(past(last), reach, in, i) {
		o.tooLate(in, i)
		return
	}
	row := uint32(0)
	switch len(o.touch) {
	case 0:
		row = o.open(hash, key, at, end)
	case 1:
		row = o.touch[0]
	default:
		row = o.merge()
	}
	s := o.rows.Ref(row)
	refire := due(past(last), reach) && (len(o.touch) == 0 || s.fired) // otherwise it is about to fire
	s.start, s.end = min(s.start, at), max(s.end, end)
	in.add(i, &s.acc)
	if refire {
		o.refire(s)
	} else if s.fired && !due(past(s.end), reach) {
		s.fired = false
	}
	o.arm(row, s)
}

// find gathers the key's sessions that touch [at, end), those that abut included.
func (o *sessions[K, A]) find(hash uint64, key K, at, end int64) {
	o.touch = o.touch[:0]
	x := &o.index
	for i := hash & x.mask; x.slots[i] != 0; i = (i + 1) & x.mask {
		if slot := x.slots[i]; slot>>32 == hash&(1<<32-1) {
			row := uint32(slot) - 1
			if s := o.rows.Peek(row); s.hash == hash && s.start <= end && s.end >= at && s.key == key {
				o.touch = append(o.touch, row)
			}
		}
	}
}

// open adds a session.
func (o *sessions[K, A]) open(hash uint64, key K, start, end int64) uint32 {
	row := o.n
	if n := len(o.free); n > 0 {
		row, o.free = o.free[n-1], o.free[:n-1]
	} else {
		o.n++
	}
	o.rows.Set(row, session[K, A]{hash: hash, key: key, start: start, end: end, armed: flow.EndTime})
	o.index.insert(hash, row)
	return row
}

func (o *sessions[K, A]) close(row uint32, hash uint64) {
	o.index.remove(hash, row)
	o.rows.Delete(row)
	o.free = append(o.free, row)
}

// merge merges the sessions that a record touches into the earliest, in the order of their times.
func (o *sessions[K, A]) merge() uint32 {
	slices.SortFunc(o.touch, func(a, b uint32) int { return compareTimes(o.rows.Peek(a).start, o.rows.Peek(b).start) })
	into := o.touch[0]
	for _, row := range o.touch[1:] {
		from := *o.rows.Peek(row)
		s := o.rows.Ref(into)
		o.Merge(&s.acc, from.acc)
		s.end, s.panes, s.fired = max(s.end, from.end), s.panes+from.panes, s.fired || from.fired
		o.close(row, from.hash)
	}
	return into
}

// refire fires a session that the watermark has passed, because of a late record.
func (o *sessions[K, A]) refire(s *session[K, A]) {
	o.emitOne(s.key, s.hash, s.start, s.end, o.shown(&s.acc), window.PaneLate, int(s.panes))
	s.panes++
	s.fired = true
	o.told(s)
}

// told tells that a session has been emitted which is kept.
func (o *sessions[K, A]) told(s *session[K, A]) {
	if o.sayFired != nil {
		o.sayFired(&s.acc)
	}
}

// past is when no record can go on with a session that ends then. A record at the very end does, so a session waits for
// a watermark one nanosecond later than other windows: what it holds does not depend on where watermarks lie.
func past(end int64) int64 { return saturated(end, 1) }

// wants is when a session wants to be looked at: to fire, then to be dropped.
func (o *sessions[K, A]) wants(s *session[K, A]) int64 {
	if s.fired {
		return saturated(past(s.end), o.spans.lateness)
	}
	return past(s.end)
}

// arm sees to it that a session is looked at in time. An alarm that goes off too early does no harm.
func (o *sessions[K, A]) arm(row uint32, s *session[K, A]) {
	if at := o.wants(s); at < s.armed {
		s.armed = at
		o.queue.add(at, row)
	}
}

// Advance fires the sessions that are due, in order of their ends, and drops those whose lateness is over.
func (o *sessions[K, A]) Advance(wm int64, limit int) (done bool) {
	o.wm = max(o.wm, wm)
	for ; limit > 0; limit-- {
		a, ok := o.queue.next(o.wm)
		if !ok {
			return true
		}
		o.alarm(a)
	}
	return false
}

// next is when the next session wants to be looked at.
func (o *sessions[K, A]) next() (wm int64, ok bool) {
	at, ok := o.queue.first()
	return at - 1, ok
}

func (o *sessions[K, A]) alarm(a alarm) {
	s := o.rows.Peek(a.row)
	if s == nil || s.armed != a.at {
		return // of a session that is gone, or was put on to an earlier time
	}
	if at := o.wants(s); at > a.at {
		o.putOff(a.row, at)
		return
	}
	fired, over, hash := s.fired, saturated(past(s.end), o.spans.lateness), s.hash
	if !fired {
		o.fire(a.row, s)
	}
	if fired || o.spans.lateness == 0 {
		o.close(a.row, hash)
	} else {
		o.putOff(a.row, over)
	}
}

// fire emits a session's pane on time.
func (o *sessions[K, A]) fire(row uint32, s *session[K, A]) {
	if o.spans.lateness == 0 {
		o.emitOne(s.key, s.hash, s.start, s.end, &s.acc, window.PaneOnTime, int(s.panes))
		return
	}
	o.emitOne(s.key, s.hash, s.start, s.end, o.shown(&s.acc), window.PaneOnTime, int(s.panes))
	s = o.rows.Ref(row)
	s.panes++
	s.fired = true
	o.told(s)
}

func (o *sessions[K, A]) putOff(row uint32, at int64) {
	o.rows.Ref(row).armed = at
	o.queue.add(at, row)
}

// Floor is the watermark: sessions that are due and have not fired say so themselves.
func (o *sessions[K, A]) Floor(group int) int64 { return max(o.wm, o.floors[group-o.From]) }
