package heap

import (
	"iter"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// MapTTL is a Map whose entries have a TTL each.
type MapTTL[A comparable, V any] struct {
	Map[A, Stamped[V]]
	lease
}

// AddMapTTL adds a state of a map from A to V a key, with a TTL. Was are the names that it had before.
func AddMapTTL[A comparable, V any, K comparable](
	s *Store[K], name string, ttl backend.TTL, item codec.Codec[A], value codec.Codec[V], was ...string,
) *MapTTL[A, V] {
	info := backend.State{Name: name, Was: was, Kind: backend.Map, Type: mapType[A, V](), TTL: &ttl}
	m := &MapTTL[A, V]{*newMap(&s.core, info, item, codec.Codec[Stamped[V]](stampedCodec(value))), newLease(&s.core, ttl)}
	m.info.Values = backend.BoxedBy(value)
	s.add(m)
	return m
}

// live is the value of an item for reading, or nil.
func (m *MapTTL[A, V]) live(a A) *V {
	g, row, h := m.at()
	if h == nil {
		return nil
	}
	entry, _, ok := m.find(g, h.id, a)
	if !ok {
		return nil
	}
	p, now := g.vals.Peek(entry), m.now()
	if m.hides(p.At, now) {
		return nil
	}
	if m.renews(p.At, now) {
		g.vals.Set(entry, Stamped[V]{now, p.V})
		p = g.vals.Peek(entry)
		if m.Map.core.cold {
			g.heads.mark(row)
		}
	}
	return &p.V
}

// Get returns the value of an item, or the zero value.
func (m *MapTTL[A, V]) Get(a A) V {
	v, _ := m.Lookup(a)
	return v
}

// Lookup returns the value of an item, and whether there is one.
func (m *MapTTL[A, V]) Lookup(a A) (v V, ok bool) {
	if p := m.live(a); p != nil {
		return *p, true
	}
	return v, false
}

// Has says whether an item has a value.
func (m *MapTTL[A, V]) Has(a A) bool { return m.live(a) != nil }

// Set sets the value of an item.
func (m *MapTTL[A, V]) Set(a A, v V) {
	p, fresh := m.Map.Ref(a)
	at := m.now()
	if !fresh {
		at = max(at, p.At)
	}
	*p = Stamped[V]{at, v}
}

// All goes through the items in no order, like [Map.All].
func (m *MapTTL[A, V]) All() iter.Seq2[A, V] {
	return func(yield func(A, V) bool) {
		now := m.now()
		for a, s := range m.Map.All() {
			if m.hides(s.At, now) {
				continue
			}
			if m.renews(s.At, now) {
				m.live(a)
			}
			if !yield(a, s.V) {
				return
			}
		}
	}
}

func (m *MapTTL[A, V]) reclaim() {
	m.sweep(m)
	m.Map.reclaim()
}

func (m *MapTTL[A, V]) sweepGroup(g int, now int64, most int) (left int, done bool) {
	vals := &m.groups[g].vals
	for ; m.part < len(vals.chunks); m.part++ {
		if most--; most < 0 {
			return most, false
		}
		for word, set := range vals.chunks[m.part].present {
			for ; set != 0; set &= set - 1 {
				most--
				if entry := rowAt(m.part, word, set); m.ttl.Expired(vals.Peek(entry).At, now) {
					m.expire(g, entry)
				}
			}
		}
	}
	return most, true
}

// expire deletes an entry. That of a map which was cleared is freed with the map.
func (m *MapTTL[A, V]) expire(i int, entry uint32) {
	g := &m.groups[i]
	e := g.entries.Peek(entry)
	if h := g.heads.Peek(e.row); h == nil || h.id != e.id {
		return
	}
	m.remove(i, entry, m.hash(e.id, e.item))
	m.Map.core.expired++
}
