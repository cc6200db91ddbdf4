package heap_test

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/backend/heap"
)

// numbersByKind has states of each kind, with a TTL or without.
type numbersByKind struct {
	fixture[string]
	times *heap.Times
	value interface {
		Lookup() (int64, bool)
		Set(int64)
		Ref() *int64
		Clear()
	}
	list interface {
		Append(...int64)
		All() iter.Seq[int64]
		Len() int
	}
	items interface {
		Lookup(string) (int64, bool)
		Set(string, int64)
		All() iter.Seq2[string, int64]
	}
	ordered interface {
		Set(int64, int64)
		First() (int64, int64, bool)
		Last() (int64, int64, bool)
		All() iter.Seq2[int64, int64]
	}
	sum interface {
		Add(int64)
		Lookup() (int64, bool)
	}
}

func openNumbers(t testing.TB, ttl *backend.TTL, times heap.Times) *numbersByKind {
	s := newStore[string](t, nil)
	t.Cleanup(s.Close)
	k := &numbersByKind{fixture: s, times: &times}
	s.Follow(k.times)
	number, text := codec.Struct[int64](), codec.Struct[string]()
	first, add := func(a *int64, v int64) { *a = v }, func(a *int64, v int64) { *a += v }
	result := func(a *int64) int64 { return *a }
	if ttl == nil {
		k.value, k.list = heap.AddValue(s.Store, "value", number), heap.AddList(s.Store, "list", number)
		k.items, k.ordered = heap.AddMap(s.Store, "map", text, number), heap.AddOrdered(s.Store, "ordered", number, number)
		k.sum = heap.AddRunning(s.Store, "sum", backend.Reducing, number, first, add, result)
		return k
	}
	k.value, k.list = heap.AddValueTTL(s.Store, "value", *ttl, number), heap.AddListTTL(s.Store, "list", *ttl, number)
	k.items, k.ordered = heap.AddMapTTL(s.Store, "map", *ttl, text, number), heap.AddOrderedTTL(s.Store, "ordered", *ttl, number, number)
	k.sum = heap.AddRunningTTL(s.Store, "sum", backend.Reducing, *ttl, number, first, add, result)
	return k
}

// writeAt writes a number to all states of a key, by a record of some event time.
func (k *numbersByKind) writeAt(at int64, key string, v int64) {
	k.times.At = at
	k.at(key)
	k.value.Set(v)
	k.list.Append(v, v+1)
	k.items.Set("a", v)
	k.ordered.Set(v, v)
	k.sum.Add(v)
	k.End()
}

// readAt is what a record of some event time reads.
func (k *numbersByKind) readAt(at int64, key string) string {
	k.times.At = at
	k.at(key)
	defer k.End()
	text := ""
	add := func(name string, v int64, ok bool) {
		if ok {
			text += fmt.Sprint(name, " ", v, ", ")
		}
	}
	v, ok := k.value.Lookup()
	add("value", v, ok)
	if list := slices.Collect(k.list.All()); k.list.Len() != len(list) {
		text += fmt.Sprint("length ", k.list.Len(), " of ")
	} else if len(list) > 0 {
		text += fmt.Sprint("list ", list, ", ")
	}
	v, ok = k.items.Lookup("a")
	add("map", v, ok)
	for a, v := range k.ordered.All() {
		add("ordered", a+v, true)
	}
	v, ok = k.sum.Lookup()
	add("sum", v, ok)
	return text
}

func ttl(after int64, of string) *backend.TTL {
	return &backend.TTL{After: time.Duration(after), Time: of}
}

const fives = "value 5, list [5 6], map 5, ordered 10, sum 5, "

