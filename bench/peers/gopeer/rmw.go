package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"leat.dev/leat/bench/kit"
)

// valueSize is the bytes of a value of W6: an 8-byte counter, then bytes that do not compress.
const valueSize = 100

// fill makes a key's first value.
func fill(v []byte, k uint64) {
	clear(v[:8])
	h := k
	for i := 8; i < len(v); i++ {
		v[i] = byte(h)
		h = h>>8 | h<<56
		if i&7 == 7 {
			h = kit.Mix(h)
		}
	}
}

// addOne counts in a value and returns the new count.
func addOne(v []byte) int64 {
	x := binary.LittleEndian.Uint64(v) + 1
	binary.LittleEndian.PutUint64(v, x)
	return int64(x)
}

// pebbleOptions: no WAL (as in Flink's RocksDB backend), block cache and memtables within budget bytes.
func pebbleOptions(budget int64) *pebble.Options {
	o := &pebble.Options{
		Cache: pebble.NewCache(budget / 2), DisableWAL: true,
		MemTableSize: uint64(budget / 8), MemTableStopWritesThreshold: 4, // up to half of the budget
		L0CompactionThreshold: 4, L0StopWritesThreshold: 20,
		MaxOpenFiles: 10000, LBaseMaxBytes: 256 << 20,
	}
	o.CompactionConcurrencyRange = func() (int, int) { return 1, 2 }
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].BlockSize = 4 << 10
	}
	return o
}

// readModifyWritePebble (W6) does a Get and a Set for each event. The store is left open: the clock stops before it would close.
func readModifyWritePebble(dir string, budget int64, g *kit.Gen, n, warm uint64, m *kit.Meter, s *sink) error {
	db, err := pebble.Open(filepath.Join(dir, "db"), pebbleOptions(budget))
	if err != nil {
		return fmt.Errorf("opening pebble: %w", err)
	}
	var key [8]byte
	v := make([]byte, valueSize)
	for i := uint64(0); i < n; i++ {
		if i == warm {
			m.Start()
		}
		k := g.Key(i)
		binary.BigEndian.PutUint64(key[:], k)
		if err := load(db, key[:], k, v); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
		x := addOne(v)
		if err := db.Set(key[:], v, pebble.NoSync); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
		s.emit(x)
	}
	return nil
}

// load reads a key's value into v, or makes its first.
func load(db *pebble.DB, key []byte, k uint64, v []byte) error {
	old, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		fill(v, k)
		return nil
	}
	if err != nil {
		return err
	}
	copy(v, old)
	return closer.Close()
}

func pebbleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/cockroachdb/pebble/v2" {
				return "pebble " + d.Version
			}
		}
	}
	return "pebble"
}

// readModifyWriteMap is the heap's limit on W6: a map from key to an index into slabs of values.
func readModifyWriteMap(g *kit.Gen, n, warm uint64, m *kit.Meter, s *sink) {
	const slabSize = 1 << 16
	index := map[uint64]uint32{}
	var slabs [][][valueSize]byte
	for i := uint64(0); i < n; i++ {
		if i == warm {
			m.Start()
		}
		k := g.Key(i)
		j, ok := index[k]
		if !ok {
			j = uint32(len(index))
			if j%slabSize == 0 {
				slabs = append(slabs, make([][valueSize]byte, slabSize))
			}
			index[k] = j
			fill(slabs[j/slabSize][j%slabSize][:], k)
		}
		s.emit(addOne(slabs[j/slabSize][j%slabSize][:]))
	}
}
