package heap_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/backend/heap"
)

// The values and items of an older version, and of a newer one.
type (
	oldValue struct {
		N    int32
		Gone []string
	}
	newValue struct {
		Added *int64
		Count int64 `leat:"count,was=N"`
	}
	oldItem struct{ ID uint8 }
	newItem struct {
		ID   int64
		Zone string
	}
)

// everyKind has a state of each kind, with values V and items A.
type everyKind[A comparable, V any] struct {
	*heap.Store[string]
	value   *heap.Value[V]
	list    *heap.List[V]
	byItem  *heap.Map[A, V]
	ordered *heap.Ordered[int64, V]
	running *heap.Running[V, V, V]
	timers  *heap.Timers[A]
	timer   *heap.Timer
}

func openKinds[A comparable, V any](t testing.TB, prefix string, was func(name string) []string) *everyKind[A, V] {
	s := heap.New(heap.Config{From: 0, To: 4, Max: 4}, derive[string](t))
	item, value := codec.Struct[A](), codec.Struct[V]()
	first, result := func(a *V, v V) { *a = v }, func(a *V) V { return *a }
	k := &everyKind[A, V]{
		Store: s,
		value: heap.AddValue(s, prefix+"value", value, was("value")...), list: heap.AddList(s, prefix+"list", value, was("list")...),
		byItem:  heap.AddMap(s, prefix+"map", item, value, was("map")...),
		ordered: heap.AddOrdered(s, prefix+"ordered", codec.Struct[int64](), value, was("ordered")...),
		running: heap.AddRunning(s, prefix+"running", backend.Aggregating, value, first, first, result, was("running")...),
		timers:  heap.AddTimers(s, prefix+"timers", heap.Event, item, func(A, int64) error { return nil }, was("timers")...),
		timer:   s.AddTimer(prefix+"timer", heap.Event, func(int64) error { return nil }, was("timer")...),
	}
	t.Cleanup(s.Close)
	return k
}

func (k *everyKind[A, V]) fill(t *testing.T, item func(int) A, value func(int) V) {
	t.Helper()
	keys := derive[string](t)
	for i := range 100 {
		key := fmt.Sprint("key", i%30)
		k.SelectKey(key, keys.Hash(key))
		k.value.Set(value(i))
		k.list.Append(value(i), value(i+1))
		k.byItem.Set(item(i), value(i))
		k.ordered.Set(int64(i), value(i))
		k.running.Add(value(i))
		k.timers.At(item(i), int64(1000+i))
		k.timer.At(int64(2000 + i))
	}
	k.End()
}

