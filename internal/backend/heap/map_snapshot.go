package heap

import "leat.dev/leat/internal/backend"

func (m *Map[A, V]) expect(was backend.State) error {
	if err := m.item.Use(was.Item); err != nil {
		return err
	}
	return m.value.Use(was.Value)
}

// reserve makes room for items, of however many keys.
func (m *Map[A, V]) reserve(g, entries int) { m.groups[g].index.Reserve(entries) }

func (m *Map[A, V]) restore(g int, row uint32, item, value []byte) error {
	return m.add(g, row, item, value, m.item.Decode, m.value.Decode)
}

func (m *Map[A, V]) add(
	g int, row uint32, item, value []byte, decodeItem func([]byte) (A, error), decode func([]byte) (V, error),
) error {
	a, err := decodeItem(item)
	if err != nil {
		return err
	}
	stamp, value, err := m.lease.cut(value)
	if err != nil {
		return err
	}
	v, err := decode(value)
	if err != nil {
		return err
	}
	entry, fresh := m.set(g, row, a, v)
	if !fresh {
		return errTwice
	}
	m.lease.put(g, entry, stamp)
	return nil
}

func (m *Map[A, V]) freeze(t *Ticket) frozenState {
	z := &frozenMap[A, V]{encode: m.encode, groups: make([]frozenMapGroup[A, V], len(m.groups)), refs: m.valFam.refs, stamps: m.lease.freeze(t)}
	for i := range m.groups {
		from, to := &m.groups[i], &z.groups[i]
		to.heads, to.entries, to.vals = from.heads.Freeze(t), from.entries.Freeze(t), from.vals.Freeze(t)
		from.deleted.saved(m.core.space)
		to.deleted = from.deleted.freeze()
	}
	m.headFam.Trim()
	m.entryFam.Trim()
	m.valFam.Trim()
	return z
}

type frozenMap[A comparable, V any] struct {
	encode      mapEncoders[A, V]
	groups      []frozenMapGroup[A, V]
	stamps      frozenStamps
	item, value []byte
	refs        bool // values hold references that the owner may be changing
	scratch     Scratch
}

type frozenMapGroup[A comparable, V any] struct {
	heads   Frozen[mapHead]
	entries Frozen[mapEntry[A]]
	vals    Frozen[V]
	deleted frozenDeletions
}

func (z *frozenMap[A, V]) changes(g int, of *snapshot) changed {
	group := &z.groups[g]
	return group.vals.changed(of.since).with(&group.deleted, of.since)
}

// differ writes the entries whose values have changed, and what was deleted.
func (z *frozenMap[A, V]) differ(g int, w *entries) error {
	group := &z.groups[g]
	for i := range group.vals.Chunks() {
		if err := z.differChunk(group, i, w); err != nil {
			return err
		}
		group.vals.Done(i)
	}
	z.leave(g)
	return group.deleted.write(w)
}

func (z *frozenMap[A, V]) differChunk(g *frozenMapGroup[A, V], chunk int, w *entries) error {
	rows := g.vals.Changed(chunk, w.z.since)
	if z.refs {
		return g.vals.encode(chunk, rows, &z.scratch, func(entry uint32, value []byte) error {
			return z.persistEncoded(g, entry, value, w)
		})
	}
	for entry := range g.vals.rows(chunk, rows) {
		if err := z.persistEntry(g, entry, g.entries.At(entry), w); err != nil {
			return err
		}
	}
	return nil
}

func (z *frozenMap[A, V]) leave(g int) {
	group := &z.groups[g]
	group.vals.DoneAll()
	group.entries.DoneAll()
	group.heads.DoneAll()
}

// persist writes the entries in the order in which they lie in memory, which is several times faster than key by key.
func (z *frozenMap[A, V]) persist(g int, w *entries) error {
	if z.refs {
		return z.persistTable(g, w)
	}
	group := &z.groups[g]
	for i := range group.entries.Chunks() {
		for entry, e := range group.entries.Rows(i) {
			if err := z.persistEntry(group, entry, e, w); err != nil {
				return err
			}
		}
		group.entries.Done(i)
		if i < group.vals.Chunks() {
			group.vals.Done(i)
		}
	}
	group.heads.DoneAll()
	return nil
}

func (z *frozenMap[A, V]) persistEntry(g *frozenMapGroup[A, V], entry uint32, e *mapEntry[A], w *entries) (err error) {
	v, h := g.vals.At(entry), g.heads.At(e.row)
	if v == nil || h == nil || h.id != e.id {
		return nil // of a map that was cleared
	}
	if z.item, err = z.encode.item(z.item[:0], &e.item); err != nil {
		return err
	}
	if z.value, err = z.encode.value(z.stamps.stamp(z.value[:0], w.g, entry), v); err != nil {
		return err
	}
	return w.put(e.row, z.item, z.value)
}
