package heap

import (
	"iter"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// OrderedTTL is an Ordered whose entries have a TTL each. The stamps are a second tree of the same items.
type OrderedTTL[A, V any] struct {
	*lease
	of *Ordered[A, V]
	// Where in a tree the sweep goes on: at an item of a row of its part, unless it begins a row.
	row    uint32
	inside bool
	from   A
	dead   []A // scratch: what is expired of a leaf
}

// AddOrderedTTL adds a state of an ordered map from A to V a key, with a TTL. See [AddOrdered].
func AddOrderedTTL[A, V any, K comparable](
	s *Store[K], name string, ttl backend.TTL, item codec.Codec[A], value codec.Codec[V], was ...string,
) *OrderedTTL[A, V] {
	o := AddOrdered(s, name, item, value, was...)
	o.info.TTL = &ttl
	o.stamps = newOrdered[A, int64](&s.core, backend.State{}, item, timeCodec{})
	t := &OrderedTTL[A, V]{lease: newLease(&s.core, ttl), of: o}
	s.expires = append(s.expires, t)
	return t
}

// read says whether an item is to be seen, and renews it if reading does.
func (o *OrderedTTL[A, V]) read(a A, now int64) bool {
	at := *o.of.stamps.find(a)
	if o.hides(at, now) {
		return false
	}
	if o.renews(at, now) {
		g, row := o.core.ensure()
		o.of.stamps.set(g, row, a, now)
		o.of.roots[g].mark(row)
	}
	return true
}

// Get returns the value of an item, or the zero value.
func (o *OrderedTTL[A, V]) Get(a A) V {
	v, _ := o.Lookup(a)
	return v
}

// Lookup returns the value of an item, and whether there is one.
func (o *OrderedTTL[A, V]) Lookup(a A) (v V, ok bool) {
	if p := o.of.find(a); p != nil && o.read(a, o.now()) {
		return *p, true
	}
	return v, false
}

// Has says whether an item has a value.
func (o *OrderedTTL[A, V]) Has(a A) bool {
	_, ok := o.Lookup(a)
	return ok
}

// Set sets the value of an item.
func (o *OrderedTTL[A, V]) Set(a A, v V) {
	at := o.now()
	if was := o.of.stamps.find(a); was != nil {
		at = max(at, *was)
	}
	g, row := o.core.ensure()
	o.of.set(g, row, a, v)
	o.of.stamps.set(g, row, a, at)
}

// Delete deletes an item, and says whether it had a value, expired or not.
func (o *OrderedTTL[A, V]) Delete(a A) bool { return o.of.Delete(a) }

// DeleteRange deletes the items with from <= a < to.
func (o *OrderedTTL[A, V]) DeleteRange(from, to A) { o.of.DeleteRange(from, to) }

// Clear forgets all items.
func (o *OrderedTTL[A, V]) Clear() { o.of.Clear() }

// First returns the first item and its value, and whether there is one.
func (o *OrderedTTL[A, V]) First() (a A, v V, ok bool) { return o.end(true) }

// Last returns the last item and its value, and whether there is one.
func (o *OrderedTTL[A, V]) Last() (a A, v V, ok bool) { return o.end(false) }

func (o *OrderedTTL[A, V]) end(first bool) (a A, v V, ok bool) {
	root := o.of.stamps.root()
	if root == nil {
		return a, v, false
	}
	p := seek(o.lease, root, o.now(), first)
	if p == nil {
		return a, v, false
	}
	a = *p
	v, ok = o.Lookup(a)
	return a, v, ok
}

// seek is the first or last item under a node of stamps that is to be seen; nil if none is.
func seek[A any](l *lease, n *node[A, int64], now int64, first bool) *A {
	for i := range n.size() {
		if !first {
			i = n.size() - 1 - i
		}
		if !n.leaf() {
			if a := seek(l, n.kids[i], now, first); a != nil {
				return a
			}
		} else if !l.hides(n.vals[i], now) {
			return &n.keys[i]
		}
	}
	return nil
}

// Range goes through the items with from <= a < to, in order, like [Ordered.Range].
func (o *OrderedTTL[A, V]) Range(from, to A) iter.Seq2[A, V] { return o.visible(o.of.Range(from, to)) }

// All goes through all items, like Range.
func (o *OrderedTTL[A, V]) All() iter.Seq2[A, V] { return o.visible(o.of.All()) }

func (o *OrderedTTL[A, V]) visible(all iter.Seq2[A, V]) iter.Seq2[A, V] {
	return func(yield func(A, V) bool) {
		now := o.now()
		for a, v := range all {
			if o.read(a, now) && !yield(a, v) {
				return
			}
		}
	}
}

func (o *OrderedTTL[A, V]) sweep() { o.sweepOn(o) }

func (o *OrderedTTL[A, V]) sweepGroup(g int, now int64, most int) (left int, done bool) {
	roots := &o.of.stamps.roots[g]
	for o.part < len(roots.chunks) {
		if most--; most < 0 {
			return most, false
		}
		if most, done = o.sweepChunk(g, now, most); !done {
			return most, false
		}
		o.part, o.row = o.part+1, 0
	}
	return most, true
}

// sweepChunk goes on with the rows of a chunk.
func (o *OrderedTTL[A, V]) sweepChunk(g int, now int64, most int) (left int, done bool) {
	for ; o.row < chunkRows; o.row++ {
		row := uint32(o.part)<<chunkShift | o.row
		if !o.of.stamps.roots[g].Has(row) {
			o.inside = false
			continue
		}
		if most, done = o.sweepTree(g, row, now, most); !done {
			return most, false
		}
	}
	return most, true
}

// sweepTree goes on with a tree, leaf by leaf.
func (o *OrderedTTL[A, V]) sweepTree(g int, row uint32, now int64, most int) (left int, done bool) {
	for more := true; more; {
		if most <= 0 {
			return most, false
		}
		var from *A
		if o.inside {
			from = &o.from
		}
		leaf, next := o.of.stamps.forest.leafFrom(o.of.stamps.rootAt(g, row), from)
		most -= len(leaf.keys)
		for i := range leaf.vals {
			if o.ttl.Expired(leaf.vals[i], now) {
				o.dead = append(o.dead, leaf.keys[i])
			}
		}
		if more = next != nil; more {
			o.from = *next // what is deleted may move it
		}
		o.inside = more
		o.bury(g, row)
	}
	return most, true
}

// bury deletes what is expired of a leaf.
func (o *OrderedTTL[A, V]) bury(g int, row uint32) {
	for _, a := range o.dead {
		o.of.delete(g, row, a)
	}
	o.core.expired += int64(len(o.dead))
	clear(o.dead)
	o.dead = o.dead[:0]
}

// leafFrom is the leaf under which an item belongs, the first one without; next is a lower bound of what follows it, nil for the last.
func (f *forest[A, V]) leafFrom(n *node[A, V], from *A) (leaf *node[A, V], next *A) {
	for !n.leaf() {
		i := 0
		if from != nil {
			i = f.child(n, from)
		}
		if i < len(n.keys) {
			next = &n.keys[i]
		}
		n = n.kids[i]
	}
	return n, next
}
