package heap

import (
	"slices"

	"leat.dev/leat/internal/backend"
)

func (m *Map[A, V]) follow(saved *uint64) { m.headFam.saved = saved }
func (m *Map[A, V]) changed(g int, row uint32, since uint64) bool {
	return m.groups[g].heads.changed(row, since)
}
func (m *Map[A, V]) settle(g int, row uint32) { m.groups[g].heads.settle(row) }

func (m *Map[A, V]) drop(g int, row uint32) {
	if h := m.groups[g].heads.Peek(row); h != nil {
		m.forget(g, row, h)
	}
}

func (m *Map[A, V]) save(to []byte, g int, row uint32) (_ []byte, err error) {
	group := &m.groups[g]
	h := group.heads.Peek(row)
	if h == nil {
		return to, nil
	}
	var stamp [backend.StampBytes]byte
	for next := h.first; next != 0; {
		e := group.entries.Peek(next - 1)
		if v := group.vals.Peek(next - 1); v != nil {
			if to, err = m.encode.entry(to, &e.item, v, m.lease.stamp(stamp[:0], g, next-1)); err != nil {
				return to, err
			}
		}
		next = e.next
	}
	return to, nil
}

// entry appends an item and its value, with a stamp in front if there is one.
func (c *mapEncoders[A, V]) entry(to []byte, a *A, v *V, stamp []byte) ([]byte, error) {
	to, err := framing(to, func(to []byte) ([]byte, error) { return c.item(to, a) })
	if err != nil {
		return to, err
	}
	return framing(to, func(to []byte) ([]byte, error) { return c.value(append(to, stamp...), v) })
}

func (m *Map[A, V]) fill(g int, row uint32, item, value []byte) error {
	return m.add(g, row, item, value, m.item.Codec.Decode, m.value.Codec.Decode)
}

func (z *frozenMap[A, V]) changed(g, chunk int, since uint64) (rows [chunkRows / 64]uint64) {
	if heads := &z.groups[g].heads; chunk < heads.Chunks() {
		rows = heads.Changed(chunk, since)
	}
	return rows
}

func (z *frozenMap[A, V]) save(to []byte, g int, row uint32) (_ []byte, err error) {
	group := &z.groups[g]
	h := group.heads.At(row)
	if h == nil {
		return to, nil
	}
	var stamp [backend.StampBytes]byte
	for next := h.first; next != 0; {
		e := group.entries.At(next - 1)
		if v := group.vals.At(next - 1); v != nil {
			if to, err = z.encode.entry(to, &e.item, v, z.stamps.stamp(stamp[:0], g, next-1)); err != nil {
				return to, err
			}
		}
		next = e.next
	}
	return to, nil
}

// done leaves entries and values to the end of the snapshot: those of a row lie anywhere.
func (z *frozenMap[A, V]) done(g, chunk int) { z.groups[g].heads.doneAt(chunk) }

func (m *Map[A, V]) refers() bool { return pointers[A]() || pointers[V]() }

func (m *Map[A, V]) shed(g int) {
	waits := slices.ContainsFunc(m.graves, func(grave mapGrave) bool { return grave.group == g }) ||
		slices.ContainsFunc(m.dead, func(place uint64) bool { return int(place>>32) == g })
	if waits {
		return
	}
	group := &m.groups[g]
	group.heads.Drop()
	group.entries.Drop()
	group.vals.Drop()
	group.index.Drop()
	m.headFam.giveBack()
	m.entryFam.giveBack()
	m.valFam.giveBack()
	m.lease.shed(g)
	group.ids, group.rows = rowAlloc{}, rowAlloc{}
}
