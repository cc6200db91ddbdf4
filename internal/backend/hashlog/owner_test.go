package hashlog

import (
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/vfs"
)

// number is the key of a number, and its hash.
func number(n int) (key []byte, hash uint64) {
	key = binary.LittleEndian.AppendUint64(nil, uint64(n))
	return key, keygroup.HashBytes(key)
}

// modifier reads batches of keys and writes them again, as an owner does that keeps no rows.
type modifier struct {
	tb     testing.TB
	table  *Table
	random *rand.Rand
	keys   int
	batch  Batch
	counts []uint64 // by number: how often the key was written
	value  []byte
}

func newModifier(tb testing.TB, table *Table, keys, batch, valueBytes int) *modifier {
	m := &modifier{
		tb: tb, table: table, random: rand.New(rand.NewPCG(1, 8)), keys: keys,
		counts: make([]uint64, keys), value: make([]byte, valueBytes),
	}
	for range batch {
		m.batch.Keys = append(m.batch.Keys, make([]byte, 8))
	}
	m.batch.Hashes = make([]uint64, batch)
	return m
}

// fill writes each key once.
func (m *modifier) fill() {
	for n := range m.keys {
		key, hash := number(n)
		m.put(n, key, hash)
	}
}

func (m *modifier) put(n int, key []byte, hash uint64) {
	m.counts[n]++
	binary.LittleEndian.PutUint64(m.value, m.counts[n])
	if _, err := m.table.Put(hash, key, m.value); err != nil {
		m.tb.Fatal(err)
	}
}

// modify does one batch.
func (m *modifier) modify() {
	first := m.random.IntN(m.keys)
	step := 1 + m.random.IntN(m.keys/len(m.batch.Keys)) // so that no key is in it twice
	for i, key := range m.batch.Keys {
		binary.LittleEndian.PutUint64(key, uint64((first+i*step)%m.keys))
		m.batch.Hashes[i] = keygroup.HashBytes(key)
	}
	if err := m.table.Get(&m.batch); err != nil {
		m.tb.Fatal(err)
	}
	for i, key := range m.batch.Keys {
		n := (first + i*step) % m.keys
		m.check(n, i)
		m.table.Forget(m.batch.Hashes[i], m.batch.Places[i])
		m.put(n, key, m.batch.Hashes[i])
	}
}

func (m *modifier) check(n, i int) {
	if m.batch.Places[i] == 0 || binary.LittleEndian.Uint64(m.batch.Values[i]) != m.counts[n] {
		m.tb.Fatalf("key %d: found %t, want %d", n, m.batch.Places[i] != 0, m.counts[n])
	}
}

