package heap_test

import (
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/backend/heap/heaptest"
	"leat.dev/leat/internal/keygroup"
)

// fixture is a store of all key groups and its keys.
type fixture[K comparable] struct {
	*heap.Store[K]
	keys *keygroup.Keys[K]
}

func newStore[K comparable](t testing.TB, b *heap.Budget) fixture[K] {
	keys := derive[K](t)
	return fixture[K]{heap.New(heap.Config{From: 0, To: 4, Max: 4, Budget: b}, keys), keys}
}

func (f fixture[K]) at(key K) { f.SelectKey(key, f.keys.Hash(key)) }

func persist(t testing.TB, z backend.Snapshot) *backendtest.Memory {
	t.Helper()
	m := backendtest.NewMemory()
	if err := z.Persist(m); err != nil {
		t.Fatal(err)
	}
	z.Release()
	return m
}

// entries are the values of a state in a snapshot, by key.
func entries[K comparable](t testing.TB, f fixture[K], m *backendtest.Memory, state string) map[K]string {
	t.Helper()
	out := map[K]string{}
	for g := range 4 {
		for _, e := range m.Entries(state, g) {
			key, err := f.keys.Decode(e.Key)
			if err != nil {
				t.Fatal(err)
			}
			out[key] = string(e.Value)
		}
	}
	return out
}

func TestNewKeyTwiceInABatchIsOneRow(t *testing.T) {
	s := newStore[string](t, nil)
	v := heap.AddValue(s.Store, "v", codec.Struct[int]())
	keys := []string{"a", "b", "a", "a"}
	hashes := make([]uint64, len(keys))
	s.keys.HashAll(keys, hashes)
	s.Begin(keys, hashes)
	for i := range keys {
		s.Select(i)
		v.Set(v.Get() + 1)
		if s.Hash() != hashes[i] || s.Key() != keys[i] || s.Group() != keygroup.Of(hashes[i], 4) {
			t.Errorf("record %d: key %q, group %d", i, s.Key(), s.Group())
		}
	}
	s.End()
	count := map[string]int{}
	if err := s.EachKey(func(k string) error { count[k] = v.Get(); return nil }); err != nil {
		t.Fatal(err)
	}
	if count["a"] != 3 || count["b"] != 1 || len(count) != 2 {
		t.Errorf("counts are %v", count)
	}
	stop := errors.New("stop")
	if err := s.EachKey(func(string) error { return stop }); err != stop {
		t.Error(err)
	}
}

func TestLookingCostsNoRow(t *testing.T) {
	b := heap.NewBudget(0)
	s := newStore[int64](t, b)
	v := heap.AddValue(s.Store, "v", codec.Struct[int64]())
	s.at(0)
	v.Set(1)
	s.End()
	before := b.UsedBytes()
	for k := range int64(10_000) {
		s.at(k)
		v.Get()
		v.Clear()
		s.End()
	}
	if used := b.UsedBytes(); used != before {
		t.Errorf("looking at keys took %d bytes", used-before)
	}
}

func TestRowsAreReused(t *testing.T) {
	b := heap.NewBudget(0)
	s := newStore[int64](t, b)
	v := heap.AddValue(s.Store, "v", codec.Struct[int64]())
	m := heap.AddMap(s.Store, "m", codec.Struct[int64](), codec.Struct[int64]())
	l := heap.AddList(s.Store, "l", codec.Struct[int64]())
	timers := heap.AddTimers(s.Store, "t", heap.Event, codec.Struct[int64](), func(int64, int64) error { return nil })
	var before int64
	for k := range int64(20_000) {
		s.at(k)
		v.Set(k)
		for i := range int64(20) {
			m.Set(i, k)
			l.Append(i)
		}
		timers.At(k, k)
		s.End()
		s.at(k)
		v.Clear()
		m.Clear()
		l.Clear()
		timers.Stop(k)
		s.End()
		if k == 5_000 {
			before = b.UsedBytes()
		}
	}
	if used := b.UsedBytes(); used > before+64<<10 {
		t.Errorf("one key at a time takes %d bytes, and %d after many", before, used)
	}
}

