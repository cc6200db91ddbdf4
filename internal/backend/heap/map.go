package heap

import (
	"hash/maphash"
	"iter"
	"reflect"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// Map is a map from A to V a key. Entries are rows of columns of their own, found by a second index; those of one key
// are linked:
//
//	row ─▶ head {id, first} ─▶ entry ⇄ entry ⇄ …     index: hash of (id, item) → entry
//
// A head gets a new id when a map begins anew. So clearing only unhooks the head: what hung on it is not found any
// more, and is freed bit by bit. Entries that were deleted stay linked until the batch ends, so that iterations, which
// end before, never stand on a freed row.
type Map[A comparable, V any] struct {
	core   *core
	info   backend.State
	item   backend.Reading[A]
	value  backend.Reading[V]
	seed   maphash.Seed // the index is not part of snapshots
	encode mapEncoders[A, V]

	headFam  *Family[mapHead]
	entryFam *Family[mapEntry[A]]
	valFam   *Family[V]
	groups   []mapGroup[A, V]
	lease    *lease   // nil without a TTL
	dead     []uint64 // places of deleted entries
	graves   []mapGrave
	grown    int // entries added since the last reclaim
}

type mapEncoders[A, V any] struct {
	item  func([]byte, *A) ([]byte, error)
	value func([]byte, *V) ([]byte, error)
}

type mapGroup[A comparable, V any] struct {
	heads   Column[mapHead]
	entries Column[mapEntry[A]]
	vals    Column[V] // present in an entry that is neither deleted nor cleared
	index   Index
	ids     rowAlloc // of heads
	rows    rowAlloc // of entries
	deleted deletions
}

// mapHead is a key's map. Entries are numbered from 1; 0 is none.
type mapHead struct{ id, first, count uint32 }

type mapEntry[A comparable] struct {
	id, row    uint32 // of the head, and of the key
	prev, next uint32
	item       A
}

// mapGrave is the chain of a map that was cleared.
type mapGrave struct {
	group     int
	id, first uint32
}

// reclaimEntries is how many entries of cleared maps are freed at the end of each batch, beside two for each new one.
const reclaimEntries = 256

// AddMap adds a state of a map from A to V a key. Was are the names that it had before.
func AddMap[A comparable, V any, K comparable](
	s *Store[K], name string, item codec.Codec[A], value codec.Codec[V], was ...string,
) *Map[A, V] {
	m := newMap(&s.core, backend.State{Name: name, Was: was, Kind: backend.Map, Type: mapType[A, V]()}, item, value)
	s.add(m)
	return m
}

func mapType[A, V any]() string {
	return "map[" + reflect.TypeFor[A]().String() + "]" + reflect.TypeFor[V]().String()
}

func newMap[A comparable, V any](c *core, info backend.State, item codec.Codec[A], value codec.Codec[V]) *Map[A, V] {
	info.Item, info.Value, info.Reads = item.Schema(), value.Schema(), backend.ReadsEntries(item, value)
	info.Items, info.Values = backend.BoxedBy(item), backend.BoxedBy(value)
	m := &Map[A, V]{
		core: c, info: info, seed: maphash.MakeSeed(),
		item: backend.Reading[A]{Codec: item}, value: backend.Reading[V]{Codec: value},
		encode:   mapEncoders[A, V]{encoder(item), encoder(value)},
		headFam:  NewFamily[mapHead](c.space, nil, false),
		entryFam: NewFamily[mapEntry[A]](c.space, nil, false),
		valFam:   NewFamily[V](c.space, nil, false),
		groups:   make([]mapGroup[A, V], c.groups),
	}
	for i := range m.groups {
		g := &m.groups[i]
		g.heads, g.entries, g.vals = m.headFam.Column(), m.entryFam.Column(), m.valFam.Column()
		g.index = NewIndex(c.space)
	}
	return m
}

// hash mixes the id of a map and an item.
func (m *Map[A, V]) hash(id uint32, a A) uint64 {
	h := maphash.Comparable(m.seed, a) ^ uint64(id)*0x9E3779B97F4A7C15
	h = (h ^ h>>32) * 0xD6E8FEB86659FD93
	return h ^ h>>32
}

// at returns the map of the key at hand; the head is nil if it is empty.
func (m *Map[A, V]) at() (g *mapGroup[A, V], row uint32, h *mapHead) {
	i, row, ok := m.core.known()
	if !ok {
		return nil, 0, nil
	}
	g = &m.groups[i]
	return g, row, g.heads.Peek(row)
}

// find returns the entry of an item.
func (m *Map[A, V]) find(g *mapGroup[A, V], id uint32, a A) (entry uint32, hash uint64, ok bool) {
	hash = m.hash(id, a)
	for at := hash; ; {
		entry, next, ok := g.index.Seek(hash, at)
		if !ok {
			return 0, hash, false
		}
		if e := g.entries.Peek(entry); e.id == id && e.item == a {
			return entry, hash, true
		}
		at = next
	}
}

// Get returns the value of an item, or the zero value.
func (m *Map[A, V]) Get(a A) V {
	v, _ := m.Lookup(a)
	return v
}

// Lookup returns the value of an item, and whether there is one.
func (m *Map[A, V]) Lookup(a A) (v V, ok bool) {
	if g, _, h := m.at(); h != nil {
		if entry, _, ok := m.find(g, h.id, a); ok {
			return g.vals.Get(entry)
		}
	}
	return v, false
}

// Has says whether an item has a value.
func (m *Map[A, V]) Has(a A) bool {
	g, _, h := m.at()
	if h == nil {
		return false
	}
	_, _, ok := m.find(g, h.id, a)
	return ok
}

// Set sets the value of an item. What it refers to is not changed any more.
func (m *Map[A, V]) Set(a A, v V) {
	g, row := m.core.ensure()
	m.set(g, row, a, v)
}

// set returns the entry, and whether it is a new one.
func (m *Map[A, V]) set(g int, row uint32, a A, v V) (entry uint32, fresh bool) {
	group := &m.groups[g]
	h := group.heads.Peek(row)
	if h == nil {
		h = group.heads.Ref(row)
		h.id = group.ids.take()
	}
	entry, hash, ok := m.find(group, h.id, a)
	if !ok {
		entry = m.insert(group, row, hash, a)
	} else if m.core.cold {
		group.heads.mark(row)
	}
	group.vals.Set(entry, v)
	return entry, !ok
}

// insert links a new entry in front of the others: an iteration that is under way does not see it.
func (m *Map[A, V]) insert(g *mapGroup[A, V], row uint32, hash uint64, a A) uint32 {
	m.grown++
	h := g.heads.Ref(row)
	entry := g.rows.take()
	g.entries.Set(entry, mapEntry[A]{id: h.id, row: row, next: h.first, item: a})
	if h.first != 0 {
		g.entries.adjust(h.first - 1).prev = entry + 1
	}
	h.first = entry + 1
	h.count++
	g.index.Insert(hash, entry)
	return entry
}

// Delete deletes an item, and says whether it had a value.
func (m *Map[A, V]) Delete(a A) bool {
	i, row, ok := m.core.known()
	if !ok {
		return false
	}
	g := &m.groups[i]
	h := g.heads.Peek(row)
	if h == nil {
		return false
	}
	entry, hash, ok := m.find(g, h.id, a)
	if ok {
		m.remove(i, entry, hash)
	}
	return ok
}

// remove deletes an entry; it stays linked until the batch ends.
func (m *Map[A, V]) remove(i int, entry uint32, hash uint64) {
	g := &m.groups[i]
	row := g.entries.Peek(entry).row
	m.noteDeleted(i, entry)
	g.index.Delete(hash, entry)
	g.vals.Delete(entry)
	m.dead = append(m.dead, placeOf(i, entry))
	h := g.heads.Ref(row)
	if h.count--; h.count == 0 {
		m.core.loosen(i, row)
	}
}

// noteDeleted notes an item that is about to be deleted, unless no snapshot has it.
func (m *Map[A, V]) noteDeleted(i int, entry uint32) {
	g, c := &m.groups[i], m.core
	if c.cold || g.deleted.idle(c.space) || g.entries.fresh(entry) {
		return
	}
	e := g.entries.Peek(entry)
	item, err := m.encode.item(c.itemBytes[:0], &e.item)
	if err != nil {
		g.deleted.lose(c.space)
		return
	}
	c.itemBytes = item
	c.keyBytes = c.owner.appendKey(c.keyBytes[:0], i, e.row)
	g.deleted.note(c.space, false, c.keyBytes, item, g.index.Len())
}

// Clear forgets all items. Those of a large map are freed bit by bit.
func (m *Map[A, V]) Clear() {
	i, row, ok := m.core.known()
	if !ok {
		return
	}
	g := &m.groups[i]
	h := g.heads.Peek(row)
	if h == nil {
		return
	}
	if s := m.core.space; !m.core.cold && !g.deleted.idle(s) {
		m.core.keyBytes = m.core.owner.appendKey(m.core.keyBytes[:0], i, row)
		g.deleted.note(s, true, m.core.keyBytes, nil, g.index.Len())
	}
	m.forget(i, row, h)
	m.core.loosen(i, row)
}

// forget takes a row's map away.
func (m *Map[A, V]) forget(g int, row uint32, h *mapHead) {
	m.graves = append(m.graves, mapGrave{g, h.id, h.first})
	m.groups[g].heads.Delete(row)
}

// All goes through the items, in no order. Items may be set and deleted meanwhile, as with Go's maps: one that is
// deleted before its turn is not seen, one that is added may or may not be.
func (m *Map[A, V]) All() iter.Seq2[A, V] {
	return func(yield func(A, V) bool) {
		m.each(func(_ uint32, a A, v V) bool { return yield(a, v) })
	}
}

// each calls f for the entries, until it returns false.
func (m *Map[A, V]) each(f func(entry uint32, a A, v V) bool) {
	g, row, h := m.at()
	if h == nil {
		return
	}
	id := h.id
	for next := h.first; next != 0; {
		entry := next - 1
		if v, ok := g.vals.Get(entry); ok {
			if !f(entry, g.entries.Peek(entry).item, v) {
				return
			}
			if h := g.heads.Peek(row); h == nil || h.id != id {
				return // cleared
			}
		}
		next = g.entries.Peek(entry).next
	}
}

func (m *Map[A, V]) describe() backend.State { return m.info }

func (m *Map[A, V]) has(g int, row uint32) bool {
	h := m.groups[g].heads.Peek(row)
	return h != nil && h.count > 0
}

func (m *Map[A, V]) lines(to []uintptr, places []uint64) []uintptr {
	for _, p := range places {
		to = m.groups[p>>32].heads.Lines(to, uint32(p))
	}
	return to
}

// reclaim frees the entries that were deleted, and as many of cleared maps as keep them from piling up.
func (m *Map[A, V]) reclaim() {
	for _, p := range m.dead {
		m.bury(&m.groups[p>>32], uint32(p))
	}
	m.dead = m.dead[:0]
	for n := 2*m.grown + reclaimEntries; n > 0 && len(m.graves) > 0; n-- {
		m.dig()
	}
	m.grown = 0
}

// bury unlinks and frees a deleted entry. That of a map which was cleared since is freed with the map.
func (m *Map[A, V]) bury(g *mapGroup[A, V], entry uint32) {
	e := *g.entries.Peek(entry)
	h := g.heads.Peek(e.row)
	if h == nil || h.id != e.id {
		return
	}
	if e.next != 0 {
		g.entries.adjust(e.next - 1).prev = e.prev
	}
	if e.prev != 0 {
		g.entries.adjust(e.prev - 1).next = e.next
	} else {
		g.heads.Ref(e.row).first = e.next
	}
	g.entries.Delete(entry)
	g.rows.release(entry)
	if h := g.heads.Peek(e.row); h.first == 0 {
		g.ids.release(h.id)
		g.heads.Delete(e.row)
	}
}

// dig frees one entry of a map that was cleared.
func (m *Map[A, V]) dig() {
	last := len(m.graves) - 1
	grave := &m.graves[last]
	g := &m.groups[grave.group]
	entry := grave.first - 1
	e := *g.entries.Peek(entry)
	if g.vals.Delete(entry) {
		g.index.Delete(m.hash(e.id, e.item), entry)
	}
	g.entries.Delete(entry)
	g.rows.release(entry)
	if grave.first = e.next; grave.first == 0 {
		g.ids.release(grave.id)
		m.graves = m.graves[:last]
	}
}
