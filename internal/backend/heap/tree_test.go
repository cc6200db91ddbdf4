package heap

import (
	"math/rand/v2"
	"testing"
)

// checkTree checks bounds, depth and the order of items, and returns the depth.
func checkTree(t *testing.T, f *forest[int64, int64], n *node[int64, int64], least, most *int64, root bool) int {
	t.Helper()
	for i := range n.keys {
		if least != nil && n.keys[i] < *least || most != nil && n.keys[i] >= *most || i > 0 && n.keys[i] <= n.keys[i-1] {
			t.Fatalf("keys %v are out of order or bounds", n.keys)
		}
	}
	if n.leaf() {
		if len(n.keys) == 0 || len(n.keys) > fanout || len(n.keys) != len(n.vals) {
			t.Fatalf("a leaf has %d keys, %d values", len(n.keys), len(n.vals))
		}
		return 1
	}
	if len(n.kids) != len(n.keys)+1 || len(n.kids) > fanout || root && len(n.kids) < 2 {
		t.Fatalf("an inner node has %d keys, %d children", len(n.keys), len(n.kids))
	}
	depth := 0
	for i, kid := range n.kids {
		lo, hi := least, most
		if i > 0 {
			lo = &n.keys[i-1]
		}
		if i < len(n.keys) {
			hi = &n.keys[i]
		}
		d := checkTree(t, f, kid, lo, hi, false)
		if depth != 0 && d != depth {
			t.Fatalf("depths %d and %d", depth, d)
		}
		depth = d
	}
	return depth + 1
}

func TestTree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	f := &forest[int64, int64]{space: NewSpace(nil), compare: comparison[int64]()}
	model := map[int64]int64{}
	var root *node[int64, int64]
	var ticket *Ticket
	for i := range 40_000 {
		a := rnd.Int64N(5000)
		switch rnd.IntN(20) {
		case 0, 1, 2, 3, 4:
			var ok bool
			_, want := model[a]
			if root, ok = f.delete(root, &a); ok != want {
				t.Fatalf("delete %d: %v, want %v", a, ok, want)
			}
			delete(model, a)
		case 5:
			if rnd.IntN(20) > 0 {
				continue
			}
			to := a + rnd.Int64N(2000)
			root = f.deleteRange(root, bounds[int64]{&a, &to})
			for k := range model {
				if k >= a && k < to {
					delete(model, k)
				}
			}
		case 6:
			if ticket != nil {
				ticket.Release()
			}
			ticket = f.space.Freeze()
		default:
			root, _ = f.set(root, &a, int64(i))
			model[a] = int64(i)
		}
		if i%100 == 0 {
			checkItems(t, f, root, model)
		}
	}
	ticket.Release()
	f.space.settle()
	f.graves = append(f.graves, root)
	for len(f.graves) > 0 {
		f.reclaim()
	}
	if f.space.used != 0 {
		t.Errorf("%d bytes are still taken", f.space.used)
	}
}

func checkItems(t *testing.T, f *forest[int64, int64], root *node[int64, int64], model map[int64]int64) {
	t.Helper()
	if root != nil {
		checkTree(t, f, root, nil, nil, true)
	}
	n, last := 0, int64(-1)
	f.ascend(func() *node[int64, int64] { return root }, bounds[int64]{}, func(a, v int64) bool {
		if want, ok := model[a]; !ok || v != want || a <= last {
			t.Fatalf("%d: %d after %d, want %d, %v", a, v, last, want, ok)
		}
		last = a
		n++
		return true
	})
	if n != len(model) {
		t.Fatalf("%d items, want %d", n, len(model))
	}
}

// What is old is deleted from the left, however much at a time: a node that becomes empty is dropped, not joined.
func TestDeleteFromTheLeft(t *testing.T) {
	const items = 6000
	for _, by := range []int64{1, 7, 100, 512, 1024, 3000} {
		f := &forest[int64, int64]{space: NewSpace(nil), compare: comparison[int64]()}
		model := map[int64]int64{}
		var root *node[int64, int64]
		for a := range int64(items) {
			root, _ = f.set(root, &a, a)
			model[a] = a
		}
		for to := by; root != nil; to += by {
			from := int64(-1)
			root = f.deleteRange(root, bounds[int64]{&from, &to})
			for a := to - by; a < to; a++ {
				delete(model, a)
			}
			if by > 1 || to%50 == 0 {
				checkItems(t, f, root, model)
			}
		}
	}
}
