package heap

import "slices"

func (l *List[V]) follow(saved *uint64) { l.headFam.saved = saved }
func (l *List[V]) changed(g int, row uint32, since uint64) bool {
	return l.groups[g].heads.changed(row, since)
}
func (l *List[V]) settle(g int, row uint32) { l.groups[g].heads.settle(row) }

func (l *List[V]) drop(g int, row uint32) {
	if h := l.groups[g].heads.Peek(row); h != nil {
		l.forget(g, row, h)
	}
}

// save appends a list as one entry.
func (l *List[V]) save(to []byte, g int, row uint32) ([]byte, error) {
	group := &l.groups[g]
	h := group.heads.Peek(row)
	if h == nil {
		return to, nil
	}
	stamp := func(to []byte, row uint32) []byte { return l.lease.stamp(to, g, row) }
	return framing(append(to, 0), func(to []byte) (_ []byte, err error) {
		for next, left := h.first, h.full; left > 0; {
			b := group.blocks.Peek(next - 1)
			if to, err = appendBlock(to, l.encode, group.vals.Peek, stamp, b); err != nil {
				return to, err
			}
			next, left = b.next, left-uint32(b.count)
		}
		return appendBlock(to, l.encode, group.vals.Peek, stamp, &h.tail)
	})
}

// appendBlock appends a block's values, each after its length.
func appendBlock[V any](
	to []byte, encode func([]byte, *V) ([]byte, error), at func(row uint32) *V, stamp func([]byte, uint32) []byte, b *listBlock,
) (_ []byte, err error) {
	for i := range uint32(b.count) {
		to = append(to, 0)
		from := len(to)
		if to, err = encode(stamp(to, b.base+i), at(b.base+i)); err != nil {
			return to, err
		}
		to = framed(to, from)
	}
	return to, nil
}

func (l *List[V]) fill(g int, row uint32, item, value []byte) error {
	return l.add(g, row, item, value, l.reads.Codec.Decode)
}

func (z *frozenList[V]) changed(g, chunk int, since uint64) (rows [chunkRows / 64]uint64) {
	if heads := &z.groups[g].heads; chunk < heads.Chunks() {
		rows = heads.Changed(chunk, since)
	}
	return rows
}

func (z *frozenList[V]) save(to []byte, g int, row uint32) ([]byte, error) {
	group := &z.groups[g]
	h := group.heads.At(row)
	if h == nil {
		return to, nil
	}
	stamp := func(to []byte, row uint32) []byte { return z.stamps.stamp(to, g, row) }
	return framing(append(to, 0), func(to []byte) (_ []byte, err error) {
		for next, left := h.first, h.full; left > 0; {
			b := group.blocks.At(next - 1)
			if to, err = appendBlock(to, z.encode, group.vals.At, stamp, b); err != nil {
				return to, err
			}
			next, left = b.next, left-uint32(b.count)
		}
		return appendBlock(to, z.encode, group.vals.At, stamp, &h.tail)
	})
}

// done leaves blocks and values to the end of the snapshot: those of a row lie anywhere.
func (z *frozenList[V]) done(g, chunk int) { z.groups[g].heads.doneAt(chunk) }

func (l *List[V]) refers() bool { return pointers[V]() }

func (l *List[V]) shed(g int) {
	if slices.ContainsFunc(l.graves, func(grave listGrave) bool { return grave.group == g }) {
		return
	}
	group := &l.groups[g]
	group.heads.Drop()
	group.blocks.Drop()
	group.vals.Drop()
	l.headFam.giveBack()
	l.blockFam.giveBack()
	l.valFam.giveBack()
	l.lease.shed(g)
	group.ids, group.runs = rowAlloc{}, runAlloc{}
}
