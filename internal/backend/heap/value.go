package heap

import (
	"reflect"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/invariants"
)

// Value is a state of one V a key. It speaks of the key at hand, as all states do.
type Value[V any] struct {
	single[V]
	watch watch[V]
}

// AddValue adds a state of one V a key. Was are the names that it had before.
func AddValue[V any, K comparable](s *Store[K], name string, c codec.Codec[V], was ...string) *Value[V] {
	info := backend.State{Name: name, Was: was, Kind: backend.Value, Type: reflect.TypeFor[V]().String()}
	v := &Value[V]{single: newSingle(&s.core, info, c)}
	s.add(v)
	return v
}

// Get returns the value, or the zero value.
func (v *Value[V]) Get() (out V) {
	p := v.core.place
	col := &v.cols[p>>32]
	if hi := int(uint32(p) >> chunkShift); hi < len(col.chunks) {
		if k, lo := col.chunks[hi], int(p&(chunkRows-1)); k.has(lo) {
			if invariants.Enabled {
				v.watch.got(v, p, &k.vals[lo])
			}
			return k.vals[lo]
		}
		return out
	}
	if uint32(p) == unknownRow && v.found() {
		return v.Get()
	}
	return out
}

// found looks for the row of the key at hand once more.
func (v *Value[V]) found() bool {
	_, _, ok := v.core.known()
	return ok
}

// Lookup returns the value and whether there is one.
func (v *Value[V]) Lookup() (out V, ok bool) {
	if p := v.peek(); p != nil {
		if invariants.Enabled {
			v.watch.got(v, v.core.place, p)
		}
		return *p, true
	}
	return out, false
}

// Has says whether there is a value.
func (v *Value[V]) Has() bool { return v.peek() != nil }

// Ref returns the value for changing in place, what it refers to included, until the callback returns. A value that
// was absent is present then, and zero.
func (v *Value[V]) Ref() *V {
	g, row := v.core.ensure()
	if invariants.Enabled {
		v.watch.forget(v.core.place)
	}
	return v.cols[g].Ref(row)
}

// Set sets the value. What it refers to is not changed any more, except through Ref.
func (v *Value[V]) Set(x V) {
	p := v.core.place
	col := &v.cols[p>>32]
	if hi := int(uint32(p) >> chunkShift); hi < len(col.chunks) {
		if k, lo := col.chunks[hi], int(p&(chunkRows-1)); k.epoch == v.space.now && k.has(lo) {
			k.changes.now[lo>>6] |= 1 << (lo & 63)
			k.vals[lo] = x
			return
		}
	}
	v.set(x)
}

func (v *Value[V]) set(x V) {
	g, row := v.core.ensure()
	v.cols[g].Set(row, x)
}

// Clear forgets the value.
func (v *Value[V]) Clear() { v.clear() }

func (v *Value[V]) reclaim() {
	if invariants.Enabled {
		v.watch.check(v)
	}
}
