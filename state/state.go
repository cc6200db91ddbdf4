// Package state has the handles of keyed state. An operator's constructor makes them:
//
//	last := op.Value[time.Time]("last")
//
// A handle always speaks of the key of the record, timer or pane at hand. Its methods return no error: a backend that
// fails ends the attempt. Handles belong to their operator's subtask, and to its goroutine.
//
// Absent differs from zero: Get returns the zero value of what is absent, Lookup says which it is. A key without any
// state costs nothing.
//
// # Values that hold slices, maps or pointers
//
// What was Set, or was got, is immutable: change a copy and Set that, or change it in place through Ref.
package state

import (
	"cmp"
	"iter"
	"time"

	"leat.dev/leat/internal/backend/heap"
)

// Value is one V a key.
type Value[V any] struct{ v *heap.Value[V] }

// MakeValue makes a handle; operators do it.
func MakeValue[V any](v *heap.Value[V]) *Value[V] { return &Value[V]{v} }

// Get returns the value, or the zero value.
func (s *Value[V]) Get() V { return s.v.Get() }

// Lookup also says whether there is a value.
func (s *Value[V]) Lookup() (V, bool) { return s.v.Lookup() }

// Ref returns the value for changing in place, until the callback returns. There is a value from then on.
func (s *Value[V]) Ref() *V { return s.v.Ref() }

// Set sets the value.
func (s *Value[V]) Set(v V) { s.v.Set(v) }

// Clear forgets the value.
func (s *Value[V]) Clear() { s.v.Clear() }

// List is a list a key; appending does not read.
type List[V any] struct{ l *heap.List[V] }

// MakeList makes a handle; operators do it.
func MakeList[V any](l *heap.List[V]) *List[V] { return &List[V]{l} }

// Append appends.
func (s *List[V]) Append(v ...V) { s.l.Append(v...) }

// All goes through the list in order. What is appended meanwhile may or may not come.
func (s *List[V]) All() iter.Seq[V] { return s.l.All() }

// Len is the length.
func (s *List[V]) Len() int { return s.l.Len() }

// Clear forgets the list.
func (s *List[V]) Clear() { s.l.Clear() }

// Map is a map a key.
type Map[A comparable, V any] struct{ m *heap.Map[A, V] }

// MakeMap makes a handle; operators do it.
func MakeMap[A comparable, V any](m *heap.Map[A, V]) *Map[A, V] { return &Map[A, V]{m} }

// Get returns an entry, or the zero value.
func (s *Map[A, V]) Get(a A) V { return s.m.Get(a) }

// Lookup also says whether there is an entry.
func (s *Map[A, V]) Lookup(a A) (V, bool) { return s.m.Lookup(a) }

// Set sets an entry.
func (s *Map[A, V]) Set(a A, v V) { s.m.Set(a, v) }

// Delete deletes an entry.
func (s *Map[A, V]) Delete(a A) { s.m.Delete(a) }

// All goes through the map in no order. As with Go's maps, entries may be set and deleted meanwhile.
func (s *Map[A, V]) All() iter.Seq2[A, V] { return s.m.All() }

// Clear forgets the map.
func (s *Map[A, V]) Clear() { s.m.Clear() }

// Sortable is what an [Ordered] can be ordered by.
type Sortable interface{ cmp.Ordered | time.Time }

// Ordered is a map a key, in order.
type Ordered[A Sortable, V any] struct{ o *heap.Ordered[A, V] }

// MakeOrdered makes a handle; operators do it.
func MakeOrdered[A Sortable, V any](o *heap.Ordered[A, V]) *Ordered[A, V] { return &Ordered[A, V]{o} }

// Get returns an entry, or the zero value.
func (s *Ordered[A, V]) Get(a A) V { return s.o.Get(a) }

// Lookup also says whether there is an entry.
func (s *Ordered[A, V]) Lookup(a A) (V, bool) { return s.o.Lookup(a) }

// Set sets an entry.
func (s *Ordered[A, V]) Set(a A, v V) { s.o.Set(a, v) }

// Delete deletes an entry.
func (s *Ordered[A, V]) Delete(a A) { s.o.Delete(a) }

// First returns the first entry; ok is false if there is none.
func (s *Ordered[A, V]) First() (a A, v V, ok bool) { return s.o.First() }

// Last returns the last entry; ok is false if there is none.
func (s *Ordered[A, V]) Last() (a A, v V, ok bool) { return s.o.Last() }

// Range goes through the entries with from <= a < to, in order.
func (s *Ordered[A, V]) Range(from, to A) iter.Seq2[A, V] { return s.o.Range(from, to) }

// All goes through all entries, in order.
func (s *Ordered[A, V]) All() iter.Seq2[A, V] { return s.o.All() }

// DeleteRange deletes the entries with from <= a < to.
func (s *Ordered[A, V]) DeleteRange(from, to A) { s.o.DeleteRange(from, to) }

// Clear forgets all.
func (s *Ordered[A, V]) Clear() { s.o.Clear() }

// Running is the result of an aggregator or a reduce function over all that was added.
type Running[T, V any] struct{ r accumulator[T, V] }

// accumulator is a heap.Running, whose accumulator's type users need not know.
type accumulator[T, V any] interface {
	Add(T)
	Get() V
	Lookup() (V, bool)
	Clear()
}

// MakeRunning makes a handle; operators do it.
func MakeRunning[T, A, V any](r *heap.Running[T, A, V]) *Running[T, V] { return &Running[T, V]{r} }

// Add adds a record.
func (s *Running[T, V]) Add(t T) { s.r.Add(t) }

// Get returns the result so far, or the zero value.
func (s *Running[T, V]) Get() V { return s.r.Get() }

// Lookup also says whether anything was added.
func (s *Running[T, V]) Lookup() (V, bool) { return s.r.Lookup() }

// Clear forgets it.
func (s *Running[T, V]) Clear() { s.r.Clear() }
