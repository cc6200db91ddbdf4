package heap

import (
	"iter"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// OrderedTTL is an Ordered whose entries have a TTL each.
type OrderedTTL[A, V any] struct {
	Ordered[A, Stamped[V]]
	lease
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
	info := backend.State{Name: name, Was: was, Kind: backend.Ordered, Type: mapType[A, V](), TTL: &ttl}
	o := &OrderedTTL[A, V]{
		Ordered: *newOrdered(&s.core, info, item, codec.Codec[Stamped[V]](stampedCodec(value))), lease: newLease(&s.core, ttl),
	}
	o.info.Values = backend.BoxedBy(value)
	s.add(o)
	return o
}

// read is what a value shows to who reads it by now; not ok if it is not to be seen any more.
func (o *OrderedTTL[A, V]) read(a A, s Stamped[V], now int64) (v V, ok bool) {
	if o.hides(s.At, now) {
		return v, false
	}
	if o.renews(s.At, now) {
		o.Ordered.Set(a, Stamped[V]{now, s.V})
	}
	return s.V, true
}

// Get returns the value of an item, or the zero value.
func (o *OrderedTTL[A, V]) Get(a A) V {
	v, _ := o.Lookup(a)
	return v
}

// Lookup returns the value of an item, and whether there is one.
func (o *OrderedTTL[A, V]) Lookup(a A) (v V, ok bool) {
	if s, ok := o.Ordered.Lookup(a); ok {
		return o.read(a, s, o.now())
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
	if p := o.find(a); p != nil {
		at = max(at, p.At)
	}
	o.Ordered.Set(a, Stamped[V]{at, v})
}

// First returns the first item and its value, and whether there is one.
func (o *OrderedTTL[A, V]) First() (a A, v V, ok bool) { return o.end(true) }

// Last returns the last item and its value, and whether there is one.
func (o *OrderedTTL[A, V]) Last() (a A, v V, ok bool) { return o.end(false) }

func (o *OrderedTTL[A, V]) end(first bool) (a A, v V, ok bool) {
	root := o.root()
	if root == nil {
		return a, v, false
	}
	now := o.now()
	leaf, i := o.seek(root, now, first)
	if leaf == nil {
		return a, v, false
	}
	a = leaf.keys[i]
	v, ok = o.read(a, leaf.vals[i], now)
	return a, v, ok
}

// seek is the place of the first or last item under a node that is to be seen; nil if none is.
func (o *OrderedTTL[A, V]) seek(n *node[A, Stamped[V]], now int64, first bool) (leaf *node[A, Stamped[V]], at int) {
	for i := range n.size() {
		if !first {
			i = n.size() - 1 - i
		}
		if !n.leaf() {
			if leaf, at = o.seek(n.kids[i], now, first); leaf != nil {
				return leaf, at
			}
		} else if !o.hides(n.vals[i].At, now) {
			return n, i
		}
	}
	return nil, 0
}

// Range goes through the items with from <= a < to, in order, like [Ordered.Range].
func (o *OrderedTTL[A, V]) Range(from, to A) iter.Seq2[A, V] {
	return o.visible(o.Ordered.Range(from, to))
}

// All goes through all items, like Range.
func (o *OrderedTTL[A, V]) All() iter.Seq2[A, V] { return o.visible(o.Ordered.All()) }

func (o *OrderedTTL[A, V]) visible(all iter.Seq2[A, Stamped[V]]) iter.Seq2[A, V] {
	return func(yield func(A, V) bool) {
		now := o.now()
		for a, s := range all {
			if v, ok := o.read(a, s, now); ok && !yield(a, v) {
				return
			}
		}
	}
}

func (o *OrderedTTL[A, V]) reclaim() {
	o.sweep(o)
	o.Ordered.reclaim()
}

func (o *OrderedTTL[A, V]) sweepGroup(g int, now int64, most int) (left int, done bool) {
	roots := &o.roots[g]
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
		if !o.roots[g].Has(row) {
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
		leaf, next := o.forest.leafFrom(o.rootAt(g, row), from)
		most -= len(leaf.keys)
		for i := range leaf.vals {
			if o.ttl.Expired(leaf.vals[i].At, now) {
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
	if len(o.dead) == 0 {
		return
	}
	root := o.rootAt(g, row)
	for i := range o.dead {
		root, _ = o.forest.delete(root, &o.dead[i])
	}
	o.replace(g, row, root)
	o.Ordered.core.expired += int64(len(o.dead))
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
