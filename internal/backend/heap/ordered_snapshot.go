package heap

import "leat.dev/leat/internal/backend"

func (o *Ordered[A, V]) expect(was backend.State) error {
	if err := o.item.Use(was.Item); err != nil {
		return err
	}
	return o.value.Use(was.Value)
}

func (o *Ordered[A, V]) restore(g int, row uint32, item, value []byte) error {
	return o.add(g, row, item, value, o.item.Decode, o.value.Decode)
}

func (o *Ordered[A, V]) add(
	g int, row uint32, item, value []byte, decodeItem func([]byte) (A, error), decode func([]byte) (V, error),
) error {
	a, err := decodeItem(item)
	if err != nil {
		return err
	}
	var at int64
	if o.stamps != nil {
		if at, value, err = backend.CutStamp(value); err != nil {
			return err
		}
	}
	v, err := decode(value)
	if err != nil {
		return err
	}
	if !o.set(g, row, a, v) {
		return errTwice
	}
	if o.stamps != nil {
		o.stamps.set(g, row, a, at)
	}
	return nil
}

func (o *Ordered[A, V]) freeze(t *Ticket) frozenState {
	z := &frozenOrdered[A, V]{encode: o.encode, roots: o.fam.FreezeAll(o.roots, t)}
	o.fam.Trim()
	if o.stamps != nil {
		z.stamps = o.stamps.fam.FreezeAll(o.stamps.roots, t)
		o.stamps.fam.Trim()
	}
	return z
}

// frozenOrdered has the trees: nodes that were reachable when the snapshot began don't change while it is in flight.
type frozenOrdered[A, V any] struct {
	encode mapEncoders[A, V]
	roots  []Frozen[*node[A, V]]
	stamps []Frozen[*node[A, int64]] // nil without a TTL
	a, v   []byte
	// The stamps of the tree at hand, and what is left of them.
	at, left itemStamps
}

// itemStamps are the times of the last writes of some items, in their order; nil without a TTL.
type itemStamps []int64

// next appends the first of them, and goes on to the next.
func (s *itemStamps) next(to []byte) []byte {
	if len(*s) == 0 {
		return to
	}
	to = backend.AppendStamp(to, (*s)[0])
	*s = (*s)[1:]
	return to
}

// stampsUnder appends the values under a node.
func stampsUnder[A any](to itemStamps, n *node[A, int64]) itemStamps {
	for _, kid := range n.kids {
		to = stampsUnder(to, kid)
	}
	return append(to, n.vals...)
}

// stampsOf are those of the items of a row.
func (o *Ordered[A, V]) stampsOf(g int, row uint32) itemStamps {
	if o.stamps == nil {
		return nil
	}
	return stampsUnder(nil, o.stamps.rootAt(g, row))
}

// stampsOf is likewise of a snapshot. It uses the memory of those before.
func (z *frozenOrdered[A, V]) stampsOf(g int, row uint32) itemStamps {
	if z.stamps != nil {
		z.at = stampsUnder(z.at[:0], *z.stamps[g].At(row))
	}
	return z.at
}

func (z *frozenOrdered[A, V]) persist(g int, w *entries) error {
	col := &z.roots[g]
	for i := range col.Chunks() {
		for row, root := range col.Rows(i) {
			z.left = z.stampsOf(g, row)
			if err := z.persistTree(row, *root, w); err != nil {
				return err
			}
		}
		col.Done(i)
	}
	return nil
}

func (z *frozenOrdered[A, V]) changes(g int, of *snapshot) changed {
	return z.roots[g].changed(of.since).with(&of.freed[g], of.since)
}

// differ writes trees that have changed as a whole.
func (z *frozenOrdered[A, V]) differ(g int, w *entries) error {
	return z.roots[g].differ(w, func(row uint32, root **node[A, V]) error {
		w.key = w.z.keys.append(w.key[:0], g, row)
		if err := w.forget(w.key); err != nil {
			return err
		}
		z.left = z.stampsOf(g, row)
		return z.persistTree(row, *root, w)
	})
}

func (z *frozenOrdered[A, V]) leave(g int) { z.roots[g].DoneAll() }

func (z *frozenOrdered[A, V]) persistTree(row uint32, n *node[A, V], w *entries) (err error) {
	for _, kid := range n.kids {
		if err := z.persistTree(row, kid, w); err != nil {
			return err
		}
	}
	for i := range n.vals {
		if z.a, err = z.encode.item(z.a[:0], &n.keys[i]); err != nil {
			return err
		}
		if z.v, err = z.encode.value(z.left.next(z.v[:0]), &n.vals[i]); err != nil {
			return err
		}
		if err := w.put(row, z.a, z.v); err != nil {
			return err
		}
	}
	return nil
}
