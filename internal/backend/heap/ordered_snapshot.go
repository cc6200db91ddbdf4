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
	v, err := decode(value)
	if err != nil {
		return err
	}
	if !o.set(g, row, a, v) {
		return errTwice
	}
	return nil
}

func (o *Ordered[A, V]) freeze(t *Ticket) frozenState {
	z := &frozenOrdered[A, V]{encode: o.encode, roots: o.fam.FreezeAll(o.roots, t)}
	o.fam.Trim()
	return z
}

// frozenOrdered has the trees: nodes that were reachable when the snapshot began don't change while it is in flight.
type frozenOrdered[A, V any] struct {
	encode mapEncoders[A, V]
	roots  []Frozen[*node[A, V]]
	a, v   []byte
}

func (z *frozenOrdered[A, V]) persist(g int, w *entries) error {
	col := &z.roots[g]
	for i := range col.Chunks() {
		for row, root := range col.Rows(i) {
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
		if z.v, err = z.encode.value(z.v[:0], &n.vals[i]); err != nil {
			return err
		}
		if err := w.put(row, z.a, z.v); err != nil {
			return err
		}
	}
	return nil
}
