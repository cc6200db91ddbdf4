package heap

// walker goes through a tree that may change meanwhile: it keeps no place in it but the item from which to go on.
type walker[A, V any] struct {
	forest *forest[A, V]
	bounds bounds[A]
	from   A
	state  walkState
	yield  func(A, V) bool
}

type walkState int

const (
	atStart   walkState = iota // at the first item
	atFrom                     // at from
	afterFrom                  // after from
)

// ascend goes through the items within bounds; root returns the tree as it is.
func (f *forest[A, V]) ascend(root func() *node[A, V], b bounds[A], yield func(A, V) bool) {
	w := &walker[A, V]{forest: f, bounds: b, yield: yield}
	if b.from != nil {
		w.from, w.state = *b.from, atFrom
	}
	for more := true; more; {
		n := root()
		if n == nil {
			return
		}
		more = w.leaf(n)
	}
}

// leaf goes through one leaf, and returns whether there is more.
func (w *walker[A, V]) leaf(n *node[A, V]) bool {
	var next *node[A, V] // the lower bound of what follows is its keys[at]
	at := 0
	for !n.leaf() {
		i := 0
		if w.state != atStart {
			i = w.forest.child(n, &w.from)
		}
		if i < len(n.keys) {
			next, at = n, i
		}
		n = n.kids[i]
	}
	i := 0
	if w.state != atStart {
		var equal bool
		if i, equal = w.forest.search(n, &w.from); equal && w.state == afterFrom {
			i++
		}
	}
	changed, more := w.items(n, i)
	if !changed && more && next != nil {
		w.from, w.state = next.keys[at], atFrom
	}
	return more && (changed || next != nil)
}

// items goes through a leaf from item i on. It returns early if the tree was changed.
func (w *walker[A, V]) items(n *node[A, V], i int) (changed, more bool) {
	changes := w.forest.changes
	for ; i < len(n.keys); i++ {
		if w.bounds.to != nil && w.forest.compare(&n.keys[i], w.bounds.to) >= 0 {
			return false, false
		}
		w.from, w.state = n.keys[i], afterFrom
		if !w.yield(w.from, n.vals[i]) {
			return false, false
		}
		if w.forest.changes != changes {
			return true, true
		}
	}
	return false, true
}

// atMost is the leaf with the last item that is not greater than a, or nil.
func (f *forest[A, V]) atMost(n *node[A, V], a *A) *node[A, V] {
	var before *node[A, V] // has only lesser items, and of those the last ones
	for !n.leaf() {
		i := f.child(n, a)
		if i > 0 {
			before = n.kids[i-1]
		}
		n = n.kids[i]
	}
	if f.compare(&n.keys[0], a) <= 0 {
		return n
	}
	for before != nil && !before.leaf() {
		before = before.kids[len(before.kids)-1]
	}
	return before
}
