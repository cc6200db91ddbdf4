package state

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/keygroup"
)

func store(t testing.TB) *heap.Store[string] {
	t.Helper()
	keys, err := keygroup.Derive[string](nil)
	if err != nil {
		t.Fatal(err)
	}
	return heap.New(heap.Config{From: 0, To: 4, Max: 4}, keys)
}

func selectKey(t testing.TB, s *heap.Store[string], key string) {
	t.Helper()
	keys, _ := keygroup.Derive[string](nil)
	s.SelectKey(key, keys.Hash(key))
}

func TestHandles(t *testing.T) {
	s := store(t)
	value := MakeValue(heap.AddValue(s, "value", codec.Struct[int]()))
	list := MakeList(heap.AddList(s, "list", codec.Struct[string]()))
	items := MakeMap(heap.AddMap(s, "map", codec.Struct[float64](), codec.Struct[int]()))
	byTime := MakeOrdered(heap.AddOrdered(s, "ordered", codec.Struct[time.Time](), codec.Struct[string]()))
	longest := MakeRunning(heap.AddRunning(s, "longest", backend.Aggregating, codec.Struct[int](),
		addLength, addLength, func(a *int) time.Duration { return time.Duration(*a) }))

	selectKey(t, s, "a")
	if value.Has() || list.Has() || items.Has(1) || byTime.Has(time.Unix(1, 0)) || longest.Has() {
		t.Error("a new key has state")
	}
	value.Set(0)
	if v, ok := value.Lookup(); v != 0 || !ok {
		t.Errorf("value is %d, %v after it was set to 0", v, ok)
	}
	*value.Ref() += 3
	list.Append("x", "y")
	items.Set(0.5, 1)
	items.Set(math.Copysign(0, -1), 2)
	byTime.Set(time.Unix(2, 0), "two")
	byTime.Set(time.Unix(1, 0).UTC(), "one")
	byTime.Set(time.Unix(1, 0).In(time.FixedZone("x", 3600)), "uno")
	longest.Add("abc")
	longest.Add("ab")

	if value.Get() != 3 || longest.Get() != 3 || items.Get(0) != 2 || byTime.Get(time.Unix(1, 0)) != "uno" {
		t.Errorf("value %d, longest %d, map %d, ordered %q", value.Get(), longest.Get(), items.Get(0), byTime.Get(time.Unix(1, 0)))
	}
	if got := slices.Collect(list.All()); !slices.Equal(got, []string{"x", "y"}) || list.Len() != 2 {
		t.Errorf("list is %v", got)
	}
	if got := maps.Collect(items.All()); !maps.Equal(got, map[float64]int{0.5: 1, 0: 2}) {
		t.Errorf("map is %v", got)
	}
	var order []string
	for _, v := range byTime.All() {
		order = append(order, v)
	}
	if !slices.Equal(order, []string{"uno", "two"}) {
		t.Errorf("ordered is %v", order)
	}

	selectKey(t, s, "b")
	if value.Has() || list.Len() != 0 || items.Has(0.5) || longest.Get() != 0 {
		t.Error("another key has the state of the first")
	}
	selectKey(t, s, "a")
	value.Clear()
	list.Clear()
	items.Delete(0.5)
	items.Clear()
	byTime.DeleteRange(time.Unix(0, 0), time.Unix(2, 0))
	if first, v, ok := byTime.First(); !ok || v != "two" || !first.Equal(time.Unix(2, 0)) {
		t.Errorf("first is %v %q", first, v)
	}
	byTime.Clear()
	longest.Clear()
	s.End()
	if err := s.EachKey(func(k string) error { t.Errorf("key %q has state", k); return nil }); err != nil {
		t.Error(err)
	}
}

func addLength(a *int, s string) { *a = max(*a, len(s)) }

func TestOrderOfNamedTypes(t *testing.T) {
	s := store(t)
	waits := MakeOrdered(heap.AddOrdered(s, "waits", codec.Struct[time.Duration](), codec.Struct[int]()))
	names := MakeOrdered(heap.AddOrdered(s, "names", codec.Struct[string](), codec.Struct[int]()))
	selectKey(t, s, "a")
	for _, d := range []time.Duration{5, -3, 9} {
		waits.Set(d, int(d))
		names.Set(d.String(), int(d))
	}
	if a, _, _ := waits.First(); a != -3 {
		t.Errorf("first is %v", a)
	}
	if a, _, _ := names.Last(); a != "9ns" {
		t.Errorf("last is %v", a)
	}
}

func TestCodecOf(t *testing.T) {
	ints := codec.Struct[int]()
	if c, err := CodecOf[int](nil, []Option{Codec(ints)}); c != ints || err != nil {
		t.Error(c, err)
	}
	if c, err := CodecOf[int](nil, nil); c.Schema() != ints.Schema() || err != nil {
		t.Error(c, err)
	}
	for want, opts := range map[string][]Option{
		"for values of type string": {Codec(codec.Struct[string]())},
		"twice":                     {Codec(ints), Codec(ints)},
		"nil":                       {Codec[int](nil)},
	} {
		if _, err := CodecOf[int](nil, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestMemoryBytes(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	machine := file("MemFree: 1 kB\nMemTotal:       2048 kB\n")
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  int64
	}{
		"nothing":   {fstest.MapFS{}, 0},
		"machine":   {fstest.MapFS{"proc/meminfo": machine}, 2 << 20},
		"version 2": {fstest.MapFS{"proc/meminfo": machine, "proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/memory.max": file("4096\n"), "sys/fs/cgroup/a/b/memory.max": file("max\n")}, 4096},
		"container": {fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("8192")}, 8192},
		"version 1": {fstest.MapFS{"proc/meminfo": machine, "proc/self/cgroup": file("5:cpu,memory:/x\n4:cpuset:/y\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712"), "sys/fs/cgroup/memory/x/memory.limit_in_bytes": file("1024")}, 1024},
	} {
		if got := memoryBytes(c.files); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
}

func TestBudget(t *testing.T) {
	if got := (Heap{BudgetBytes: 5}).NewBudget().LimitBytes(); got != 5 {
		t.Errorf("limit %d", got)
	}
	if got := (Heap{BudgetBytes: -1}).NewBudget().LimitBytes(); got != 0 {
		t.Errorf("limit %d", got)
	}
	if (Heap{}).Name() != "heap" {
		t.Error("name")
	}
	var _ Backend = Heap{}
}

// BenchmarkValue is the cost of Get and Set of the key at hand.
func BenchmarkValue(b *testing.B) {
	s := store(b)
	value := MakeValue(heap.AddValue(s, "value", codec.Struct[int64]()))
	selectKey(b, s, "a")
	value.Set(1)
	b.ReportAllocs()
	for b.Loop() {
		value.Set(value.Get() + 1)
	}
}
