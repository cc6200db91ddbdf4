package heap

// bounds are an interval of items; a nil end is open.
type bounds[A any] struct{ from, to *A }

// delete removes an item, and returns the root, nil if nothing is left, and whether it was there.
func (f *forest[A, V]) delete(root *node[A, V], a *A) (*node[A, V], bool) {
	if f.find(root, a) == nil {
		return root, false
	}
	f.space.settle()
	f.changes++
	return f.shrink(f.remove(root, a)), true
}

// remove removes an item that is there.
func (f *forest[A, V]) remove(n *node[A, V], a *A) *node[A, V] {
	n = f.own(n)
	if n.leaf() {
		i, _ := f.search(n, a)
		n.keys, n.vals = cut(n.keys, i, i+1), cut(n.vals, i, i+1)
		return n
	}
	i := f.child(n, a)
	n.kids[i] = f.remove(n.kids[i], a)
	f.tidy(n, i)
	return n
}

// deleteRange removes the items with from <= a < to, and returns the root, nil if nothing is left. Whole subtrees are
// cut off without a look into them.
func (f *forest[A, V]) deleteRange(root *node[A, V], b bounds[A]) *node[A, V] {
	if root == nil {
		return nil
	}
	f.space.settle()
	f.changes++
	return f.shrink(f.removeRange(root, b))
}

func (f *forest[A, V]) removeRange(n *node[A, V], b bounds[A]) *node[A, V] {
	lo, hi := f.rangeOf(n, b)
	if n.leaf() {
		if lo < hi {
			n = f.own(n)
			n.keys, n.vals = cut(n.keys, lo, hi), cut(n.vals, lo, hi)
		}
		return n
	}
	n = f.own(n)
	if lo == hi {
		n.kids[lo] = f.removeRange(n.kids[lo], b)
		f.tidy(n, lo)
		return n
	}
	n.kids[lo] = f.removeRange(n.kids[lo], bounds[A]{from: b.from})
	n.kids[hi] = f.removeRange(n.kids[hi], bounds[A]{to: b.to})
	if hi > lo+1 {
		f.graves = append(f.graves, n.kids[lo+1:hi]...)
		n.kids, n.keys = cut(n.kids, lo+1, hi), cut(n.keys, lo, hi-1)
	}
	f.tidy(n, lo+1)
	f.tidy(n, lo)
	return n
}

// rangeOf is the items of a leaf within bounds: from lo up to, without, hi; or the children at both ends of them.
func (f *forest[A, V]) rangeOf(n *node[A, V], b bounds[A]) (lo, hi int) {
	place := f.child
	if n.leaf() {
		place = func(n *node[A, V], a *A) int { i, _ := f.search(n, a); return i }
	}
	if hi = n.size(); !n.leaf() {
		hi--
	}
	if b.from != nil {
		lo = place(n, b.from)
	}
	if b.to != nil {
		hi = place(n, b.to)
	}
	return lo, max(lo, hi)
}

// tidy drops child i of an inner node if it is empty, and joins it with a neighbour if both have few items. A neighbour
// that is empty has its own turn: joined with one, an inner node would have a bound too many.
func (f *forest[A, V]) tidy(n *node[A, V], i int) {
	if i >= len(n.kids) {
		return
	}
	size := n.kids[i].size()
	few := func(j int) bool {
		other := n.kids[j].size()
		return other > 0 && size+other <= mergeMost
	}
	switch {
	case size == 0:
		f.drop(n.kids[i])
		n.kids = cut(n.kids, i, i+1)
		if at := max(i-1, 0); at < len(n.keys) {
			n.keys = cut(n.keys, at, at+1)
		}
	case i+1 < len(n.kids) && few(i+1):
		f.join(n, i)
	case i > 0 && few(i-1):
		f.join(n, i-1)
	}
}

// join moves everything from child i+1 into child i.
func (f *forest[A, V]) join(n *node[A, V], i int) {
	left, right := f.roomy(n.kids[i], mergeMost), n.kids[i+1]
	if !left.leaf() {
		left.keys = append(left.keys, n.keys[i])
	}
	left.keys = append(left.keys, right.keys...)
	left.vals = append(left.vals, right.vals...)
	left.kids = append(left.kids, right.kids...)
	f.drop(right)
	n.kids[i] = left
	n.kids, n.keys = cut(n.kids, i+1, i+2), cut(n.keys, i, i+1)
}

// shrink drops inner nodes with one child from the root down, and an empty root.
func (f *forest[A, V]) shrink(root *node[A, V]) *node[A, V] {
	for !root.leaf() && len(root.kids) == 1 {
		f.drop(root)
		root = root.kids[0]
	}
	if root.size() == 0 {
		f.drop(root)
		return nil
	}
	return root
}

// reclaimNodes is how many nodes that were cut off are accounted for at the end of a batch.
const reclaimNodes = 1024

func (f *forest[A, V]) reclaim() {
	f.space.settle()
	for n := reclaimNodes; n > 0 && len(f.graves) > 0; n-- {
		last := len(f.graves) - 1
		dead := f.graves[last]
		f.graves = append(f.graves[:last], dead.kids...)
		f.drop(dead)
	}
}
