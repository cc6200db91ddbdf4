package heap

import (
	"reflect"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// singleTTL is a single with a TTL.
type singleTTL[V any] struct {
	single[Stamped[V]]
	lease
}

func newSingleTTL[V any](c *core, info backend.State, cd codec.Codec[V]) singleTTL[V] {
	s := singleTTL[V]{newSingle(c, info, codec.Codec[Stamped[V]](stampedCodec(cd))), newLease(c, *info.TTL)}
	s.info.Values = backend.BoxedBy(cd)
	return s
}

// live is the value of the key at hand for reading, or nil.
func (s *singleTTL[V]) live() *V {
	p := s.peek()
	if p == nil {
		return nil
	}
	now := s.now()
	if s.hides(p.At, now) {
		return nil
	}
	if s.renews(p.At, now) {
		g, row := s.single.core.ensure()
		s.cols[g].Set(row, Stamped[V]{now, p.V})
		p = s.cols[g].Peek(row)
	}
	return &p.V
}

// ref is the value of the key at hand for changing in place, written now; one that is not to be seen any more is zero and fresh.
func (s *singleTTL[V]) ref() (v *V, fresh bool) {
	g, row := s.single.core.ensure()
	now := s.now()
	at := now
	was := s.cols[g].Peek(row)
	if fresh = was == nil || s.hides(was.At, now); was != nil {
		at = max(at, was.At)
	}
	p := s.cols[g].Ref(row)
	if p.At = at; fresh {
		var zero V
		p.V = zero
	}
	return &p.V, fresh
}

func (s *singleTTL[V]) reclaim() { s.sweep(s) }

func (s *singleTTL[V]) sweepGroup(g int, now int64, most int) (left int, done bool) {
	col := &s.cols[g]
	for ; s.part < len(col.chunks); s.part++ {
		if most--; most < 0 {
			return most, false
		}
		for word, set := range col.chunks[s.part].present {
			for ; set != 0; set &= set - 1 {
				most--
				row := rowAt(s.part, word, set)
				if s.ttl.Expired(col.Peek(row).At, now) {
					col.Delete(row)
					s.single.core.loosen(g, row)
					s.single.core.expired++
				}
			}
		}
	}
	return most, true
}

// ValueTTL is a Value with a TTL.
type ValueTTL[V any] struct{ singleTTL[V] }

// AddValueTTL adds a state of one V a key, with a TTL. Was are the names that it had before.
func AddValueTTL[V any, K comparable](s *Store[K], name string, ttl backend.TTL, c codec.Codec[V], was ...string) *ValueTTL[V] {
	info := backend.State{Name: name, Was: was, Kind: backend.Value, Type: reflect.TypeFor[V]().String(), TTL: &ttl}
	v := &ValueTTL[V]{newSingleTTL(&s.core, info, c)}
	s.add(v)
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
	g, row := v.single.core.ensure()
	at := v.now()
	if was := v.cols[g].Peek(row); was != nil {
		at = max(at, was.At)
	}
	v.cols[g].Set(row, Stamped[V]{at, x})
}

// Clear forgets the value.
func (v *ValueTTL[V]) Clear() { v.clear() }

// RunningTTL is a Running with a TTL: what was added before it expired is forgotten, and the next record is the first.
type RunningTTL[T, A, V any] struct {
	singleTTL[A]
	first, add func(*A, T)
	result     func(*A) V
	scratch    A
}

// AddRunningTTL is [AddRunning] with a TTL.
func AddRunningTTL[T, A, V any, K comparable](s *Store[K], name string, kind backend.Kind, ttl backend.TTL, c codec.Codec[A],
	first, add func(*A, T), result func(*A) V, was ...string,
) *RunningTTL[T, A, V] {
	info := backend.State{Name: name, Was: was, Kind: kind, Type: reflect.TypeFor[A]().String(), TTL: &ttl}
	r := &RunningTTL[T, A, V]{singleTTL: newSingleTTL(&s.core, info, c), first: first, add: add, result: result}
	if kind == backend.Aggregating {
		r.info.Values = resultsOf(c, result)
	}
	s.core.add(r)
	return r
}

// Add adds a record.
func (r *RunningTTL[T, A, V]) Add(t T) {
	acc, fresh := r.ref()
	if fresh {
		r.first(acc, t)
		return
	}
	r.add(acc, t)
}

// Lookup returns the result of what was added, and whether anything was.
func (r *RunningTTL[T, A, V]) Lookup() (out V, ok bool) {
	p := r.live()
	if p == nil {
		return out, false
	}
	if r.fam.refs {
		g, row := r.single.core.ensure()
		return r.result(&r.cols[g].Ref(row).V), true
	}
	r.scratch = *p // the result may sort what it looks at; a frozen chunk does not change
	return r.result(&r.scratch), true
}

// Has says whether anything was added.
func (r *RunningTTL[T, A, V]) Has() bool { return r.live() != nil }

// Clear forgets what was added.
func (r *RunningTTL[T, A, V]) Clear() { r.clear() }