// A row that is freed and used again while a snapshot is in flight shows its old key and value there.
func TestRowReuseUnderASnapshot(t *testing.T) {
	s := newStore[string](t, nil)
	v := heap.AddValue(s.Store, "v", codec.Struct[int64]())
	for i := range 100 {
		s.at("old" + strconv.Itoa(i))
		v.Set(int64(i))
	}
	s.End()
	z := s.Snapshot(backend.Request{})
	for i := range 100 {
		s.at("old" + strconv.Itoa(i))
		v.Clear()
		s.End()
		s.at("new" + strconv.Itoa(i))
		v.Set(-1)
		s.End()
	}
	got := entries(t, s, persist(t, z), "v")
	for i := range 100 {
		if want := string(encode(t, int64(i))); got["old"+strconv.Itoa(i)] != want {
			t.Fatalf("old%d is %x, want %x", i, got["old"+strconv.Itoa(i)], want)
		}
	}
	if len(got) != 100 {
		t.Errorf("the snapshot has %d entries, want 100", len(got))
	}
	if now := entries(t, s, persist(t, s.Snapshot(backend.Request{})), "v"); len(now) != 100 || now["new7"] == "" {
		t.Errorf("the next snapshot has %d entries", len(now))
	}
}

func encode[V any](t testing.TB, v V) []byte {
	t.Helper()
	b, err := codec.Struct[V]().Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Memory that a frozen value refers to may change through Ref: each snapshot in flight has the value of its time.
func TestRefUnderSnapshots(t *testing.T) {
	s := newStore[string](t, nil)
	v := heap.AddValue(s.Store, "v", codec.Struct[[]int64]())
	set := func(n int64) {
		s.at("a")
		p := v.Ref()
		if *p == nil {
			*p = make([]int64, 3)
		}
		(*p)[1] = n
		s.End()
	}
	set(1)
	first := s.Snapshot(backend.Request{})
	second := s.Snapshot(backend.Request{})
	set(2)
	third := s.Snapshot(backend.Request{})
	s.at("a")
	v.Set(append(v.Get(), 9)) // shares memory with the frozen values
	s.End()
	set(3)
	for i, z := range []backend.Snapshot{third, first, second} {
		want := []int64{0, int64([]int{2, 1, 1}[i]), 0}
		if got := entries(t, s, persist(t, z), "v"); got["a"] != string(encode(t, want)) {
			t.Errorf("snapshot %d has %x, want %v", i, got["a"], want)
		}
		set(int64(10 + i))
	}
	if got := v.Get(); got != nil {
		t.Errorf("a value without a key at hand: %v", got)
	}
}

// Two snapshots that have the same slice, in chunks of their own, both have the value from before the change.
func TestRefUnderSnapshotsThatShare(t *testing.T) {
	s := newStore[string](t, nil)
	v := heap.AddValue(s.Store, "v", codec.Struct[[]int64]())
	s.at("a")
	v.Set([]int64{1, 2})
	s.End()
	first := s.Snapshot(backend.Request{})
	s.at("a")
	v.Set(v.Get()) // another chunk, the same slice
	s.End()
	second := s.Snapshot(backend.Request{})
	s.at("a")
	(*v.Ref())[0] = 9
	s.End()
	want := string(encode(t, []int64{1, 2}))
	for i, z := range []backend.Snapshot{second, first} {
		if got := entries(t, s, persist(t, z), "v"); got["a"] != want {
			t.Errorf("snapshot %d of 2, newest first: %x, want %x", i+1, got["a"], want)
		}
	}
}

func TestBudgetRefuses(t *testing.T) {
	b := heap.NewBudget(1 << 20)
	s := newStore[int64](t, b)
	v := heap.AddValue(s.Store, "v", codec.Struct[int64]())
	err := func() (err error) {
		defer func() {
			if refusal, ok := recover().(heap.Refusal); ok {
				err = refusal
			}
		}()
		for k := range int64(1 << 20) {
			s.at(k)
			v.Set(k)
		}
		return nil
	}()
	var tooMuch *heap.BudgetError
	if !errors.As(err, &tooMuch) || tooMuch.LimitBytes != 1<<20 {
		t.Fatalf("error %v", err)
	}
	if want := "state needs more than the memory budget of 1 MB (BudgetBytes of state.Heap or state.Disk"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %q", err)
	}
	s.Close()
	if b.UsedBytes() != 0 {
		t.Errorf("%d bytes are still taken", b.UsedBytes())
	}
}