// text is all that the store has, in order.
func (k *everyKind[A, V]) text(t *testing.T, show func(V) string) string {
	t.Helper()
	lines := map[string]string{}
	err := k.EachKey(func(key string) error {
		var all []string
		add := func(what string, values ...any) { all = append(all, what+fmt.Sprint(values...)) }
		add("value", show(k.value.Get()))
		for v := range k.list.All() {
			add("list", show(v))
		}
		var entries []string
		for a, v := range k.byItem.All() {
			entries = append(entries, fmt.Sprint(a, show(v)))
		}
		slices.Sort(entries)
		add("map", entries)
		for a, v := range k.ordered.All() {
			add("ordered", a, show(v))
		}
		add("running", show(k.running.Get()))
		at, _ := k.timer.Time()
		add("timer", at)
		lines[key] = strings.Join(all, " ")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		all = append(all, key+" "+lines[key])
	}
	return strings.Join(all, "\n")
}

// move restores what one store has into another; each of its states takes the one that was called as rename says.
func move(t *testing.T, from, to backend.Keyed, rename func(string) string) (*backendtest.Memory, error) {
	t.Helper()
	m := backendtest.NewMemory()
	z := from.Snapshot(backend.Request{})
	defer z.Release()
	if err := z.Persist(m); err != nil {
		t.Fatal(err)
	}
	for _, is := range to.States() {
		was := described(from, rename(is.Name))
		if err := is.CanRead(was); err != nil {
			return m, err
		}
		for g := range 4 {
			if err := to.Restore(was, is.Name, g, backendtest.Read(m.Entries(was.Name, g)...)); err != nil {
				return m, err
			}
		}
	}
	return m, nil
}

// A store that has other names and types takes over what another has, of every kind; what it writes then is as if it had
// never been anything else, and restores once more.
func TestEvolution(t *testing.T) {
	none := func(string) []string { return nil }
	old := openKinds[oldItem, oldValue](t, "", none)
	old.fill(t, func(i int) oldItem { return oldItem{uint8(i)} }, func(i int) oldValue { return oldValue{int32(i), []string{"x"}} })
	want := openKinds[newItem, newValue](t, "new-", none)
	want.fill(t, func(i int) newItem { return newItem{ID: int64(i)} }, func(i int) newValue { return newValue{Count: int64(i)} })

	got := openKinds[newItem, newValue](t, "new-", func(name string) []string { return []string{name} })
	if _, err := move(t, old, got, func(name string) string { return strings.TrimPrefix(name, "new-") }); err != nil {
		t.Fatal(err)
	}
	show := func(v newValue) string { return fmt.Sprint(v.Added, v.Count) }
	if a, b := got.text(t, show), want.text(t, show); a != b {
		t.Fatalf("got\n%s\nwant\n%s", a, b)
	}
	same := func(name string) string { return name }
	again := openKinds[newItem, newValue](t, "new-", none)
	wrote, err := move(t, got, again, same)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := again.text(t, show), want.text(t, show); a != b {
		t.Errorf("the second time: got\n%s\nwant\n%s", a, b)
	}
	wanted, err := move(t, want, openKinds[newItem, newValue](t, "new-", none), same)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range want.States() {
		for g := range 4 {
			if a, b := sortedEntries(wrote, s.Name, g), sortedEntries(wanted, s.Name, g); !slices.Equal(a, b) {
				t.Errorf("state %s, group %d is written as %v, not %v", s.Name, g, a, b)
			}
		}
	}
}

func sortedEntries(m *backendtest.Memory, state string, g int) (all []string) {
	for _, e := range m.Entries(state, g) {
		all = append(all, fmt.Sprintf("%x %x %x", e.Key, e.Item, e.Value))
	}
	slices.Sort(all)
	return all
}

// Items that become equal because a field is left out are an error, not a silent loss.
func TestItemsThatBecomeEqual(t *testing.T) {
	type pair struct{ A, B int64 }
	type half struct{ A int64 }
	none := func(string) []string { return nil }
	for _, state := range []string{"map", "timers"} {
		old := openKinds[pair, int64](t, "", none)
		keys := derive[string](t)
		old.SelectKey("k", keys.Hash("k"))
		if state == "map" {
			old.byItem.Set(pair{1, 1}, 1)
			old.byItem.Set(pair{1, 2}, 2)
		} else {
			old.timers.At(pair{1, 1}, 1)
			old.timers.At(pair{1, 2}, 2)
		}
		old.End()
		_, err := move(t, old, openKinds[half, int64](t, "", none), func(name string) string { return name })
		if err == nil || !strings.Contains(err.Error(), `state "`+state+`"`) || !strings.Contains(err.Error(), "key k: a second entry for the same") {
			t.Errorf("%s: error %v", state, err)
		}
	}
}

// What can't be resolved is refused, also by a restore that nobody has compared before.
func TestEvolutionThatIsRefused(t *testing.T) {
	none := func(string) []string { return nil }
	old := openKinds[oldItem, oldValue](t, "", none)
	now := openKinds[bool, struct{ N string }](t, "", none)
	for _, is := range now.States() {
		was := described(old, is.Name)
		if is.Name == "timer" {
			was.Time = "processing"
		}
		if is.CanRead(was) == nil || now.Restore(was, is.Name, 0, backendtest.Read()) == nil {
			t.Errorf("%s takes over what it can't read", is.Name)
		}
		was.Kind = backend.Slices
		if is.CanRead(was) == nil || now.Restore(was, is.Name, 0, backendtest.Read()) == nil {
			t.Errorf("%s takes over another kind", is.Name)
		}
	}
}