// What is written is seen for so long, by records on time, late ones and early ones, freed or not.
func TestTTL(t *testing.T) {
	const none = ""
	for _, c := range []struct {
		name                       string
		written, passedThen        int64
		read, passedNow, renewedAt int64
		onRead, visible            bool
		want                       string
	}{
		{"on time", 1000, 900, 1099, 950, 0, false, false, fives},
		{"one too late", 1000, 900, 1100, 950, 0, false, false, none},
		{"a reader before", 1000, 900, 950, 910, 0, false, false, fives},
		{"a late reader", 1000, 900, 1050, 1100, 0, false, false, none},
		{"a late reader, not yet", 1000, 900, 1050, 1099, 0, false, false, fives},
		{"a late writer", 500, 900, 950, 999, 0, false, false, fives},
		{"a late writer, expired", 500, 900, 950, 1000, 0, false, false, none},
		{"renewed", 1000, 900, 1149, 950, 1050, true, false, fives},
		{"renewed too late", 1000, 900, 1150, 950, 1100, true, false, none},
		{"renewed long ago", 1000, 900, 1150, 950, 1050, true, false, none},
		{"not renewed", 1000, 900, 1149, 950, 1050, false, false, none},
		{"visible", 1000, 900, 5000, 1099, 0, false, true, fives},
		{"visible, freed", 1000, 900, 5000, 1100, 0, false, true, none},
		{"before 1970", -1000, -2000, -901, -950, 0, false, false, fives},
		{"before 1970, expired", -1000, -2000, -900, -950, 0, false, false, none},
		{"without a time", math.MinInt64, math.MinInt64, 5000, 5000, 0, false, false, fives},
	} {
		spec := *ttl(100, backend.EventTime)
		spec.OnRead, spec.Visible = c.onRead, c.visible
		k := openNumbers(t, &spec, heap.Times{Passed: c.passedThen})
		k.writeAt(c.written, "k", 5)
		if c.renewedAt != 0 {
			k.readAt(c.renewedAt, "k")
		}
		k.times.Passed = c.passedNow
		for range 10 {
			k.End() // the sweep comes by
		}
		if got := k.readAt(c.read, "k"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A write in place begins anew where what was there has expired, and a write that comes late does not make the last one earlier.
func TestTTLWrites(t *testing.T) {
	k := openNumbers(t, ttl(100, backend.EventTime), heap.Times{Passed: 0})
	k.writeAt(10, "k", 5)
	k.writeAt(60, "k", 5)
	if got, want := k.readAt(159, "k"), "value 5, list [5 6], map 5, ordered 10, sum 10, "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	k.times.At = 160
	k.at("k")
	if p := k.value.Ref(); *p != 0 {
		t.Errorf("a value that has expired is %d to begin with", *p)
	}
	k.sum.Add(7)
	k.End()
	k.writeAt(40, "k", 1) // behind
	if got, want := k.readAt(259, "k"), "value 1, sum 8, "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A snapshot is taken over by a state with another TTL.
func TestTTLTakenOver(t *testing.T) {
	event, processing := backend.EventTime, backend.ProcessingTime
	const none = ""
	for _, c := range []struct {
		name     string
		was, is  *backend.TTL
		passed   int64 // when it is restored; the wall says 7000
		read     int64
		wall     int64
		want     string
		restored bool
	}{
		{"the same", ttl(100, event), ttl(100, event), 1000, 1049, 0, fives, true},
		{"the same, later", ttl(100, event), ttl(100, event), 1000, 1050, 0, none, true},
		{"the same, expired", ttl(100, event), ttl(100, event), 1050, 1050, 0, none, false},
		{"longer", ttl(100, event), ttl(500, event), 1200, 1449, 0, fives, true},
		{"shorter", ttl(100, event), ttl(10, event), 960, 965, 0, none, false},
		{"none before", nil, ttl(100, event), 1000, 1099, 0, fives, true},
		{"none before, later", nil, ttl(100, event), 1000, 1100, 0, none, true},
		{"none after", ttl(100, event), nil, 1e6, 1e6, 1e6, fives, true},
		{"by the clock", ttl(100, event), ttl(100, processing), 1e6, 1e6, 7099, fives, true},
		{"by the clock, later", ttl(100, event), ttl(100, processing), 1e6, 1e6, 7100, none, true},
		{"by the clock before", ttl(100, processing), ttl(100, event), 1000, 1099, 1e6, fives, true},
	} {
		from := openNumbers(t, c.was, heap.Times{Passed: 900, Wall: 5000})
		from.writeAt(950, "k", 5)
		z := from.Snapshot(backend.Request{})
		m := persist(t, z)
		to := openNumbers(t, c.is, heap.Times{At: math.MinInt64, Passed: c.passed, Wall: 7000})
		for _, s := range from.States() {
			for g := range 4 {
				if err := to.Restore(s, s.Name, g, backendtest.Read(m.Entries(s.Name, g)...)); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
			}
		}
		restored := false
		if err := to.EachKey(func(string) error { restored = true; return nil }); err != nil || restored != c.restored {
			t.Errorf("%s: restored is %v: %v", c.name, restored, err)
		}
		to.times.Wall = c.wall
		if got := to.readAt(c.read, "k"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// What has expired is freed without being read, and its rows are used again: memory does not grow with keys that never come again.
func TestTTLFrees(t *testing.T) {
	budget := heap.NewBudget(0)
	s := newStore[int64](t, budget)
	times := heap.Times{}
	s.Follow(&times)
	v := heap.AddValueTTL(s.Store, "v", *ttl(1000, backend.EventTime), codec.Struct[int64]())
	l := heap.AddListTTL(s.Store, "l", *ttl(1000, backend.EventTime), codec.Struct[int64]())
	keys, hashes := make([]int64, 128), make([]uint64, 128)
	var after1, after9 int64
	for n := int64(0); n < 100_000; n += 128 {
		for i := range keys {
			keys[i] = n + int64(i)
		}
		s.keys.HashAll(keys, hashes)
		s.Begin(keys, hashes)
		for i := range keys {
			s.Select(i)
			times.At = n + int64(i)
			v.Set(1)
			l.Append(1, 2)
		}
		times.Passed = n
		s.End()
		if n < 10_000 {
			after1 = budget.UsedBytes()
		}
		after9 = budget.UsedBytes()
	}
	if after9 > after1*3/2 {
		t.Errorf("%d bytes, and %d after ten times as many keys", after1, after9)
	}
	left := 0
	if err := s.EachKey(func(int64) error { left++; return nil }); err != nil || left < 1000 || left > 2000 {
		t.Errorf("%d keys are left: %v", left, err)
	}
	if freed := s.Expired(); freed+3*int64(left) < 300_000-256 || freed > 300_000 {
		t.Errorf("%d values were freed, and %d keys are left", freed, left)
	}
	s.Close()
}

// The entries of a large map that was cleared expire while they are still there; they are not those of the map that came after.
func TestTTLClearedMap(t *testing.T) {
	s := newStore[string](t, nil)
	defer s.Close()
	times := heap.Times{}
	s.Follow(&times)
	number := codec.Struct[int64]()
	m := heap.AddMapTTL(s.Store, "m", *ttl(100, backend.EventTime), number, number)
	s.at("k")
	for i := range int64(5000) {
		m.Set(i, i)
	}
	times.At = 90
	m.Clear()
	m.Set(7, 8)
	m.Set(8, 9)
	times.Passed = 100
	for range 40 {
		s.End()
	}
	if s.at("k"); m.Get(7) != 8 || m.Get(8) != 9 || s.Expired() != 0 {
		t.Errorf("%d and %d, %d expired", m.Get(7), m.Get(8), s.Expired())
	}
	m.Delete(7)
	s.End()
	if s.at("k"); m.Has(7) || m.Get(8) != 9 {
		t.Errorf("after 7 was deleted: %v, %d", m.Has(7), m.Get(8))
	}
	s.End()
}

func TestTTLNoAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("make invariants counts allocations, without the race detector")
	}
	for _, spec := range backendtest.TTLs {
		spec.After *= 10
		noAllocationsTTL(t, spec)
	}
}

func noAllocationsTTL(t *testing.T, spec backend.TTL) {
	s := newStore[string](t, nil)
	times := heap.Times{}
	s.Follow(&times)
	number, text := codec.Struct[int64](), codec.Struct[string]()
	value := heap.AddValueTTL(s.Store, "value", spec, number)
	list := heap.AddListTTL(s.Store, "list", spec, number)
	items := heap.AddMapTTL(s.Store, "map", spec, text, number)
	sorted := heap.AddOrderedTTL(s.Store, "ordered", spec, number, number)
	add := func(a *int64, v int64) { *a += v }
	sum := heap.AddRunningTTL(s.Store, "sum", backend.Reducing, spec, number, add, add, func(a *int64) int64 { return *a })
	keys, hashes := make([]string, 512), make([]uint64, 512)
	for i := range keys {
		keys[i] = strconv.Itoa(i * i % 700)
	}
	s.keys.HashAll(keys, hashes)
	batch := func() {
		s.Begin(keys, hashes)
		for i := range keys {
			times.At++
			s.Select(i)
			value.Set(value.Get() + 1)
			*value.Ref() += 2
			list.Append(times.At)
			items.Set("a", times.At)
			items.Set("b", items.Get("a"))
			sorted.Set(times.At%50, times.At)
			_, last, _ := sorted.Last()
			sum.Add(last)
			if _, ok := sum.Lookup(); !ok || list.Len() >= 100 {
				list.Clear()
			}
		}
		times.Passed, times.Wall = times.At, times.At
		s.End()
	}
	for range 200 {
		batch()
	}
	if n := testing.AllocsPerRun(50, batch); n > 0 {
		t.Errorf("%v: a batch of %d records makes %v allocations", &spec, len(keys), n)
	}
}
