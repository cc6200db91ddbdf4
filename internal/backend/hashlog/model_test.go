package hashlog

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/vfs"
)

// colliding is a hash that several keys share: there are 40 in all.
func colliding(key []byte) uint64 { return keygroup.HashBytes(key) % 40 * 0x666666666666666 }

// bitsAlike is a hash whose slots are alike, and which is different in its low bits.
func bitsAlike(key []byte) uint64 { return keygroup.HashBytes(key) & 0xf0000000000fffff }

// seeds is how many seeds a test tries: fewer of them with -short.
func seeds(n uint64) uint64 {
	if testing.Short() {
		return (n + 2) / 3
	}
	return n
}

// TestModel compares a table with a map, at each key that is read and at each barrier.
func TestModel(t *testing.T) {
	for _, c := range []struct {
		name      string
		hash      func([]byte) uint64
		keys, max int
	}{
		{"many keys", keygroup.HashBytes, 600, 8},
		{"few keys", keygroup.HashBytes, 12, 2},
		{"two keys", keygroup.HashBytes, 2, 1},
		{"one group", keygroup.HashBytes, 100, 1},
		{"odd groups", keygroup.HashBytes, 200, 7},
		{"colliding", colliding, 120, 4},
		{"bits alike", bitsAlike, 100, 4},
	} {
		for seed := range seeds(8) {
			t.Run(fmt.Sprintf("%s/%d", c.name, seed), func(t *testing.T) {
				t.Parallel()
				runModel(t, worldOptions{seed: seed, disk: vfs.NewMem(), hash: c.hash, keys: c.keys, max: c.max, segment: 6 << 10}, 2500)
			})
		}
	}
}

func runModel(t *testing.T, o worldOptions, steps int) {
	w := newWorld(t, o)
	checked := 0
	w.completed = func(b *barrier) error {
		checked++
		checkRestore(t, o.disk, b.files(), b.truth, o.hash, o.max, 1+checked%min(o.max, 3))
		checkTools(t, w, b)
		return nil
	}
	for range steps {
		if err := w.step(); err != nil {
			t.Fatal(err)
		}
	}
	if rewrites := w.log.Stats().Rewrites; checked == 0 || rewrites == 0 {
		t.Errorf("%d snapshots, %d rewrites", checked, rewrites)
	}
	w.close()
}

// checkTools reads a snapshot as a tool does.
func checkTools(t *testing.T, w *world, b *barrier) {
	t.Helper()
	sources := openSources(t, w.disk, b.files(), w.hash)
	got := map[string]string{}
	err := ReadGroups(sources, 0, w.config.Max, func(_ uint64, key, value []byte) error {
		if _, twice := got[string(key)]; twice {
			t.Errorf("key %s twice", key)
		}
		got[string(key)] = string(value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(b.truth) {
		t.Fatalf("%d keys, want %d", len(got), len(b.truth))
	}
	for key, want := range b.truth {
		if got[key] != want {
			t.Fatalf("key %s: %d bytes, want %d", key, len(got[key]), len(want))
		}
	}
	for _, s := range sources {
		if err := s.Reader.Verify(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGenerations stops jobs at a snapshot and restores them at another parallelism, again and again: files are shared by several
// tables then, each of which deletes and rewrites only what is its own.
func TestGenerations(t *testing.T) {
	for seed := range seeds(9) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 2))
			const max = 6
			hash := [...]func([]byte) uint64{keygroup.HashBytes, colliding, bitsAlike}[seed%3]
			disk := vfs.NewMem()
			truth, files := map[string]string{}, []SegmentFile(nil)
			for generation := range 8 {
				store := fmt.Sprint("store", generation)
				if err := disk.Mkdir(store); err != nil {
					t.Fatal(err)
				}
				parallelism := 1 + random.IntN(3)
				nextTruth, nextFiles := map[string]string{}, []SegmentFile(nil)
				for i := range parallelism {
					o := worldOptions{seed: seed*1000 + uint64(generation)*4 + uint64(random.IntN(4)), disk: disk, hash: hash, keys: 80, max: max, segment: 4 << 10}
					o.from, o.to = keygroup.Range(i, parallelism, max)
					nextFiles = append(nextFiles, live(t, o, truth, files, store, nextTruth)...)
				}
				truth, files = nextTruth, nextFiles
				checkRestore(t, disk, files, truth, hash, max, 1+random.IntN(max))
			}
		})
	}
}

// live restores a table, lets it live for a while, and returns the files of its last snapshot, linked into a folder.
func live(t *testing.T, o worldOptions, truth map[string]string, files []SegmentFile, store string, at map[string]string) (linked []SegmentFile) {
	w := newWorld(t, o)
	for key, value := range truth {
		if w.table.index.owns(o.hash([]byte(key))) {
			w.truth[key] = value
		}
	}
	if err := w.table.Restore(files); err != nil {
		t.Fatal(err)
	}
	if w.table.Len() != len(w.truth) {
		t.Fatalf("%d keys are restored, want %d", w.table.Len(), len(w.truth))
	}
	for range 40 + 600*(o.seed&1) {
		if err := w.step(); err != nil {
			t.Fatal(err)
		}
	}
	w.completed = func(b *barrier) error {
		if b.number != w.number {
			return nil // an older one, of which the draft is still written
		}
		maps.Copy(at, b.truth)
		for _, f := range b.files() {
			path := fmt.Sprintf("%s/%d-%d-%s", store, f.From, len(linked), filepath.Base(f.Path))
			if err := o.disk.Link(f.Path, path); err != nil {
				return err
			}
			f.Path = path
			linked = append(linked, f)
		}
		return nil
	}
	if err := w.snapshot(); err != nil {
		t.Fatal(err)
	}
	w.close()
	return linked
}

// TestTombstones has keys come and go beside some that stay: what is kept of those that are gone levels off.
func TestTombstones(t *testing.T) {
	const staying, living = 3000, 500
	l, table := openTable(t, Options{SegmentBytes: 64 << 10, RewriteBytesPerSecond: -1, Background: inline}, 4)
	put := func(n int) Place {
		key, hash := number(n)
		at, err := table.Put(hash, key, []byte("value"))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for n := range staying {
		put(n)
	}
	places := map[int]Place{}
	table.config.Moved = func(_ uint64, from, to Place) {
		for n, at := range places {
			if at == from {
				places[n] = to
			}
		}
	}
	var most int64
	for n := staying; n < staying+60_000; n++ {
		places[n] = put(n)
		if gone := n - living; gone >= staying {
			key, hash := number(gone)
			if err := table.Delete(hash, key, places[gone]); err != nil {
				t.Fatal(err)
			}
			delete(places, gone)
		}
		if n%2000 == 0 {
			d, err := table.Seal()
			if err != nil {
				t.Fatal(err)
			}
			d.Abort()
		}
		if _, err := table.Rewrite(100); err != nil {
			t.Fatal(err)
		}
		if n > staying+20_000 {
			most = max(most, l.Stats().Dead)
		}
	}
	if s := l.Stats(); most > 20_000 || s.Records != staying+living {
		t.Errorf("up to %d obsolete records and tombstones; %+v", most, s)
	}
}
