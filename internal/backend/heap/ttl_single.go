package heap

import (
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// singleTTL is a single with a TTL.
type singleTTL[V any] struct {
	*lease
	of *single[V]
}

func (s *single[V]) lend(ttl backend.TTL) singleTTL[V] {
	s.info.TTL, s.lease = &ttl, newLease(s.core, ttl)
	return singleTTL[V]{s.lease, s}
}

// live is the value of the key at hand for reading, or nil.
func (s *singleTTL[V]) live() *V {
	g, row, ok := s.core.known()
	if !ok {
		return nil
	}
	p := s.of.cols[g].Peek(row)
	if p == nil {
		return nil
	}
	at, now := s.at(g, row), s.now()
	if s.hides(at, now) {
		return nil
	}
	if s.renews(at, now) {
		s.put(g, row, now)
		s.of.cols[g].mark(row)
		p = s.of.cols[g].Peek(row)
	}
	return p
}

// write is the row of the key at hand, written now, and whether it has no value that is to be seen.
func (s *singleTTL[V]) write() (g int, row uint32, fresh bool) {
	g, row = s.core.ensure()
	now := s.now()
	if s.of.cols[g].Has(row) {
		at := s.at(g, row)
		s.put(g, row, max(at, now))
		return g, row, s.hides(at, now)
	}
	s.put(g, row, now)
	return g, row, true
}

// ref is the value of the key at hand for changing in place, written now; one that is not to be seen any more is zero and fresh.
func (s *singleTTL[V]) ref() (p *V, fresh bool) {
	g, row, fresh := s.write()
	p = s.of.cols[g].Ref(row)
	if fresh {
		var zero V
		*p = zero
	}
	return p, fresh
}

func (s *singleTTL[V]) sweep() { s.sweepOn(s) }

func (s *singleTTL[V]) sweepGroup(g int, now int64, most int) (left int, done bool) {
	col := &s.of.cols[g]
	for ; s.part < len(col.chunks); s.part++ {
		if most--; most < 0 {
			return most, false
		}
		for word, set := range col.chunks[s.part].present {
			for ; set != 0; set &= set - 1 {
				most--
				row := rowAt(s.part, word, set)
				if s.ttl.Expired(s.at(g, row), now) {
					col.Delete(row)
					s.core.loosen(g, row)
					s.core.expired++
				}
			}
		}
	}
	return most, true
}

// ValueTTL is a Value with a TTL.
type ValueTTL[V any] struct {
	singleTTL[V]
	value *Value[V]
}

// AddValueTTL adds a state of one V a key, with a TTL. Was are the names that it had before.
func AddValueTTL[V any, K comparable](s *Store[K], name string, ttl backend.TTL, c codec.Codec[V], was ...string) *ValueTTL[V] {
	value := AddValue(s, name, c, was...)
	v := &ValueTTL[V]{value.lend(ttl), value}
	s.expires = append(s.expires, v)
	return v
}

// Get returns the value, or the zero value.
func (v *ValueTTL[V]) Get() V {
	out, _ := v.Lookup()
	return out
}

// Lookup returns the value and whether there is one.
func (v *ValueTTL[V]) Lookup() (out V, ok bool) {
	if p := v.live(); p != nil {
		return *p, true
	}
	return out, false
}

// Has says whether there is a value.
func (v *ValueTTL[V]) Has() bool { return v.live() != nil }

// Ref returns the value for changing in place, like [Value.Ref]. It is a write.
func (v *ValueTTL[V]) Ref() *V {
	p, _ := v.ref()
	return p
}

// Set sets the value.
func (v *ValueTTL[V]) Set(x V) {
	g, row, _ := v.write()
	v.of.cols[g].Set(row, x)
}

// Clear forgets the value.
func (v *ValueTTL[V]) Clear() { v.value.Clear() }

// RunningTTL is a Running with a TTL: what was added before it expired is forgotten, and the next record is the first.
type RunningTTL[T, A, V any] struct {
	singleTTL[A]
	running *Running[T, A, V]
}

// AddRunningTTL is [AddRunning] with a TTL.
func AddRunningTTL[T, A, V any, K comparable](s *Store[K], name string, kind backend.Kind, ttl backend.TTL, c codec.Codec[A],
	first, add func(*A, T), result func(*A) V, was ...string,
) *RunningTTL[T, A, V] {
	running := AddRunning(s, name, kind, c, first, add, result, was...)
	r := &RunningTTL[T, A, V]{running.lend(ttl), running}
	s.expires = append(s.expires, r)
	return r
}

// Add adds a record.
func (r *RunningTTL[T, A, V]) Add(t T) {
	acc, fresh := r.ref()
	if fresh {
		r.running.first(acc, t)
		return
	}
	r.running.add(acc, t)
}

// Lookup returns the result of what was added, and whether anything was.
func (r *RunningTTL[T, A, V]) Lookup() (out V, ok bool) {
	if r.live() == nil {
		return out, false
	}
	return r.running.Lookup()
}

// Has says whether anything was added.
func (r *RunningTTL[T, A, V]) Has() bool { return r.live() != nil }

// Clear forgets what was added.
func (r *RunningTTL[T, A, V]) Clear() { r.running.Clear() }