// The budget is about what the Go heap really holds.
func TestBudgetIsTrue(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b := heap.NewBudget(0)
	s := newStore[int64](t, b)
	v := heap.AddValue(s.Store, "v", codec.Struct[int64]())
	o := heap.AddOrdered(s.Store, "o", codec.Struct[int64](), codec.Struct[int64]())
	for k := range int64(50_000) {
		s.at(k)
		v.Set(k)
		o.Set(k, k)
	}
	s.End()
	runtime.GC()
	runtime.ReadMemStats(&after)
	real, counted := int64(after.HeapAlloc-before.HeapAlloc), b.UsedBytes()
	if counted < real*7/10 || counted > real*13/10 {
		t.Errorf("counted %d bytes, the heap has %d", counted, real)
	}
	runtime.KeepAlive(s)
}

func TestReleaseGivesCopiesBack(t *testing.T) {
	b := heap.NewBudget(0)
	s := newStore[int64](t, b)
	v := heap.AddValue(s.Store, "v", codec.Struct[int64]())
	o := heap.AddOrdered(s.Store, "o", codec.Struct[int64](), codec.Struct[int64]())
	change := func() {
		for k := range int64(20_000) {
			s.at(k)
			v.Set(k)
			o.Set(1, k)
		}
		s.End()
	}
	change()
	steady := b.UsedBytes()
	for range 3 {
		z := s.Snapshot(backend.Request{})
		change()
		if b.UsedBytes() < steady*5/4 {
			t.Errorf("copies are not counted: %d bytes, %d before", b.UsedBytes(), steady)
		}
		z.Release()
	}
	for range 3 { // what the last snapshots needed is kept in reserve, until one that needs less
		s.Snapshot(backend.Request{}).Release()
	}
	change()
	if used := b.UsedBytes(); used > steady*11/10 {
		t.Errorf("%d bytes are taken, %d before the snapshots", used, steady)
	}
}

func TestSnapshotReleasedEarly(t *testing.T) {
	s := newStore[int64](t, nil)
	v := heap.AddValue(s.Store, "v", codec.Struct[int64]())
	for k := range int64(1000) {
		s.at(k)
		v.Set(k)
	}
	s.End()
	z := s.Snapshot(backend.Request{})
	z.Release()
	if err := z.Persist(backendtest.NewMemory()); err == nil {
		t.Error("a released snapshot was written")
	}
	z = s.Snapshot(backend.Request{})
	if err := z.Persist(&releasing{z: z}); err == nil {
		t.Error("a snapshot that was released meanwhile was written to the end")
	}
}

// releasing releases the snapshot that is written to it.
type releasing struct {
	z    backend.Snapshot
	done bool
}

func (r *releasing) Begin(string, int) error { return nil }
func (r *releasing) Entry(_, _, _ []byte) error {
	if !r.done {
		r.done = true
		r.z.Release()
	}
	return nil
}

func TestSnapshotErrors(t *testing.T) {
	s := newStore[int64](t, nil)
	broken := errors.New("broken")
	c := codec.Of("broken/1", func(to []byte, v []int) ([]byte, error) {
		if len(v) == 2 {
			return to, broken
		}
		return to, nil
	}, func([]byte) ([]int, error) { return nil, nil })
	v := heap.AddValue(s.Store, "v", c)
	s.at(1)
	v.Set([]int{1, 2})
	s.End()
	z := s.Snapshot(backend.Request{})
	s.at(1)
	*v.Ref() = nil // the error is the snapshot's, though it happens here
	s.End()
	if err := z.Persist(backendtest.NewMemory()); !errors.Is(err, broken) || !strings.Contains(err.Error(), `state "v"`) {
		t.Errorf("error %v", err)
	}
	z.Release()
}

