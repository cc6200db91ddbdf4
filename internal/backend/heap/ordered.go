package heap

import (
	"cmp"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"
	"unsafe"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// Ordered is a map from A to V a key, in the order of A: a tree a key, whose root lies in a column.
type Ordered[A, V any] struct {
	core   *core
	info   backend.State
	item   backend.Reading[A]
	value  backend.Reading[V]
	encode mapEncoders[A, V]
	forest forest[A, V]
	fam    *Family[*node[A, V]]
	roots  []Column[*node[A, V]]
	stamps *Ordered[A, int64] // of the same items: the times of their last writes; nil without a TTL
}

// AddOrdered adds a state of an ordered map from A to V a key. A is of a type that cmp.Ordered allows, or time.Time.
// Was are the names that the state had before.
func AddOrdered[A, V any, K comparable](
	s *Store[K], name string, item codec.Codec[A], value codec.Codec[V], was ...string,
) *Ordered[A, V] {
	o := newOrdered(&s.core, backend.State{Name: name, Was: was, Kind: backend.Ordered, Type: mapType[A, V]()}, item, value)
	s.add(o)
	return o
}

func newOrdered[A, V any](c *core, info backend.State, item codec.Codec[A], value codec.Codec[V]) *Ordered[A, V] {
	info.Item, info.Value, info.Reads = item.Schema(), value.Schema(), backend.ReadsEntries(item, value)
	info.Items, info.Values = backend.BoxedBy(item), backend.BoxedBy(value)
	o := &Ordered[A, V]{
		core: c, info: info, item: backend.Reading[A]{Codec: item}, value: backend.Reading[V]{Codec: value},
		encode: mapEncoders[A, V]{encoder(item), encoder(value)},
		forest: forest[A, V]{space: c.space, compare: comparison[A]()},
		fam:    NewFamily[*node[A, V]](c.space, nil, false),
	}
	o.roots = columns(c, o.fam)
	return o
}

// comparison returns the order of A, which is looked at by kind: a type such as time.Duration is an int64 in memory.
func comparison[A any]() func(a, b *A) int {
	t := reflect.TypeFor[A]()
	if t == reflect.TypeFor[time.Time]() {
		return comparing[A](func(a, b *time.Time) int { return a.Compare(*b) })
	}
	switch t.Kind() {
	case reflect.Int:
		return comparing[A](compare[int])
	case reflect.Int8:
		return comparing[A](compare[int8])
	case reflect.Int16:
		return comparing[A](compare[int16])
	case reflect.Int32:
		return comparing[A](compare[int32])
	case reflect.Int64:
		return comparing[A](compare[int64])
	case reflect.Uint:
		return comparing[A](compare[uint])
	case reflect.Uint8:
		return comparing[A](compare[uint8])
	case reflect.Uint16:
		return comparing[A](compare[uint16])
	case reflect.Uint32:
		return comparing[A](compare[uint32])
	case reflect.Uint64:
		return comparing[A](compare[uint64])
	case reflect.Uintptr:
		return comparing[A](compare[uintptr])
	case reflect.Float32:
		return comparing[A](compare[float32])
	case reflect.Float64:
		return comparing[A](compare[float64])
	case reflect.String:
		return comparing[A](func(a, b *string) int { return strings.Compare(*a, *b) })
	}
	panic(fmt.Sprintf("%v has no order", t)) // the handle's type does not allow it
}

func compare[T cmp.Ordered](a, b *T) int { return cmp.Compare(*a, *b) }

// comparing lends the order of T to A, which has the same memory.
func comparing[A, T any](f func(a, b *T) int) func(a, b *A) int {
	return func(a, b *A) int { return f((*T)(unsafe.Pointer(a)), (*T)(unsafe.Pointer(b))) }
}

// root is the tree of the key at hand, or nil.
func (o *Ordered[A, V]) root() *node[A, V] {
	if g, row, ok := o.core.known(); ok {
		return o.rootAt(g, row)
	}
	return nil
}

func (o *Ordered[A, V]) rootAt(g int, row uint32) *node[A, V] {
	root, _ := o.roots[g].Get(row)
	return root
}

// Get returns the value of an item, or the zero value.
func (o *Ordered[A, V]) Get(a A) V {
	v, _ := o.Lookup(a)
	return v
}

// Lookup returns the value of an item, and whether there is one.
func (o *Ordered[A, V]) Lookup(a A) (v V, ok bool) {
	if p := o.find(a); p != nil {
		return *p, true
	}
	return v, false
}

// Has says whether an item has a value.
func (o *Ordered[A, V]) Has(a A) bool { return o.find(a) != nil }

func (o *Ordered[A, V]) find(a A) *V {
	o.forest.a = a
	return o.forest.find(o.root(), &o.forest.a)
}

// Set sets the value of an item. What it refers to is not changed any more.
func (o *Ordered[A, V]) Set(a A, v V) {
	g, row := o.core.ensure()
	o.set(g, row, a, v)
}

func (o *Ordered[A, V]) set(g int, row uint32, a A, v V) (fresh bool) {
	old := o.rootAt(g, row)
	o.forest.a = a
	root, fresh := o.forest.set(old, &o.forest.a, v)
	o.roots[g].Set(row, root) // also where it is the same: what is below has changed
	return fresh
}

// Delete deletes an item, and says whether it had a value.
func (o *Ordered[A, V]) Delete(a A) bool {
	g, row, ok := o.core.known()
	return ok && o.delete(g, row, a)
}

func (o *Ordered[A, V]) delete(g int, row uint32, a A) bool {
	old := o.rootAt(g, row)
	o.forest.a = a
	root, ok := o.forest.delete(old, &o.forest.a)
	if ok {
		o.replace(g, row, root)
		if o.stamps != nil {
			o.stamps.delete(g, row, a)
		}
	}
	return ok
}

// DeleteRange deletes the items with from <= a < to.
func (o *Ordered[A, V]) DeleteRange(from, to A) {
	g, row, ok := o.core.known()
	f := &o.forest
	f.a, f.b = from, to
	if !ok || f.compare(&f.a, &f.b) >= 0 {
		return
	}
	if old := o.rootAt(g, row); old != nil {
		o.replace(g, row, f.deleteRange(old, bounds[A]{&f.a, &f.b}))
	}
	if o.stamps != nil {
		o.stamps.DeleteRange(from, to)
	}
}

// Clear forgets all items.
func (o *Ordered[A, V]) Clear() {
	g, row, ok := o.core.known()
	if !ok {
		return
	}
	if old := o.rootAt(g, row); old != nil {
		o.forest.changes++
		o.forest.graves = append(o.forest.graves, old)
		o.replace(g, row, nil)
	}
	if o.stamps != nil {
		o.stamps.Clear()
	}
}

// replace puts a tree that has changed in place of a key's, also where its root is the same.
func (o *Ordered[A, V]) replace(g int, row uint32, root *node[A, V]) {
	if root != nil {
		o.roots[g].Set(row, root)
		return
	}
	o.roots[g].Delete(row)
	o.core.loosen(g, row)
}

// First returns the first item and its value, and whether there is one.
func (o *Ordered[A, V]) First() (a A, v V, ok bool) {
	n := o.root()
	if n == nil {
		return a, v, false
	}
	for !n.leaf() {
		n = n.kids[0]
	}
	return n.keys[0], n.vals[0], true
}

// Last returns the last item and its value, and whether there is one.
func (o *Ordered[A, V]) Last() (a A, v V, ok bool) {
	n := o.root()
	if n == nil {
		return a, v, false
	}
	for !n.leaf() {
		n = n.kids[len(n.kids)-1]
	}
	last := len(n.keys) - 1
	return n.keys[last], n.vals[last], true
}

// AtMost returns the last item that is not greater than a and its value, and whether there is one.
func (o *Ordered[A, V]) AtMost(a A) (at A, v V, ok bool) {
	n := o.root()
	if n == nil {
		return at, v, false
	}
	o.forest.a = a
	if n = o.forest.atMost(n, &o.forest.a); n == nil {
		return at, v, false
	}
	i, equal := o.forest.search(n, &o.forest.a)
	if !equal {
		i--
	}
	return n.keys[i], n.vals[i], true
}

// Range goes through the items with from <= a < to, in order. Items may be set and deleted meanwhile: what is changed
// ahead is seen as it is then.
func (o *Ordered[A, V]) Range(from, to A) iter.Seq2[A, V] {
	return o.walk(bounds[A]{&from, &to})
}

// All goes through all items, like Range.
func (o *Ordered[A, V]) All() iter.Seq2[A, V] { return o.walk(bounds[A]{}) }

func (o *Ordered[A, V]) walk(b bounds[A]) iter.Seq2[A, V] {
	return func(yield func(A, V) bool) {
		if g, row, ok := o.core.known(); ok {
			o.forest.ascend(func() *node[A, V] { return o.rootAt(g, row) }, b, yield)
		}
	}
}

func (o *Ordered[A, V]) describe() backend.State    { return o.info }
func (o *Ordered[A, V]) has(g int, row uint32) bool { return o.roots[g].Has(row) }
func (o *Ordered[A, V]) reclaim() {
	o.forest.reclaim()
	if o.stamps != nil {
		o.stamps.forest.reclaim()
	}
}

func (o *Ordered[A, V]) lines(to []uintptr, places []uint64) []uintptr {
	for _, p := range places {
		to = o.roots[p>>32].Lines(to, uint32(p))
	}
	return to
}
