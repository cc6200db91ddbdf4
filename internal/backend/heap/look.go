package heap

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/keygroup"
)

var _ backend.Readable = (*Store[string])(nil)

// Look calls f for the entries that a key has in a state. The cursor stays where it is.
func (s *Store[K]) Look(state string, key, item []byte, f func(backend.Held) error) error {
	i, ok := s.names[state]
	if !ok {
		return fmt.Errorf("state %q: there is no such state", state)
	}
	hash := keygroup.HashBytes(key)
	g := s.groupOf(hash)
	if g < 0 || g >= s.groups {
		return fmt.Errorf("state %q, key group %d: this subtask has the key groups from %d to %d", state, g+s.cfg.From, s.cfg.From, s.cfg.To-1)
	}
	k, err := s.keys.Decode(key)
	if err != nil {
		return fmt.Errorf("state %q: key %x: %w", state, key, err)
	}
	f = s.unexpired(s.states[i].describe(), f)
	row := s.lookup(g, k, hash)
	if s.cold != nil && (row == noRow || *s.index[g].flagsOf(hash, row)&slotHollow != 0) {
		if p, ok := pointOf(s.states[i]); ok {
			return s.cold.look(p, hash, key, item, f)
		}
	}
	if row == noRow {
		return nil
	}
	return s.states[i].look(g, row, item, f)
}

// look is Look for a key whose states are in the cold store, where they stay.
func (c *coldCore) look(state pointState, hash uint64, key, item []byte, f func(backend.Held) error) error {
	c.clear()
	c.bytes = append(c.bytes, key...)
	c.ends = append(c.ends, len(c.bytes))
	c.batch.Hashes = append(c.batch.Hashes, hash)
	if err := c.get(); err != nil || c.batch.Places[0] == 0 {
		return err
	}
	return loadRow(c.batch.Values[0], func(i int, at, value []byte) error {
		if c.points[i] != state || item != nil && !bytes.Equal(at, item) {
			return nil
		}
		return f(backend.Held{Item: at, Value: value})
	})
}

func (s *single[V]) look(g int, row uint32, _ []byte, f func(backend.Held) error) error {
	v := s.cols[g].Peek(row)
	if v == nil {
		return nil
	}
	value, err := s.fam.encode(s.lease.stamp(nil, g, row), v)
	if err != nil {
		return err
	}
	return f(backend.Held{Value: value})
}

func (l *List[V]) look(g int, row uint32, _ []byte, f func(backend.Held) error) error {
	group := &l.groups[g]
	h := group.heads.Peek(row)
	if h == nil {
		return nil
	}
	for next, left := h.first, h.full; left > 0; {
		b := group.blocks.Peek(next - 1)
		if err := l.lookBlock(g, *b, f); err != nil {
			return err
		}
		next, left = b.next, left-uint32(b.count)
	}
	return l.lookBlock(g, h.tail, f)
}

// lookBlock gives a block's values as one entry.
func (l *List[V]) lookBlock(g int, b listBlock, f func(backend.Held) error) error {
	group := &l.groups[g]
	var entry, value []byte
	var err error
	for i := range uint32(b.count) {
		if value, err = l.encode(l.lease.stamp(value[:0], g, b.base+i), group.vals.Peek(b.base+i)); err != nil {
			return err
		}
		entry = binary.AppendUvarint(entry, uint64(len(value)))
		entry = append(entry, value...)
	}
	if len(entry) == 0 {
		return nil
	}
	return f(backend.Held{Value: entry})
}

func (m *Map[A, V]) look(g int, row uint32, item []byte, f func(backend.Held) error) error {
	group := &m.groups[g]
	h := group.heads.Peek(row)
	if h == nil {
		return nil
	}
	if item != nil {
		a, err := m.item.Codec.Decode(item)
		if err != nil {
			return err
		}
		if entry, _, ok := m.find(group, h.id, a); ok {
			return m.lookEntry(g, entry, f)
		}
		return nil
	}
	for next := h.first; next != 0; next = group.entries.Peek(next - 1).next {
		if err := m.lookEntry(g, next-1, f); err != nil {
			return err
		}
	}
	return nil
}

func (m *Map[A, V]) lookEntry(g int, entry uint32, f func(backend.Held) error) error {
	group := &m.groups[g]
	v := group.vals.Peek(entry)
	if v == nil {
		return nil // it was deleted
	}
	item, err := m.encode.item(nil, &group.entries.Peek(entry).item)
	if err != nil {
		return err
	}
	value, err := m.encode.value(m.lease.stamp(nil, g, entry), v)
	if err != nil {
		return err
	}
	return f(backend.Held{Item: item, Value: value})
}

func (t *Timers[S]) look(g int, row uint32, item []byte, f func(backend.Held) error) error {
	return t.times.look(g, row, item, f)
}

func (o *Ordered[A, V]) look(g int, row uint32, item []byte, f func(backend.Held) error) error {
	root := o.rootAt(g, row)
	if root == nil {
		return nil
	}
	if item == nil {
		at := o.stampsOf(g, row)
		return o.encode.lookTree(root, &at, f)
	}
	a, err := o.item.Codec.Decode(item)
	if err != nil {
		return err
	}
	v := o.forest.find(root, &a)
	if v == nil {
		return nil
	}
	var at itemStamps
	if o.stamps != nil {
		at = itemStamps{*o.stamps.forest.find(o.stamps.rootAt(g, row), &a)}
	}
	return o.encode.lookItem(&a, v, &at, f)
}

// lookTree goes through a tree in order.
func (c *mapEncoders[A, V]) lookTree(n *node[A, V], at *itemStamps, f func(backend.Held) error) error {
	for _, kid := range n.kids {
		if err := c.lookTree(kid, at, f); err != nil {
			return err
		}
	}
	for i := range n.vals {
		if err := c.lookItem(&n.keys[i], &n.vals[i], at, f); err != nil {
			return err
		}
	}
	return nil
}

func (c *mapEncoders[A, V]) lookItem(a *A, v *V, at *itemStamps, f func(backend.Held) error) error {
	item, err := c.item(nil, a)
	if err != nil {
		return err
	}
	value, err := c.value(at.next(nil), v)
	if err != nil {
		return err
	}
	return f(backend.Held{Item: item, Value: value})
}
