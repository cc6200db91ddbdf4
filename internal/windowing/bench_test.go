package windowing

import (
	"runtime"
	"testing"
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/window"
)

// mixed makes batches with uniform keys: hashes of a counter.
func (s *source) mixed() *flow.Keyed[int64, int64] {
	b := s.next()
	for i := range b.Keys {
		x := uint64(s.n+int64(i)) * 0x9e3779b97f4a7c15
		x ^= x >> 29
		x *= 0xbf58476d1ce4e5b9
		b.Keys[i] = int64((x ^ x>>32) % uint64(s.count))
	}
	s.keys.HashAll(b.Keys, b.Hashes)
	return b
}

type stats struct{ Sum, Count, Max int64 }

func (s *stats) add(v int64) { s.Sum += v; s.Count++; s.Max = max(s.Max, v) }

func (s *stats) merge(o stats) { s.Sum += o.Sum; s.Count += o.Count; s.Max = max(s.Max, o.Max) }

// BenchmarkRecords is the cost of a record, its panes included. A watermark comes every two batches.
func BenchmarkRecords(b *testing.B) {
	all := agg.Fold((*stats).add, (*stats).merge)
	counts := agg.Func[int64, int64, int64](agg.Count[int64])
	b.Run("tumbling/sparse", func(b *testing.B) { measure(b, window.Tumbling(10*time.Second), all, 100_000, time.Millisecond) })
	b.Run("tumbling/dense", func(b *testing.B) { measure(b, window.Tumbling(10*time.Second), all, 100_000, 10*time.Microsecond) })
	b.Run("sliding/sparse", func(b *testing.B) {
		measure(b, window.Sliding(time.Minute, time.Second), counts, 10_000, time.Millisecond)
	})
	b.Run("sliding/dense", func(b *testing.B) {
		measure(b, window.Sliding(time.Minute, time.Second), counts, 1_000, 100*time.Microsecond)
	})
	b.Run("sliding/stacks", func(b *testing.B) {
		measure(b, window.Sliding(time.Minute, time.Second), all, 10_000, time.Millisecond)
	})
	for _, slide := range []time.Duration{10 * time.Second, time.Second, 100 * time.Millisecond} {
		b.Run("slide/"+slide.String(), func(b *testing.B) {
			measure(b, window.Sliding(time.Minute, slide), counts, 100, 10*time.Microsecond)
		})
		b.Run("slide/stacks/"+slide.String(), func(b *testing.B) {
			measure(b, window.Sliding(time.Minute, slide), all, 100, 10*time.Microsecond)
		})
	}
	b.Run("session", func(b *testing.B) { measure(b, window.Session(5*time.Second), counts, 100_000, 50*time.Microsecond) })
}

func measure[A, V any](b *testing.B, w window.Assigner, f agg.Func[int64, A, V], keys int64, every time.Duration) {
	op, panes := counting(b, w, nil, f)
	s := newSource(b, keys, every)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := op.Receive(s.mixed()); err != nil {
			b.Fatal(err)
		}
		for i%2 == 1 && !op.Advance(s.watermark()-int64(time.Second), 4096) {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batchSize), "ns/record")
	b.ReportMetric(float64(*panes)/float64(b.N*batchSize), "panes/record")
}

// TestMemory holds the size of an open (key, slice) and of an open session, of a count with integer keys.
func TestMemory(t *testing.T) {
	for _, c := range []struct {
		name string
		w    window.Assigner
		most float64
	}{
		{"slices", window.Sliding(10*time.Hour, time.Hour), 64},
		{"sessions", window.Session(time.Hour), 150},
	} {
		for _, keys := range []int64{100_000, 197_000} { // just after tables have grown, and just before
			t.Run(c.name, func(t *testing.T) {
				if got := bytesEach(t, c.w, keys); got > c.most {
					t.Errorf("%.1f bytes each for %d keys, want at most %.0f", got, keys, c.most)
				} else {
					t.Logf("%.1f bytes each for %d keys", got, keys)
				}
			})
		}
	}
}

// bytesEach is the memory that an operator takes for each of as many keys, which have one record each.
func bytesEach(t *testing.T, w window.Assigner, keys int64) float64 {
	before := heapBytes()
	op, _ := counting(t, w, heap.NewBudget(0), agg.Count)
	k, err := keygroup.Derive[int64](nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &flow.Keyed[int64, int64]{Keys: make([]int64, 1), Hashes: make([]uint64, 1)}
	b.Values, b.Times = make([]int64, 1), make([]int64, 1)
	for i := range keys {
		b.Keys[0] = i
		k.HashAll(b.Keys, b.Hashes)
		if err := op.Receive(b); err != nil {
			t.Fatal(err)
		}
	}
	used := heapBytes() - before
	runtime.KeepAlive(op)
	return float64(used) / float64(keys)
}

func heapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
