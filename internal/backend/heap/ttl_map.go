package heap

import (
	"iter"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// MapTTL is a Map whose entries have a TTL each.
type MapTTL[A comparable, V any] struct {
	*lease
	of *Map[A, V]
}

// AddMapTTL adds a state of a map from A to V a key, with a TTL. Was are the names that it had before.
func AddMapTTL[A comparable, V any, K comparable](
	s *Store[K], name string, ttl backend.TTL, item codec.Codec[A], value codec.Codec[V], was ...string,
) *MapTTL[A, V] {
	m := AddMap(s, name, item, value, was...)
	m.info.TTL, m.lease = &ttl, newLease(&s.core, ttl)
	t := &MapTTL[A, V]{m.lease, m}
	s.expires = append(s.expires, t)
	return t
}

// live is the value of an item for reading, or nil.
func (m *MapTTL[A, V]) live(a A) *V {
	g, _, h := m.of.at()
	if h == nil {
		return nil
	}
	entry, _, ok := m.of.find(g, h.id, a)
	if !ok || !m.read(entry, m.now()) {
		return nil
	}
	return g.vals.Peek(entry)
}

// read says whether an entry of the key at hand is to be seen, and renews it if reading does.
func (m *MapTTL[A, V]) read(entry uint32, now int64) bool {
	g := int(m.core.place >> 32)
	at := m.at(g, entry)
	if m.hides(at, now) {
		return false
	}
	if m.renews(at, now) {
		m.put(g, entry, now)
		m.of.groups[g].vals.mark(entry)
		if m.core.cold {
			m.of.groups[g].heads.mark(uint32(m.core.place))
		}
	}
	return true
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
	g, row := m.core.ensure()
	entry, fresh := m.of.set(g, row, a, v)
	at := m.now()
	if !fresh {
		at = max(at, m.at(g, entry))
	}
	m.put(g, entry, at)
}

// Delete deletes an item, and says whether it had a value, expired or not.
func (m *MapTTL[A, V]) Delete(a A) bool { return m.of.Delete(a) }

// Clear forgets all items.
func (m *MapTTL[A, V]) Clear() { m.of.Clear() }

// All goes through the items in no order, like [Map.All].
func (m *MapTTL[A, V]) All() iter.Seq2[A, V] {
	return func(yield func(A, V) bool) {
		now := m.now()
		m.of.each(func(entry uint32, a A, v V) bool { return !m.read(entry, now) || yield(a, v) })
	}
}

func (m *MapTTL[A, V]) sweep() { m.sweepOn(m) }

func (m *MapTTL[A, V]) sweepGroup(g int, now int64, most int) (left int, done bool) {
	vals := &m.of.groups[g].vals
	for ; m.part < len(vals.chunks); m.part++ {
		if most--; most < 0 {
			return most, false
		}
		for word, set := range vals.chunks[m.part].present {
			for ; set != 0; set &= set - 1 {
				most--
				if entry := rowAt(m.part, word, set); m.ttl.Expired(m.at(g, entry), now) {
					m.expire(g, entry)
				}
			}
		}
	}
	return most, true
}

// expire deletes an entry. That of a map which was cleared is freed with the map.
func (m *MapTTL[A, V]) expire(i int, entry uint32) {
	g := &m.of.groups[i]
	e := g.entries.Peek(entry)
	if h := g.heads.Peek(e.row); h == nil || h.id != e.id {
		return
	}
	m.of.remove(i, entry, m.of.hash(e.id, e.item))
	m.core.expired++
}