// TestConcurrent has drafts written, footers finished and segments rewritten by other goroutines while the owner goes on, and reads
// shared with helpers.
func TestConcurrent(t *testing.T) {
	const keys = 4000
	l, err := Open(Options{Dir: filepath.Join(t.TempDir(), "log"), SegmentBytes: 64 << 10, BufferBytes: 4 << 10, Readers: 3})
	if err != nil {
		t.Fatal(err)
	}
	l.readers.slow = 0
	table, err := l.NewTable(TableConfig{From: 0, To: 8, Max: 8})
	if err != nil {
		t.Fatal(err)
	}
	m := newModifier(t, table, keys, 64, 100)
	m.fill()
	adopted := 0
	for range 12 {
		d, err := table.Seal()
		if err != nil {
			t.Fatal(err)
		}
		segments := table.Segments()
		written := make(chan error)
		go func() { written <- persist(d, segments) }()
		for range 30 {
			m.modify()
			if _, err := table.Rewrite(500); err != nil {
				t.Fatal(err)
			}
		}
		for done := false; !done; {
			if done, err = table.Adopt(d, 100, func(uint64, uint64, Place) bool { adopted++; return false }); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
	if s := l.Stats(); adopted != 12*persisted || s.Rewrites == 0 || s.SlowReads == 0 || s.Records != keys {
		t.Errorf("%d adopted, %+v", adopted, s)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if infos, err := (vfs.OS{}).ReadDir(l.options.Dir); err != nil || len(infos) != 1 {
		t.Errorf("%d files are left beside the lock: %v", len(infos)-1, err)
	}
}

const persisted = 1000 // records of a draft

// persist writes a draft and makes a snapshot durable, as a checkpoint does beside the owner.
func persist(d *Draft, segments []*Segment) error {
	for n := range persisted {
		key, hash := number(-1 - n)
		if err := d.Put(hash, key, []byte("dirty"), uint64(n)); err != nil {
			return err
		}
	}
	own, err := d.Close()
	if err != nil {
		return err
	}
	for _, s := range append(segments, own...) {
		if err := s.Sync(); err != nil {
			return err
		}
		r, err := ReadSegment(s, s.Bytes(), s.Name())
		if err == nil {
			err = r.Verify()
		}
		if err != nil {
			return err
		}
		s.Release()
	}
	return nil
}

// TestAllocations: reading, forgetting and writing records allocates nothing, once the batch has its memory. What a new segment
// costs is spread over its records.
func TestAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("make invariants counts allocations, without the race detector")
	}
	_, table := openTable(t, Options{FS: vfs.OS{}, Dir: filepath.Join(t.TempDir(), "log"), RewriteBytesPerSecond: -1}, 16)
	m := newModifier(t, table, 50_000, 256, 100)
	m.fill()
	for range 20 {
		m.modify()
	}
	perBatch := testing.AllocsPerRun(100, m.modify)
	if perBatch > 1 {
		t.Errorf("%.2f allocations a batch of 256 records", perBatch)
	}
}

// BenchmarkModify reads and writes 1 M records of 100 bytes at random, with rewriting.
func BenchmarkModify(b *testing.B) {
	l, table := openTable(b, Options{FS: vfs.OS{}, Dir: filepath.Join(b.TempDir(), "log"), RewriteBytesPerSecond: 256 << 20}, 128)
	m := newModifier(b, table, 1_000_000, 500, 92)
	m.fill()
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += len(m.batch.Keys) {
		m.modify()
		if _, err := table.Rewrite(2000); err != nil {
			b.Fatal(err)
		}
	}
	s := l.Stats()
	b.ReportMetric(float64(s.MemoryBytes)/float64(s.Records), "memory-B/record")
	b.ReportMetric(float64(s.SegmentBytes)/1e6, "disk-MB")
	b.ReportMetric(float64(s.RewrittenBytes)/float64(s.WrittenBytes), "rewritten/written")
}

// BenchmarkGet reads records in batches.
func BenchmarkGet(b *testing.B) {
	_, table := openTable(b, Options{FS: vfs.OS{}, Dir: filepath.Join(b.TempDir(), "log")}, 128)
	m := newModifier(b, table, 1_000_000, 500, 92)
	m.fill()
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += len(m.batch.Keys) {
		for i, key := range m.batch.Keys {
			binary.LittleEndian.PutUint64(key, uint64(m.random.IntN(m.keys)))
			m.batch.Hashes[i] = keygroup.HashBytes(key)
		}
		if err := table.Get(&m.batch); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRestore restores 1 M records from segments of which a third is obsolete.
func BenchmarkRestore(b *testing.B) {
	l, table := openTable(b, Options{FS: vfs.OS{}, Dir: filepath.Join(b.TempDir(), "log")}, 128)
	m := newModifier(b, table, 1_000_000, 500, 92)
	m.fill()
	for range 1000 {
		m.modify()
	}
	d, err := table.Seal()
	if err != nil {
		b.Fatal(err)
	}
	d.Abort()
	var files []SegmentFile
	for _, s := range table.Segments() {
		if err := s.Sync(); err != nil {
			b.Fatal(err)
		}
		from, to := s.Groups()
		files = append(files, SegmentFile{Name: s.Name(), Path: s.Path(), From: from, To: to})
		defer s.Release()
	}
	b.ResetTimer()
	for range b.N {
		again, err := l.NewTable(TableConfig{From: 0, To: 128, Max: 128})
		if err != nil {
			b.Fatal(err)
		}
		if err := again.Restore(files); err != nil || again.Len() != m.keys {
			b.Fatalf("%d records, %v", again.Len(), err)
		}
		if err := again.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*m.keys), "ns/record")
}

// BenchmarkIndex replaces slots at random.
func BenchmarkIndex(b *testing.B) {
	const n = 1_000_000
	x := newIndex(0, 128, 128)
	defer x.drop()
	random := rand.New(rand.NewPCG(1, 9))
	hashes := make([]uint64, n)
	for i := range hashes {
		hashes[i] = random.Uint64()
		x.insert(hashes[i], Place(i+1))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		i := random.IntN(n)
		x.remove(hashes[i], Place(i+1))
		hashes[i] = random.Uint64()
		x.insert(hashes[i], Place(i+1))
	}
}
