// Package state has the handles of keyed state. An operator's constructor makes them:
//
//	last := op.Value[time.Time]("last")
//
// A handle always speaks of the key of the record (or timer) at hand, and is used from the operator's callbacks only.
// Its methods return no error: a backend that fails ends the attempt, which restarts from the last checkpoint.
//
// What is absent differs from what is zero: Get returns the zero value for both, Lookup tells them apart.
//
// Values that hold references (slices, maps, pointers) are shared with what the state holds: a value that was got or
// set is not changed any more. To change one, Set a changed copy, or change it through [Value.Ref].
package state

import (
	"cmp"
	"iter"
	"time"

	"leat.dev/leat/internal/backend/heap"
)

// Value is one V a key; one for each window of a key with [PerWindow].
type Value[V any] struct {
	c *heap.Value[V]
	o otherValue[V] // in place of c, with PerWindow or a TTL
}

// otherValue is a value that is not simply there until it is cleared.
type otherValue[V any] interface {
	Get() V
	Lookup() (V, bool)
	Has() bool
	Ref() *V
	Set(V)
	Clear()
}

// MakeValue is for the engine.
func MakeValue[V any](c *heap.Value[V]) *Value[V] { return &Value[V]{c: c} }

// MakeValueTTL is for the engine.
func MakeValueTTL[V any](c *heap.ValueTTL[V]) *Value[V] { return &Value[V]{o: c} }

// Get returns the value, or the zero value.
func (s *Value[V]) Get() V {
	if s.o != nil {
		return s.o.Get()
	}
	return s.c.Get()
}

// Lookup also says whether there is a value.
func (s *Value[V]) Lookup() (V, bool) {
	if s.o != nil {
		return s.o.Lookup()
	}
	return s.c.Lookup()
}

// Has says whether there is a value.
func (s *Value[V]) Has() bool {
	if s.o != nil {
		return s.o.Has()
	}
	return s.c.Has()
}

// Ref returns the value for changing in place, what it refers to included, until the callback returns. A value that
// was absent is present from then on, and zero to begin with.
func (s *Value[V]) Ref() *V {
	if s.o != nil {
		return s.o.Ref()
	}
	return s.c.Ref()
}

// Set sets the value.
func (s *Value[V]) Set(v V) {
	if s.o != nil {
		s.o.Set(v)
		return
	}
	s.c.Set(v)
}

// Clear forgets the value.
func (s *Value[V]) Clear() {
	if s.o != nil {
		s.o.Clear()
		return
	}
	s.c.Clear()
}

// List is a list a key; appending does not read.
type List[V any] struct {
	c *heap.List[V]
	t *heap.ListTTL[V] // in place of c, with a TTL
}

// MakeList is for the engine.
func MakeList[V any](c *heap.List[V]) *List[V] { return &List[V]{c: c} }

// MakeListTTL is for the engine.
func MakeListTTL[V any](c *heap.ListTTL[V]) *List[V] { return &List[V]{t: c} }

// Append appends.
func (s *List[V]) Append(v ...V) {
	if s.c == nil {
		s.t.Append(v...)
		return
	}
	s.c.Append(v...)
}

// All goes through the list in order. Values that are appended meanwhile are not seen; Clear ends it.
func (s *List[V]) All() iter.Seq[V] {
	if s.c == nil {
		return s.t.All()
	}
	return s.c.All()
}

// Len is the length, 0 for a list that is absent.
func (s *List[V]) Len() int {
	if s.c == nil {
		return s.t.Len()
	}
	return s.c.Len()
}

// Has says whether the list has any values.
func (s *List[V]) Has() bool {
	if s.c == nil {
		return s.t.Len() > 0
	}
	return s.c.Len() > 0
}

// Clear forgets the list.
func (s *List[V]) Clear() {
	if s.c == nil {
		s.t.Clear()
		return
	}
	s.c.Clear()
}

// Map is a map a key. However large one key's map is, a snapshot of it halts nothing.
type Map[A comparable, V any] struct {
	c *heap.Map[A, V]
	t *heap.MapTTL[A, V] // in place of c, with a TTL
}

// MakeMap is for the engine.
func MakeMap[A comparable, V any](c *heap.Map[A, V]) *Map[A, V] { return &Map[A, V]{c: c} }

// MakeMapTTL is for the engine.
func MakeMapTTL[A comparable, V any](c *heap.MapTTL[A, V]) *Map[A, V] { return &Map[A, V]{t: c} }

// Get returns an entry, or the zero value.
func (s *Map[A, V]) Get(a A) V {
	if s.c == nil {
		return s.t.Get(a)
	}
	return s.c.Get(a)
}

// Lookup also says whether there is an entry.
func (s *Map[A, V]) Lookup(a A) (V, bool) {
	if s.c == nil {
		return s.t.Lookup(a)
	}
	return s.c.Lookup(a)
}

// Has says whether there is an entry.
func (s *Map[A, V]) Has(a A) bool {
	if s.c == nil {
		return s.t.Has(a)
	}
	return s.c.Has(a)
}

// Set sets an entry.
func (s *Map[A, V]) Set(a A, v V) {
	if s.c == nil {
		s.t.Set(a, v)
		return
	}
	s.c.Set(a, v)
}

