package heap_test

import (
	"strconv"
	"testing"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
)

func TestNoAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("make invariants counts allocations, without the race detector")
	}
	t.Run("ints", func(t *testing.T) { noAllocations(t, func(i int) int64 { return int64(i) }) })
	t.Run("strings", func(t *testing.T) { noAllocations(t, strconv.Itoa) })
}

func noAllocations[K comparable](t *testing.T, key func(int) K) {
	s := newStore[K](t, nil)
	number, text := codec.Struct[int64](), codec.Struct[string]()
	value := heap.AddValue(s.Store, "value", number)
	list := heap.AddList(s.Store, "list", number)
	items := heap.AddMap(s.Store, "map", text, number)
	sorted := heap.AddOrdered(s.Store, "ordered", number, number)
	add := func(a *int64, v int64) { *a += v }
	sum := heap.AddRunning(s.Store, "sum", backend.Reducing, number, add, add, func(a *int64) int64 { return *a })
	timer := s.AddTimer("timer", heap.Event, func(int64) error { return nil })
	timers := heap.AddTimers(s.Store, "timers", heap.Event, text, func(string, int64) error { return nil })
	keys, hashes := make([]K, 512), make([]uint64, 512)
	for i := range keys {
		keys[i] = key(i % 300)
	}
	s.keys.HashAll(keys, hashes)
	at := int64(0)
	batch := func() {
		s.Begin(keys, hashes)
		for i := range keys {
			at++
			s.Select(i)
			value.Set(value.Get() + 1)
			*value.Ref() += 2
			list.Append(at)
			items.Set("a", at)
			items.Set("b", items.Get("a"))
			sorted.Set(at%50, at)
			sum.Add(sum.Get())
			timer.At(at)
			timers.At("x", at)
			if list.Len() >= 100 {
				list.Clear()
				sorted.DeleteRange(0, 10)
				items.Delete("a")
			}
		}
		s.End()
		for more := true; more; {
			more, _ = s.Fire(heap.Event, at-100, 64)
		}
	}
	for range 200 {
		batch()
	}
	if n := testing.AllocsPerRun(50, batch); n > 0 {
		t.Errorf("a batch of %d records makes %v allocations", len(keys), n)
	}
}

func BenchmarkBatch(b *testing.B) {
	for _, keys := range []int{1000, 1_000_000} {
		b.Run(strconv.Itoa(keys), func(b *testing.B) { benchmarkBatch(b, keys) })
	}
}

// benchmarkBatch counts records by key, in batches of 512; ns/op are those of one record.
func benchmarkBatch(b *testing.B, count int) {
	keys := derive[uint64](b)
	s := heap.New(heap.Config{From: 0, To: 128, Max: 128}, keys)
	value := heap.AddValue(s, "value", codec.Struct[int64]())
	batch, hashes := make([]uint64, 512), make([]uint64, 512)
	seed := uint64(1)
	run := func() {
		for i := range batch {
			seed = seed*6364136223846793005 + 1442695040888963407
			batch[i] = (seed >> 33) % uint64(count)
		}
		keys.HashAll(batch, hashes)
		s.Begin(batch, hashes)
		for i := range batch {
			s.Select(i)
			value.Set(value.Get() + 1)
		}
		s.End()
	}
	for range 4 * count / len(batch) {
		run()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += len(batch) {
		run()
	}
}
