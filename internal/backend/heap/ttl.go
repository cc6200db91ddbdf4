package heap

import (
	"math"

	"leat.dev/leat/internal/backend"
)

// A state with a TTL has a stamp beside each value, the time of its last write: by the value's row, or in a second tree. In a snapshot and in
// the cold store it stands in front of the value. What reads and writes it are types of their own over the states, which have a
// nil lease without a TTL. The time that counts is
//
//	event time        the later one of the record's (or timer's) own time and the watermark that has been worked through
//	processing time   that of the clock when the batch began
//
// A write sets the time of the last write to that, unless it is later already. What is expired by the watermark that has been worked
// through is expired for all that is still to come, whenever it is freed: a sweep goes through the rows, some at the end of each batch.

// Times are what states with a TTL go by, in nanoseconds. Who owns a store sets them.
type Times struct {
	At     int64 // event time of the record or timer at hand
	Passed int64 // the watermark up to which all has fired
	Wall   int64 // processing time when the batch began
}

const (
	noTime  = math.MinInt64 // event time before the first watermark, or of a record that has none
	endTime = math.MaxInt64 // of what fires at the end of input only: no time either
)

// Follow has states with a TTL go by times that the caller keeps.
func (s *Store[K]) Follow(t *Times) { s.times = t }

// Expires says whether a state has a TTL.
func (s *Store[K]) Expires() bool { return len(s.expires) > 0 }

// ByWall says whether a state goes by processing time: Times.Wall is due before each batch.
func (s *Store[K]) ByWall() bool { return s.byWall }

// Expired is how many values have been freed because their time was up.
func (s *Store[K]) Expired() int64 { return s.expired }

// restamped reads entries of a snapshot as a state has them now.
func (c *core) restamped(r backend.Reader, was, is backend.State) backend.Reader {
	return backend.Restamped(r, was, is, c.passed(is.TTL))
}

// passed is the time by which what is expired is so for all that is still to come.
func (c *core) passed(ttl *backend.TTL) int64 {
	if ttl != nil && ttl.Time == backend.ProcessingTime {
		return c.times.Wall
	}
	return c.times.Passed
}

// unexpired hands on what a look may see of a state.
func (c *core) unexpired(s backend.State, f func(backend.Held) error) func(backend.Held) error {
	if s.TTL == nil {
		return f
	}
	return func(h backend.Held) error {
		live, ok, err := s.Shown(h.Value, c.passed(s.TTL))
		if err != nil || !ok {
			return err
		}
		return f(backend.Held{Item: h.Item, Value: live})
	}
}

// lease is the part of a state with a TTL that does not depend on its values. Nil is none.
type lease struct {
	core *core
	ttl  backend.TTL
	// The stamps, by key group and row of a value. They say nothing of rows that have no value.
	fam    *Family[int64]
	stamps []Column[int64]
	// The sweep: the group and the part of it that are next.
	sweeping    bool
	group, part int
	due         int64 // when the next one begins
}

func newLease(c *core, ttl backend.TTL) *lease {
	c.byWall = c.byWall || ttl.Time == backend.ProcessingTime
	l := &lease{core: c, ttl: ttl, due: noTime, fam: NewFamily[int64](c.space, nil, false)}
	l.stamps = columns(c, l.fam)
	return l
}

// at is the stamp of a row that has a value.
func (l *lease) at(g int, row uint32) int64 {
	at, _ := l.stamps[g].Get(row)
	return at
}

// stamp appends the stamp of a row.
func (l *lease) stamp(to []byte, g int, row uint32) []byte {
	if l == nil {
		return to
	}
	return backend.AppendStamp(to, l.at(g, row))
}

// cut takes the stamp from the front of a value.
func (l *lease) cut(value []byte) (at int64, rest []byte, err error) {
	if l == nil {
		return 0, value, nil
	}
	return backend.CutStamp(value)
}

// put sets the stamp of a row.
func (l *lease) put(g int, row uint32, at int64) {
	if l != nil {
		l.stamps[g].Set(row, at)
	}
}

// take gives a row the stamp in front of its value, and returns the rest.
func (l *lease) take(g int, row uint32, value []byte) ([]byte, error) {
	at, rest, err := l.cut(value)
	if err == nil {
		l.put(g, row, at)
	}
	return rest, err
}

// shed gives back the memory of a key group in which no row has a value.
func (l *lease) shed(g int) {
	if l != nil {
		l.stamps[g].Drop()
		l.fam.giveBack()
	}
}

// freeze freezes the stamps.
func (l *lease) freeze(t *Ticket) frozenStamps {
	if l == nil {
		return nil
	}
	z := l.fam.FreezeAll(l.stamps, t)
	l.fam.Trim()
	return z
}

// frozenStamps are stamps as they were when a snapshot began, by key group; nil without a TTL.
type frozenStamps []Frozen[int64]

// stamp appends the stamp of a row.
func (z frozenStamps) stamp(to []byte, g int, row uint32) []byte {
	if z == nil {
		return to
	}
	return backend.AppendStamp(to, *z[g].At(row))
}

// with is the value of a row with its stamp in front.
func (z frozenStamps) with(w *entries, row uint32, value []byte) []byte {
	if z == nil {
		return value
	}
	w.value = append(z.stamp(w.value[:0], w.g, row), value...)
	return w.value
}

// now is the time that a read or a write goes by.
func (l *lease) now() int64 {
	t := l.core.times
	switch {
	case l.ttl.Time == backend.ProcessingTime:
		return t.Wall
	case t.At == endTime:
		return t.Passed
	}
	return max(t.At, t.Passed)
}

// hides says whether a value is not to be seen any more.
func (l *lease) hides(written, now int64) bool { return !l.ttl.Visible && l.ttl.Expired(written, now) }

// renews says whether reading a value, which is not hidden, is to count as writing it.
func (l *lease) renews(written, now int64) bool {
	return l.ttl.OnRead && written < now && !l.ttl.Expired(written, now)
}

// sweeper is a state with a TTL.
type sweeper interface {
	// sweep goes on with the sweep of the state.
	sweep()
	// sweepGroup frees what is expired, from the part of a group on that is next, until it has looked at about most values, and
	// returns how many may still be looked at, and whether it has come to the end.
	sweepGroup(g int, now int64, most int) (left int, done bool)
}

const (
	// sweepValues is about how many values the sweep of a state looks at after each batch.
	sweepValues = chunkRows
	// sweepsPerTTL is how many sweeps begin in the time that values live, at most: what is expired takes up about that part more.
	sweepsPerTTL = 8
)

// sweepOn goes on with the sweep of a state.
func (l *lease) sweepOn(s sweeper) {
	now := l.core.passed(&l.ttl)
	if now == noTime || !l.sweeping && now < l.due {
		return
	}
	if !l.sweeping {
		l.sweeping, l.group, l.part = true, 0, 0
		l.due = now + max(int64(l.ttl.After)/sweepsPerTTL, 1)
	}
	for left := sweepValues; left > 0; {
		if l.group == l.core.groups {
			l.sweeping = false
			return
		}
		var done bool
		if left, done = s.sweepGroup(l.group, now, left-1); done {
			l.group, l.part = l.group+1, 0
		}
	}
}
