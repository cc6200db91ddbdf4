package heap

import (
	"math"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// A state with a TTL is one of values that have the time of their last write beside them: in memory, in a snapshot and in the cold
// store they go together, and what does not look at them needs to know nothing of them. The time that counts is
//
//	event time        the later one of the record's (or timer's) own time and the watermark that has been worked through
//	processing time   that of the clock when the batch began
//
// A write sets the time of the last write to that, unless it is later already. What is expired by the watermark that has been worked
// through is expired for all that is still to come, whenever it is freed: a sweep goes through the rows, some at the end of each batch.

// Stamped is a value with the time of its last write.
type Stamped[V any] struct {
	At int64
	V  V
}

// Times are what states with a TTL go by, in nanoseconds. Who owns a store sets them.
type Times struct {
	At     int64 // event time of the record or timer at hand
	Passed int64 // the watermark up to which all has fired
	Wall   int64 // processing time when the batch began
}

// noTime is event time before the first watermark, or of a record that has none.
const noTime = math.MinInt64

// Follow has states with a TTL go by times that the caller keeps.
func (s *Store[K]) Follow(t *Times) { s.times = t }

// Expires says whether a state has a TTL.
func (s *Store[K]) Expires() bool { return s.expires }

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

// lease is the part of a state with a TTL that does not depend on its values.
type lease struct {
	core *core
	ttl  backend.TTL
	// The sweep: the group and the part of it that are next.
	sweeping    bool
	group, part int
	due         int64 // when the next one begins
}

func newLease(c *core, ttl backend.TTL) lease {
	c.expires = true
	c.byWall = c.byWall || ttl.Time == backend.ProcessingTime
	return lease{core: c, ttl: ttl, due: noTime}
}

// now is the time that a read or a write goes by.
func (l *lease) now() int64 {
	if t := l.core.times; l.ttl.Time == backend.EventTime {
		return max(t.At, t.Passed)
	}
	return l.core.times.Wall
}

// hides says whether a value is not to be seen any more.
func (l *lease) hides(written, now int64) bool { return !l.ttl.Visible && l.ttl.Expired(written, now) }

// renews says whether reading a value, which is not hidden, is to count as writing it.
func (l *lease) renews(written, now int64) bool {
	return l.ttl.OnRead && written < now && !l.ttl.Expired(written, now)
}

// sweepable is a state that a sweep goes through.
type sweepable interface {
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

// sweep goes on with the sweep of a state.
func (l *lease) sweep(s sweepable) {
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

// stamped encodes values with the time of their last write in front. Its schema is that of the values.
type stamped[V any] struct {
	of      codec.Codec[V]
	inPlace codec.InPlace[V] // nil if the codec lacks it
}

func stampedCodec[V any](c codec.Codec[V]) stamped[V] {
	inPlace, _ := c.(codec.InPlace[V])
	return stamped[V]{c, inPlace}
}

func (s stamped[V]) Schema() codec.Schema { return s.of.Schema() }

func (s stamped[V]) Append(to []byte, v Stamped[V]) ([]byte, error) { return s.AppendPtr(to, &v) }

// AppendPtr spares a copy where the codec does.
func (s stamped[V]) AppendPtr(to []byte, v *Stamped[V]) ([]byte, error) {
	to = backend.AppendStamp(to, v.At)
	if s.inPlace != nil {
		return s.inPlace.AppendPtr(to, &v.V)
	}
	return s.of.Append(to, v.V)
}

// DecodePtr spares a copy where the codec does.
func (s stamped[V]) DecodePtr(from []byte, v *Stamped[V]) (err error) {
	*v, err = s.Decode(from)
	return err
}

func (s stamped[V]) Decode(from []byte) (Stamped[V], error) { return decodeStamped(from, s.of.Decode) }

// Resolve reads values that another schema wrote.
func (s stamped[V]) Resolve(writer codec.Schema) (func([]byte) (Stamped[V], error), error) {
	read, err := codec.ReaderOf(s.of, writer)
	if err != nil {
		return nil, err
	}
	return func(from []byte) (Stamped[V], error) { return decodeStamped(from, read) }, nil
}

func decodeStamped[V any](from []byte, read func([]byte) (V, error)) (v Stamped[V], err error) {
	at, rest, err := backend.CutStamp(from)
	if err != nil {
		return v, err
	}
	v.At = at
	v.V, err = read(rest)
	return v, err
}
