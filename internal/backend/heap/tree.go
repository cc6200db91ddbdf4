package heap

import "unsafe"

// fanout is how many items a leaf has at most, and how many children an inner node.
const (
	fanout    = 32
	firstLeaf = 4 // room of a new leaf: a small state stays small
	mergeMost = fanout * 3 / 4
)

// forest has what the trees of one state share. Its trees are B+-trees whose nodes are tagged with the epoch in which
// they were made: a node that a snapshot in flight may read is copied before it is changed, and so is the path to it.
type forest[A, V any] struct {
	space   *Space
	compare func(a, b *A) int
	graves  []*node[A, V] // roots of what was cut off: its bytes are given back bit by bit
	changes int           // counts changes, so that iterations notice
	a, b    A             // operands: a local variable would move to the heap
}

// node is a leaf, with items and values, or an inner node: keys[i] is a lower bound of what is under kids[i+1] and an
// upper one of what is under kids[i].
type node[A, V any] struct {
	epoch uint64
	keys  []A
	vals  []V
	kids  []*node[A, V]
}

func (n *node[A, V]) leaf() bool { return n.kids == nil }

// size is the number of items or children.
func (n *node[A, V]) size() int {
	if n.leaf() {
		return len(n.keys)
	}
	return len(n.kids)
}

func (n *node[A, V]) bytes() int64 {
	var a A
	var v V
	return int64(unsafe.Sizeof(*n)) + int64(cap(n.keys))*int64(unsafe.Sizeof(a)) +
		int64(cap(n.vals))*int64(unsafe.Sizeof(v)) + int64(cap(n.kids))*8
}

func (f *forest[A, V]) newLeaf(room int) *node[A, V] {
	n := &node[A, V]{epoch: f.space.now, keys: make([]A, 0, room), vals: make([]V, 0, room)}
	f.space.take(n.bytes())
	return n
}

func (f *forest[A, V]) newInner() *node[A, V] {
	n := &node[A, V]{epoch: f.space.now, keys: make([]A, 0, fanout), kids: make([]*node[A, V], 0, fanout+1)}
	f.space.take(n.bytes())
	return n
}

// shared says whether a snapshot in flight may read a node. The space was settled when the operation began.
func (f *forest[A, V]) shared(n *node[A, V]) bool { return n.epoch <= f.space.newest }

// own returns a node for changing.
func (f *forest[A, V]) own(n *node[A, V]) *node[A, V] {
	if !f.shared(n) {
		return n
	}
	return f.copy(n, cap(n.keys))
}

// roomy returns a node for changing that has room for so many items.
func (f *forest[A, V]) roomy(n *node[A, V], items int) *node[A, V] {
	room := cap(n.keys)
	for n.leaf() && room < items {
		room *= 2
	}
	if room == cap(n.keys) {
		return f.own(n)
	}
	return f.copy(n, room)
}

// copy puts a copy in place of a node.
func (f *forest[A, V]) copy(n *node[A, V], room int) *node[A, V] {
	var c *node[A, V]
	if n.leaf() {
		c = f.newLeaf(room)
		c.vals = append(c.vals, n.vals...)
	} else {
		c = f.newInner()
		c.kids = append(c.kids, n.kids...)
	}
	c.keys = append(c.keys, n.keys...)
	f.drop(n)
	return c
}

// drop gives the bytes of a node back, as soon as snapshots allow.
func (f *forest[A, V]) drop(n *node[A, V]) {
	if f.shared(n) {
		f.space.owe(n.bytes())
	} else {
		f.space.give(n.bytes())
	}
}

// search returns the place of the first item that is not less than a, and whether it is a.
func (f *forest[A, V]) search(n *node[A, V], a *A) (int, bool) {
	lo, hi := 0, len(n.keys)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if f.compare(&n.keys[mid], a) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(n.keys) && f.compare(&n.keys[lo], a) == 0
}

