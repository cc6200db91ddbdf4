// Package heaptest makes stores for the suite of all backends.
package heaptest

import (
	"iter"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/backend/heap"
)

// States adds the states of the suite to a store.
func States[K comparable](s *heap.Store[K]) *backendtest.Store[K] {
	number, text, numbers := codec.Struct[int64](), codec.Struct[string](), codec.Struct[[]int64]()
	b := &backendtest.Store[K]{
		Keyed: s, Cursor: s, Close: s.Close,
		Value:   heap.AddValue(s, "value", number),
		Shared:  heap.AddValue(s, "shared", numbers),
		List:    list{heap.AddList(s, "list", text)},
		Map:     items[string]{heap.AddMap(s, "map", text, number)},
		Ordered: ordered{heap.AddOrdered(s, "ordered", number, number)},
		Sum: heap.AddRunning(s, "reducing", backend.Reducing, number,
			func(a *int64, v int64) { *a = v }, func(a *int64, v int64) { *a += v }, func(a *int64) int64 { return *a }),
	}
	add := func(a *[]int64, v int64) { *a = backendtest.AddRecent(*a, v) }
	b.Recent = heap.AddRunning(s, "aggregating", backend.Aggregating, numbers, add, add, sumOf)
	b.Timer = s.AddTimer("timer", heap.Event, func(at int64) error { return b.Fired("", at) })
	b.Timers = heap.AddTimers(s, "timers", heap.Event, text, func(item string, at int64) error { return b.Fired(item, at) })
	for i, ttl := range backendtest.TTLs {
		b.TTL = append(b.TTL, expiring(s, i, ttl))
	}
	var times heap.Times
	s.Follow(&times)
	b.Times = func(at, passed, wall int64) { times = heap.Times{At: at, Passed: passed, Wall: wall} }
	b.Fire = func(upTo int64, limit int) (bool, error) { return s.Fire(heap.Event, upTo, limit) }
	return b
}

// expiring adds states with a TTL.
func expiring[K comparable](s *heap.Store[K], i int, ttl backend.TTL) backendtest.Expiring {
	number, text, numbers := codec.Struct[int64](), codec.Struct[string](), codec.Struct[[]int64]()
	name := func(name string) string { return backendtest.TTLName(name, i) }
	add := func(a *[]int64, v int64) { *a = backendtest.AddRecent(*a, v) }
	return backendtest.Expiring{
		Value:   heap.AddValueTTL(s, name("value"), ttl, number),
		Shared:  heap.AddValueTTL(s, name("shared"), ttl, numbers),
		List:    listTTL{heap.AddListTTL(s, name("list"), ttl, text)},
		Map:     itemsTTL[string]{heap.AddMapTTL(s, name("map"), ttl, text, number)},
		Ordered: orderedTTL{heap.AddOrderedTTL(s, name("ordered"), ttl, number, number)},
		Sum: heap.AddRunningTTL(s, name("reducing"), backend.Reducing, ttl, number,
			func(a *int64, v int64) { *a = v }, func(a *int64, v int64) { *a += v }, func(a *int64) int64 { return *a }),
		Recent: heap.AddRunningTTL(s, name("aggregating"), backend.Aggregating, ttl, numbers, add, add, sumOf),
	}
}

func sumOf(a *[]int64) (sum int64) {
	for _, v := range *a {
		sum += v
	}
	return sum
}

// The suite speaks of plain functions where the states speak of iter.Seq.
type list struct{ *heap.List[string] }

func (l list) All() func(func(string) bool) { return l.List.All() }

type items[A comparable] struct{ *heap.Map[A, int64] }

func (m items[A]) All() func(func(A, int64) bool) { return m.Map.All() }

type ordered struct{ *heap.Ordered[int64, int64] }

func (o ordered) All() func(func(int64, int64) bool) { return o.Ordered.All() }
func (o ordered) Range(from, to int64) func(func(int64, int64) bool) {
	return o.Ordered.Range(from, to)
}

type listTTL struct{ *heap.ListTTL[string] }

func (l listTTL) All() func(func(string) bool) { return l.ListTTL.All() }

type itemsTTL[A comparable] struct{ *heap.MapTTL[A, int64] }

func (m itemsTTL[A]) All() func(func(A, int64) bool) { return m.MapTTL.All() }

type orderedTTL struct{ *heap.OrderedTTL[int64, int64] }

func (o orderedTTL) All() func(func(int64, int64) bool) { return o.OrderedTTL.All() }
func (o orderedTTL) Range(from, to int64) func(func(int64, int64) bool) {
	return o.OrderedTTL.Range(from, to)
}

var _ iter.Seq[string] = list{}.All()
