package heap

import (
	"reflect"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/invariants"
)

// Base is a store for code that does not know the type of its keys. The compiler makes such code once, and not for every
// type of keys: a map and all that belongs to it are a lot of code.
type Base struct{ core *core }

// Base is the store without the type of its keys.
func (s *Store[K]) Base() Base { return Base{&s.core} }

// Take counts memory that values have outside of their tables, until the store is closed. It refuses what the budget does not
// have.
func (b Base) Take(bytes int64) { b.core.space.take(bytes) }

// AddMap is [AddMap] for values that stand for those of another type, the one with this name.
func (b Base) AddMap[A comparable, V any](
	name, values string, item codec.Codec[A], value codec.Codec[V], was ...string,
) *Map[A, V] {
	m := newMap(b.core, backend.State{
		Name: name, Was: was, Kind: backend.Map, Type: "map[" + reflect.TypeFor[A]().String() + "]" + values,
	}, item, value)
	m.info.Items, m.info.Values = nil, nil // they are the engine's own
	b.core.add(m)
	return m
}

// AddTable is AddMap for values that are changed in place, through Ref, what they refer to included. Set is not used
// with such values: what they refer to belongs to the map. The store keeps all rows in memory.
func (b Base) AddTable[A comparable, V any](name, values string, item codec.Codec[A], value codec.Codec[V]) *Map[A, V] {
	if invariants.Enabled && b.core.cold {
		panic("a table in a store whose rows go to a cold store")
	}
	m := b.AddMap(name, values, item, value)
	m.valFam.encode, m.valFam.refs = m.encode.value, codec.HoldsReferences[V]()
	return m
}

// AddTimers is [AddTimers].
func (b Base) AddTimers[S comparable](name string, d Domain, item codec.Codec[S], fire func(item S, at int64) error) *Timers[S] {
	info := backend.State{Name: name, Kind: backend.Timers, Type: reflect.TypeFor[S]().String(), Time: d.String()}
	t := &Timers[S]{times: newMap[S, int64](b.core, info, item, timeCodec{}), fire: fire}
	t.sched = b.core.queues[d].add(t, b.core.groups)
	b.core.add(t)
	return t
}

// AddValue is [AddValue].
func (b Base) AddValue[V any](name string, c codec.Codec[V]) *Value[V] {
	info := backend.State{Name: name, Kind: backend.Value, Type: reflect.TypeFor[V]().String()}
	v := &Value[V]{single: newSingle(b.core, info, c)}
	b.core.add(v)
	return v
}

// Ref returns the value of an item for changing in place, until the next use of the map. An item that had none has the
// zero value, and is fresh. The map was made by AddTable.
func (m *Map[A, V]) Ref(a A) (v *V, fresh bool) {
	i, row := m.core.ensure()
	g := &m.groups[i]
	h := g.heads.Peek(row)
	if h == nil {
		h = g.heads.Ref(row)
		h.id = g.ids.take()
	}
	entry, hash, ok := m.find(g, h.id, a)
	if !ok {
		entry = m.insert(g, row, hash, a)
	}
	return g.vals.Ref(entry), !ok
}

// Find is Ref for an item that may have no value, which stays so: nil.
func (m *Map[A, V]) Find(a A) *V {
	g, _, h := m.at()
	if h == nil {
		return nil
	}
	entry, _, ok := m.find(g, h.id, a)
	if !ok {
		return nil
	}
	return g.vals.Ref(entry)
}

// Each goes through the items in no order, until f returns false. Values are for reading, and nothing is set or deleted
// meanwhile.
func (m *Map[A, V]) Each(f func(a A, v *V) bool) {
	g, _, h := m.at()
	if h == nil {
		return
	}
	for next := h.first; next != 0; {
		e := g.entries.Peek(next - 1)
		if v := g.vals.Peek(next - 1); v != nil && !f(e.item, v) {
			return
		}
		next = e.next
	}
}

// persistTable writes the entries of a map whose values the owner may be changing in place.
func (z *frozenMap[A, V]) persistTable(g int, w *entries) error {
	group := &z.groups[g]
	for i := range group.vals.Chunks() {
		err := group.vals.Encode(i, &z.scratch, func(entry uint32, value []byte) error {
			return z.persistEncoded(group, entry, value, w)
		})
		if err != nil {
			return err
		}
		group.vals.Done(i)
	}
	group.entries.DoneAll()
	group.heads.DoneAll()
	return nil
}

func (z *frozenMap[A, V]) persistEncoded(g *frozenMapGroup[A, V], entry uint32, value []byte, w *entries) (err error) {
	e := g.entries.At(entry)
	if h := g.heads.At(e.row); h == nil || h.id != e.id {
		return nil // of a map that was cleared
	}
	if z.item, err = z.encode.item(z.item[:0], &e.item); err != nil {
		return err
	}
	return w.put(e.row, z.item, value)
}
