//go:build unix

package lsmtest

import (
	"encoding/binary"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/keygroup"
)

// modifier reads batches of keys and writes them again, as a heap store does that has no room for rows.
type modifier struct {
	b      *testing.B
	table  heap.Cold
	random *rand.Rand
	keys   int
	batch  heap.ColdBatch
	counts []uint32 // by number: how often the key was written
	value  []byte
}

const (
	batchKeys  = 500
	valueBytes = 92 // and 8 of the key
)

// Modify reads and writes records of 100 bytes at random, over so many keys. Beside the time it tells the processor time of the whole
// process for each record, that of what goes on in the background included.
func Modify(b *testing.B, table heap.Cold, keys int) {
	m := newModifier(b, table, keys)
	m.fill()
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime()
	for n := 0; n < b.N; n += batchKeys {
		m.modify()
	}
	b.StopTimer()
	b.Cleanup(func() { m.check(table.Close()) })
	b.ReportMetric(float64(processorTime()-before)/float64(b.N), "cpu-ns/op")
}

func newModifier(b *testing.B, table heap.Cold, keys int) *modifier {
	m := &modifier{
		b: b, table: table, random: rand.New(rand.NewPCG(1, 8)), keys: keys,
		counts: make([]uint32, keys), value: make([]byte, valueBytes),
	}
	for range batchKeys {
		m.batch.Keys = append(m.batch.Keys, make([]byte, 8))
	}
	m.batch.Hashes = make([]uint64, batchKeys)
	table.Follow(func(hash, from, to uint64) {})
	return m
}

func (m *modifier) check(err error) {
	if err != nil {
		m.b.Fatal(err)
	}
}

// fill writes each key once.
func (m *modifier) fill() {
	key := make([]byte, 8)
	for n := range m.keys {
		binary.LittleEndian.PutUint64(key, uint64(n))
		m.put(n, key, keygroup.HashBytes(key))
		if n%batchKeys == 0 {
			m.check(m.table.Tend())
		}
	}
}

func (m *modifier) put(n int, key []byte, hash uint64) {
	m.counts[n]++
	binary.LittleEndian.PutUint32(m.value, m.counts[n])
	for i := 8; i < len(m.value)/2; i += 4 { // half of it can't be compressed
		binary.LittleEndian.PutUint32(m.value[i:], m.random.Uint32())
	}
	_, err := m.table.Put(hash, key, m.value)
	m.check(err)
}

// modify does one batch.
func (m *modifier) modify() {
	first := m.random.IntN(m.keys)
	step := 1 + m.random.IntN(m.keys/batchKeys) // so that no key is in it twice
	for i, key := range m.batch.Keys {
		binary.LittleEndian.PutUint64(key, uint64((first+i*step)%m.keys))
		m.batch.Hashes[i] = keygroup.HashBytes(key)
	}
	m.check(m.table.Get(&m.batch))
	for i, key := range m.batch.Keys {
		n := (first + i*step) % m.keys
		if m.batch.Places[i] == 0 || binary.LittleEndian.Uint32(m.batch.Values[i]) != m.counts[n] {
			m.b.Fatalf("key %d: found %t, want %d", n, m.batch.Places[i] != 0, m.counts[n])
		}
		m.table.Forget(m.batch.Hashes[i], m.batch.Places[i])
		m.put(n, key, m.batch.Hashes[i])
	}
	m.check(m.table.Tend())
}

// processorTime is what the process has used so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Snapshots takes snapshots of a million records, of which a hundred batches are written between them, and goes on meanwhile. It tells how
// long the owner waits for the longest Seal, how long a draft takes to be complete, and how much of its files is new.
func Snapshots(b *testing.B, table heap.Cold) {
	m := newModifier(b, table, 1_000_000)
	defer func() { m.check(table.Close()) }()
	m.fill()
	had := map[string]bool{}
	var longest, writing time.Duration
	var fresh, all int64
	b.ResetTimer()
	for range b.N {
		for range 100 {
			m.modify()
		}
		began := time.Now()
		d, err := table.Seal()
		m.check(err)
		longest = max(longest, time.Since(began))
		closed := make(chan error, 1)
		go func() { closed <- d.Close() }()
		for open := true; open; {
			select {
			case err := <-closed:
				m.check(err)
				open = false
			default:
				m.modify()
			}
		}
		writing += time.Since(began)
		fresh, all = 0, 0
		for _, f := range d.Files() {
			all += f.Bytes()
			if !had[f.Name()] {
				fresh += f.Bytes()
			}
			had[f.Name()] = true
		}
		_, err = table.Adopt(d, 1, nil)
		m.check(err)
		d.Release()
	}
	b.ReportMetric(float64(longest.Microseconds()), "longest-seal-µs")
	b.ReportMetric(float64(writing.Milliseconds())/float64(b.N), "draft-ms")
	b.ReportMetric(float64(fresh)/1e6, "new-MB")
	b.ReportMetric(float64(all)/1e6, "all-MB")
}
