package heap_test

import (
	"slices"
	"testing"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/backend/heap"
)

// benchKeys is how many keys the stores of benchmarks have.
const benchKeys = 1 << 20

// filled is a store of so many keys, with one number each.
func filled(b testing.TB, count int) (*fixture[uint64], *heap.Value[int64]) {
	s := newStore[uint64](b, nil)
	v := heap.AddValue(s.Store, "value", codec.Struct[int64]())
	keys, hashes := make([]uint64, 512), make([]uint64, 512)
	for n := 0; n < count; n += len(keys) {
		for i := range keys {
			keys[i] = uint64(n + i)
		}
		s.keys.HashAll(keys, hashes)
		s.Begin(keys, hashes)
		for i := range keys {
			s.Select(i)
			v.Set(int64(i))
		}
		s.End()
	}
	return &s, v
}

// discard is a writer that lends memory and forgets what it is given.
type discard struct{ lent []byte }

func (d *discard) Begin(string, int) error             { return nil }
func (d *discard) Entry(key, item, value []byte) error { return nil }
func (d *discard) Lend() []byte                        { return d.lent }
func (d *discard) Took(lent []byte, entries int) error { d.lent = lent[:0]; return nil }

func BenchmarkPersist(b *testing.B) {
	s, _ := filled(b, benchKeys)
	b.ReportAllocs()
	for b.Loop() {
		z := s.Snapshot(backend.Request{})
		if err := z.Persist(&discard{}); err != nil {
			b.Fatal(err)
		}
		z.Release()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchKeys, "ns/entry")
}

func BenchmarkRestore(b *testing.B) {
	s, _ := filled(b, benchKeys)
	z := s.Snapshot(backend.Request{})
	m := backendtest.NewMemory()
	if err := z.Persist(m); err != nil {
		b.Fatal(err)
	}
	z.Release()
	b.ReportAllocs()
	for b.Loop() {
		to := newStore[uint64](b, nil)
		heap.AddValue(to.Store, "value", codec.Struct[int64]())
		for g := range 4 {
			if err := restoreGroup(to.Store, g, m); err != nil {
				b.Fatal(err)
			}
		}
		to.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchKeys, "ns/entry")
}

func restoreGroup(to backend.Keyed, g int, m *backendtest.Memory) error {
	return to.Restore(described(to, "value"), "value", g, backendtest.Read(m.Entries("value", g)...))
}

// What is written straight into lent memory is what is written entry by entry, also where it fills the memory many times.
func TestFramesAreTheEntries(t *testing.T) {
	s, _ := filled(t, 1<<15)
	z, again := s.Snapshot(backend.Request{}), s.Snapshot(backend.Request{})
	want, got := persist(t, z), backendtest.NewMemory()
	if err := again.Persist(got.Framed()); err != nil {
		t.Fatal(err)
	}
	again.Release()
	for g := range 4 {
		same := func(a, b backendtest.Entry) bool {
			return string(a.Key) == string(b.Key) && string(a.Item) == string(b.Item) && string(a.Value) == string(b.Value)
		}
		if a, b := want.Entries("value", g), got.Entries("value", g); len(a) < 1<<12 || !slices.EqualFunc(a, b, same) {
			t.Errorf("key group %d has %d entries, %d by frames", g, len(a), len(b))
		}
	}
}
