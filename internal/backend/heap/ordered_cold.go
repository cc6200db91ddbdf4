package heap

import "leat.dev/leat/internal/backend"

func (o *Ordered[A, V]) follow(saved *uint64) { o.fam.saved = saved }
func (o *Ordered[A, V]) changed(g int, row uint32, since uint64) bool {
	return o.roots[g].changed(row, since)
}
func (o *Ordered[A, V]) settle(g int, row uint32) { o.roots[g].settle(row) }

func (o *Ordered[A, V]) drop(g int, row uint32) {
	if old := o.rootAt(g, row); old != nil {
		o.forest.changes++
		o.forest.graves = append(o.forest.graves, old)
		o.roots[g].Delete(row)
	}
	if o.stamps != nil {
		o.stamps.drop(g, row)
	}
}

func (o *Ordered[A, V]) save(to []byte, g int, row uint32) ([]byte, error) {
	root := o.rootAt(g, row)
	if root == nil {
		return to, nil
	}
	at := o.stampsOf(g, row)
	return o.encode.tree(to, root, &at)
}

// tree appends what is under a node, in order.
func (c *mapEncoders[A, V]) tree(to []byte, n *node[A, V], at *itemStamps) (_ []byte, err error) {
	for _, kid := range n.kids {
		if to, err = c.tree(to, kid, at); err != nil {
			return to, err
		}
	}
	var stamp [backend.StampBytes]byte
	for i := range n.vals {
		if to, err = c.entry(to, &n.keys[i], &n.vals[i], at.next(stamp[:0])); err != nil {
			return to, err
		}
	}
	return to, nil
}

func (o *Ordered[A, V]) fill(g int, row uint32, item, value []byte) error {
	return o.add(g, row, item, value, o.item.Codec.Decode, o.value.Codec.Decode)
}

func (z *frozenOrdered[A, V]) changed(g, chunk int, since uint64) (rows [chunkRows / 64]uint64) {
	if roots := &z.roots[g]; chunk < roots.Chunks() {
		rows = roots.Changed(chunk, since)
	}
	return rows
}

func (z *frozenOrdered[A, V]) save(to []byte, g int, row uint32) ([]byte, error) {
	root := z.roots[g].At(row)
	if root == nil {
		return to, nil
	}
	at := z.stampsOf(g, row)
	return z.encode.tree(to, *root, &at)
}

func (z *frozenOrdered[A, V]) done(g, chunk int) { z.roots[g].doneAt(chunk) }

// refers is true: the nodes of trees are not counted.
func (o *Ordered[A, V]) refers() bool { return true }

func (o *Ordered[A, V]) shed(g int) {
	o.roots[g].Drop()
	o.fam.giveBack()
	if o.stamps != nil {
		o.stamps.shed(g)
	}
}