// child is the number of the child under which a belongs.
func (f *forest[A, V]) child(n *node[A, V], a *A) int {
	i, equal := f.search(n, a)
	if equal {
		return i + 1
	}
	return i
}

// find returns the value of an item, or nil.
func (f *forest[A, V]) find(n *node[A, V], a *A) *V {
	if n == nil {
		return nil
	}
	for !n.leaf() {
		n = n.kids[f.child(n, a)]
	}
	if i, ok := f.search(n, a); ok {
		return &n.vals[i]
	}
	return nil
}

// set sets an item in a tree, and returns the tree's root and whether the item is new.
func (f *forest[A, V]) set(root *node[A, V], a *A, v V) (_ *node[A, V], fresh bool) {
	f.space.settle()
	f.changes++
	if root == nil {
		root = f.newLeaf(firstLeaf)
	}
	root, right, fresh := f.insert(root, a, v)
	if right != nil {
		up := f.newInner()
		up.kids = append(up.kids, root, right)
		up.keys = append(up.keys, *f.least(right))
		root = up
	}
	return root, fresh
}

// least is the smallest item under a node.
func (f *forest[A, V]) least(n *node[A, V]) *A {
	for !n.leaf() {
		n = n.kids[0]
	}
	return &n.keys[0]
}

// insert sets an item under a node. It returns the node's successor, and a new node to its right if it was split.
func (f *forest[A, V]) insert(n *node[A, V], a *A, v V) (left, right *node[A, V], fresh bool) {
	if n.leaf() {
		return f.insertLeaf(n, a, v)
	}
	i := f.child(n, a)
	kid, split, fresh := f.insert(n.kids[i], a, v)
	if split == nil && kid == n.kids[i] {
		return n, nil, fresh
	}
	n = f.own(n)
	n.kids[i] = kid
	if split != nil {
		n.keys = insertAt(n.keys, i, *f.least(split))
		n.kids = insertAt(n.kids, i+1, split)
	}
	if len(n.kids) <= fanout {
		return n, nil, fresh
	}
	right = f.newInner()
	half := len(n.kids) / 2
	right.kids = append(right.kids, n.kids[half:]...)
	right.keys = append(right.keys, n.keys[half:]...)
	n.kids, n.keys = truncate(n.kids, half), truncate(n.keys, half-1)
	return n, right, fresh
}

func (f *forest[A, V]) insertLeaf(n *node[A, V], a *A, v V) (left, right *node[A, V], fresh bool) {
	i, equal := f.search(n, a)
	if equal {
		n = f.own(n)
		n.vals[i] = v
		return n, nil, false
	}
	n = f.roomy(n, min(len(n.keys)+1, fanout))
	into := n
	if len(n.keys) == fanout {
		right = f.splitLeaf(n, i)
		if i >= len(n.keys) {
			into, i = right, i-len(n.keys)
		}
	}
	into.keys, into.vals = insertAt(into.keys, i, *a), insertAt(into.vals, i, v)
	return n, right, true
}

// splitLeaf moves the upper half of a full leaf to a new one; nothing at all if the new item comes last: items that
// come in order, as times do, then leave full leaves behind.
func (f *forest[A, V]) splitLeaf(n *node[A, V], at int) *node[A, V] {
	right, half := f.newLeaf(fanout), fanout/2
	if at == fanout {
		half = fanout
	}
	right.keys, right.vals = append(right.keys, n.keys[half:]...), append(right.vals, n.vals[half:]...)
	n.keys, n.vals = truncate(n.keys, half), truncate(n.vals, half)
	return right
}

func insertAt[T any](s []T, i int, v T) []T {
	s = append(s, v)
	copy(s[i+1:], s[i:])
	s[i] = v
	return s
}

// truncate shortens a slice and clears what it drops.
func truncate[T any](s []T, n int) []T {
	clear(s[n:])
	return s[:n]
}

// cut removes s[i:j].
func cut[T any](s []T, i, j int) []T {
	n := copy(s[i:], s[j:])
	return truncate(s, i+n)
}
