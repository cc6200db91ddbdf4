package heap

import (
	"encoding/binary"
	"errors"

	"leat.dev/leat/internal/backend"
)

// errList is the error of an entry that is no run of length-prefixed values.
var errList = errors.New("corrupt list: a value is longer than the entry")

func (l *List[V]) expect(was backend.State) error { return l.reads.Use(was.Value) }

// restore appends the values of an entry: length-prefixed, in order. A key may have several entries.
func (l *List[V]) restore(g int, row uint32, item, value []byte) error {
	return l.add(g, row, item, value, l.reads.Decode)
}

func (l *List[V]) add(g int, row uint32, item, value []byte, decode func([]byte) (V, error)) error {
	if len(item) > 0 {
		return errItem
	}
	group := &l.groups[g]
	for len(value) > 0 {
		n, w := binary.Uvarint(value)
		if w <= 0 || n > uint64(len(value)-w) {
			return errList
		}
		h := group.heads.Ref(row)
		if h.tail.count == h.tail.size {
			group.grow(h)
		}
		element, err := l.lease.take(g, h.tail.base+uint32(h.tail.count), value[w:w+int(n)])
		if err != nil {
			return err
		}
		v, err := decode(element)
		if err != nil {
			return err
		}
		group.append(h, v)
		value = value[w+int(n):]
	}
	return nil
}

func (l *List[V]) freeze(t *Ticket) frozenState {
	z := &frozenList[V]{encode: l.encode, groups: make([]frozenListGroup[V], len(l.groups)), stamps: l.lease.freeze(t)}
	for i := range l.groups {
		from, to := &l.groups[i], &z.groups[i]
		to.heads, to.blocks, to.vals = from.heads.Freeze(t), from.blocks.Freeze(t), from.vals.Freeze(t)
	}
	l.headFam.Trim()
	l.blockFam.Trim()
	l.valFam.Trim()
	return z
}

type frozenList[V any] struct {
	encode func([]byte, *V) ([]byte, error)
	groups []frozenListGroup[V]
	stamps frozenStamps
	entry  []byte // values, each after its length
	value  []byte
}

type frozenListGroup[V any] struct {
	heads  Frozen[listHead]
	blocks Frozen[listBlock]
	vals   Frozen[V]
}

func (z *frozenList[V]) persist(g int, w *entries) error {
	group := &z.groups[g]
	for i := range group.heads.Chunks() {
		for row, h := range group.heads.Rows(i) {
			if err := z.persistList(group, row, h, w); err != nil {
				return err
			}
		}
		group.heads.Done(i)
	}
	group.blocks.DoneAll()
	group.vals.DoneAll()
	return nil
}

func (z *frozenList[V]) changes(g int, of *snapshot) changed {
	return z.groups[g].heads.changed(of.since).with(&of.freed[g], of.since)
}

// differ writes lists that have changed as a whole.
func (z *frozenList[V]) differ(g int, w *entries) error {
	group := &z.groups[g]
	err := group.heads.differ(w, func(row uint32, h *listHead) error { return z.persistList(group, row, h, w) })
	z.leave(g)
	return err
}

func (z *frozenList[V]) leave(g int) {
	group := &z.groups[g]
	group.heads.DoneAll()
	group.blocks.DoneAll()
	group.vals.DoneAll()
}

func (z *frozenList[V]) persistList(group *frozenListGroup[V], row uint32, h *listHead, w *entries) error {
	z.entry = z.entry[:0]
	for next, left := h.first, h.full; left > 0; {
		b := group.blocks.At(next - 1)
		if err := z.persistBlock(group, row, b, w); err != nil {
			return err
		}
		next, left = b.next, left-uint32(b.count)
	}
	if err := z.persistBlock(group, row, &h.tail, w); err != nil || len(z.entry) == 0 {
		return err
	}
	return w.put(row, nil, z.entry)
}

// persistBlock adds a block's values to the entry, and writes the entry when it is long enough.
func (z *frozenList[V]) persistBlock(group *frozenListGroup[V], row uint32, b *listBlock, w *entries) (err error) {
	for i := range uint32(b.count) {
		if z.value, err = z.encode(z.stamps.stamp(z.value[:0], w.g, b.base+i), group.vals.At(b.base+i)); err != nil {
			return err
		}
		z.entry = binary.AppendUvarint(z.entry, uint64(len(z.value)))
		z.entry = append(z.entry, z.value...)
		if len(z.entry) >= entryBytes {
			if err := w.put(row, nil, z.entry); err != nil {
				return err
			}
			z.entry = z.entry[:0]
		}
	}
	return nil
}