// Delete deletes an entry.
func (s *Map[A, V]) Delete(a A) {
	if s.c == nil {
		s.t.Delete(a)
		return
	}
	s.c.Delete(a)
}

// All goes through the map in no order. Entries may be set and deleted meanwhile, as with Go's maps: one that is deleted
// before its turn is not seen, one that is added may or may not be.
func (s *Map[A, V]) All() iter.Seq2[A, V] {
	if s.c == nil {
		return s.t.All()
	}
	return s.c.All()
}

// Clear forgets the map.
func (s *Map[A, V]) Clear() {
	if s.c == nil {
		s.t.Clear()
		return
	}
	s.c.Clear()
}

// Sortable is what an [Ordered] can be ordered by. NaN comes before all other numbers. Times are ordered by instant:
// the same instant in two time zones is one entry, and keeps the zone in which it was set first.
type Sortable interface{ cmp.Ordered | time.Time }

// Ordered is a map a key, in order.
type Ordered[A Sortable, V any] struct {
	c *heap.Ordered[A, V]
	t *heap.OrderedTTL[A, V] // in place of c, with a TTL
}

// MakeOrdered is for the engine.
func MakeOrdered[A Sortable, V any](c *heap.Ordered[A, V]) *Ordered[A, V] {
	return &Ordered[A, V]{c: c}
}

// MakeOrderedTTL is for the engine.
func MakeOrderedTTL[A Sortable, V any](c *heap.OrderedTTL[A, V]) *Ordered[A, V] {
	return &Ordered[A, V]{t: c}
}

// Get returns an entry, or the zero value.
func (s *Ordered[A, V]) Get(a A) V {
	if s.c == nil {
		return s.t.Get(a)
	}
	return s.c.Get(a)
}

// Lookup also says whether there is an entry.
func (s *Ordered[A, V]) Lookup(a A) (V, bool) {
	if s.c == nil {
		return s.t.Lookup(a)
	}
	return s.c.Lookup(a)
}

// Has says whether there is an entry.
func (s *Ordered[A, V]) Has(a A) bool {
	if s.c == nil {
		return s.t.Has(a)
	}
	return s.c.Has(a)
}

// Set sets an entry.
func (s *Ordered[A, V]) Set(a A, v V) {
	if s.c == nil {
		s.t.Set(a, v)
		return
	}
	s.c.Set(a, v)
}

// Delete deletes an entry.
func (s *Ordered[A, V]) Delete(a A) {
	if s.c == nil {
		s.t.Delete(a)
		return
	}
	s.c.Delete(a)
}

// First returns the first entry; the last result says whether there is one.
func (s *Ordered[A, V]) First() (A, V, bool) {
	if s.c == nil {
		return s.t.First()
	}
	return s.c.First()
}

// Last returns the last entry; the last result says whether there is one.
func (s *Ordered[A, V]) Last() (A, V, bool) {
	if s.c == nil {
		return s.t.Last()
	}
	return s.c.Last()
}

// Range goes through the entries with from <= a < to, in order. Entries may be set and deleted meanwhile; what lies
// ahead is seen as it is then.
func (s *Ordered[A, V]) Range(from, to A) iter.Seq2[A, V] {
	if s.c == nil {
		return s.t.Range(from, to)
	}
	return s.c.Range(from, to)
}

// All goes through all entries, like Range.
func (s *Ordered[A, V]) All() iter.Seq2[A, V] {
	if s.c == nil {
		return s.t.All()
	}
	return s.c.All()
}

// DeleteRange deletes the entries with from <= a < to. It takes no longer for many than for a few.
func (s *Ordered[A, V]) DeleteRange(from, to A) {
	if s.c == nil {
		s.t.DeleteRange(from, to)
		return
	}
	s.c.DeleteRange(from, to)
}

// Clear forgets all.
func (s *Ordered[A, V]) Clear() {
	if s.c == nil {
		s.t.Clear()
		return
	}
	s.c.Clear()
}

// Running is the result of an aggregator or a reduce function over all that was added.
type Running[T, V any] struct{ c running[T, V] }

// running is a heap.Running without its accumulator's type, which users don't see.
type running[T, V any] interface {
	Add(T)
	Lookup() (V, bool)
	Has() bool
	Clear()
}

// MakeRunning is for the engine.
func MakeRunning[T, A, V any](c *heap.Running[T, A, V]) *Running[T, V] { return &Running[T, V]{c} }

// MakeRunningTTL is for the engine.
func MakeRunningTTL[T, A, V any](c *heap.RunningTTL[T, A, V]) *Running[T, V] {
	return &Running[T, V]{c}
}

// Add adds a record.
func (s *Running[T, V]) Add(t T) { s.c.Add(t) }

// Get returns the result so far, or the zero value before the first record.
func (s *Running[T, V]) Get() V {
	v, _ := s.c.Lookup()
	return v
}

// Lookup also says whether anything was added.
func (s *Running[T, V]) Lookup() (V, bool) { return s.c.Lookup() }

// Has says whether anything was added.
func (s *Running[T, V]) Has() bool { return s.c.Has() }

// Clear forgets it.
func (s *Running[T, V]) Clear() { s.c.Clear() }