func TestUseWithoutAKey(t *testing.T) {
	s := newStore[int64](t, nil)
	v := heap.AddValue(s.Store, "v", codec.Struct[int64]())
	defer func() {
		if recover() == nil {
			t.Error("a value was set without a key")
		}
	}()
	v.Set(1)
}

func TestStates(t *testing.T) {
	s := newStore[int64](t, nil)
	heaptest.States(s.Store)
	var got []string
	for _, st := range s.States() {
		if st.TTL == nil {
			got = append(got, st.Name+" "+string(st.Kind)+" "+st.Type+" "+st.Time)
		}
	}
	want := []string{
		"value value int64 ", "shared value []int64 ", "list list string ", "map map map[string]int64 ",
		"ordered ordered map[int64]int64 ", "reducing reducing int64 ", "aggregating aggregating []int64 ",
		"timer timer time.Time event", "timers timers string event",
	}
	if !slices.Equal(got, want) {
		t.Errorf("states are %q", got)
	}
}

// Two snapshots share a chunk; the newer one is written first.
func TestNewerSnapshotIsWrittenFirst(t *testing.T) {
	s := newStore[string](t, nil)
	v := heap.AddValue(s.Store, "v", codec.Struct[int64]())
	set := func(n int64) {
		s.at("a")
		v.Set(n)
		s.End()
	}
	set(1)
	older, newer := s.Snapshot(backend.Request{}), s.Snapshot(backend.Request{})
	one := string(encode(t, int64(1)))
	if got := entries(t, s, persist(t, newer), "v"); got["a"] != one {
		t.Errorf("the newer snapshot has %x", got["a"])
	}
	set(2)
	if got := entries(t, s, persist(t, older), "v"); got["a"] != one {
		t.Errorf("the older snapshot has %x", got["a"])
	}
}

// A large map or list that was cleared is freed bit by bit, but gone at once.
func TestClearedStateIsNotInTheSnapshot(t *testing.T) {
	s := newStore[string](t, nil)
	m := heap.AddMap(s.Store, "m", codec.Struct[int64](), codec.Struct[int64]())
	l := heap.AddList(s.Store, "l", codec.Struct[int64]())
	s.at("a")
	for i := range int64(20_000) {
		m.Set(i, i)
		l.Append(i)
	}
	s.End()
	s.at("a")
	m.Clear()
	l.Clear()
	m.Set(7, 70)
	l.Append(8)
	s.End()
	z := persist(t, s.Snapshot(backend.Request{}))
	g := keygroup.Of(s.keys.Hash("a"), 4)
	if got := z.Entries("m", g); len(got) != 1 || string(got[0].Value) != string(encode(t, int64(70))) {
		t.Errorf("the map has %d entries", len(got))
	}
	if got := z.Entries("l", g); len(got) != 1 || len(got[0].Value) != 9 {
		t.Errorf("the list has %d entries", len(got))
	}
}

// A long list has several entries, and comes back in order.
func TestLongList(t *testing.T) {
	s := newStore[string](t, nil)
	l := heap.AddList(s.Store, "l", codec.Struct[int64]())
	s.at("a")
	for i := range int64(20_000) {
		l.Append(i)
	}
	s.End()
	g := keygroup.Of(s.keys.Hash("a"), 4)
	written := persist(t, s.Snapshot(backend.Request{})).Entries("l", g)
	if len(written) < 2 {
		t.Errorf("%d entries", len(written))
	}
	again := newStore[string](t, nil)
	l = heap.AddList(again.Store, "l", codec.Struct[int64]())
	if err := again.Restore(described(again, "l"), "l", g, backendtest.Read(written...)); err != nil {
		t.Fatal(err)
	}
	again.at("a")
	next := int64(0)
	for v := range l.All() {
		if v != next {
			t.Fatalf("value %d, want %d", v, next)
		}
		next++
	}
	if next != 20_000 {
		t.Errorf("%d values", next)
	}
}
