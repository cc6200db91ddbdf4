package lsmtest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/lsm"
	"leat.dev/leat/internal/keygroup"
)

// model does random things to a table while snapshots are written, fail or are given up, and restores some of them.
func model(t *testing.T, open func(dir string) *lsm.Home) {
	t.Parallel()
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			home := open(t.TempDir())
			w := newWorld(t, home, 0, groups, seed)
			for range 120 {
				w.modify(w.someKeys(40, 1500))
				w.evict(w.random.IntN(200))
				switch n := w.random.IntN(12); {
				case n < 3 && len(w.flights) < 3:
					f := w.seal(w.random.IntN(4) == 0)
					if w.random.IntN(2) == 0 {
						close(f.begin) // it is written beside
						continue
					}
					w.evict(50)
					w.land(f)
				case n == 3:
					w.adoptAll()
				}
			}
			w.adoptAll()
			w.all()
			s := w.snapshot()
			again := newWorld(t, home, 0, groups, seed)
			w.check(again.table.Restore(s.files))
			again.want = w.want
			again.all()
			if got, want := again.table.Len(), len(w.want); got < want/2 || got > 2*want {
				t.Errorf("an estimate of %d records, there are %d", got, want)
			}
			if got, want := w.table.Len(), len(w.want); got != want {
				t.Errorf("%d records are counted, there are %d", got, want)
			}
			again.close()
			w.close()
		})
	}
}

// scale restores a snapshot of one table in two, and snapshots of these in one.
func scale(t *testing.T, open func(dir string) *lsm.Home) {
	t.Parallel()
	home := open(t.TempDir())
	one := newWorld(t, home, 0, groups, 1)
	for range 60 {
		one.modify(one.someKeys(200, 6000))
		one.evict(100)
	}
	from := one.snapshot()
	var parts []*world
	var files []backend.RecordSource
	for i, r := range [][2]int{{0, 5}, {5, 16}} {
		w := newWorld(t, home, r[0], r[1], uint64(i))
		sources := from.files
		if i == 1 {
			sources = from.copied().files
		}
		w.check(w.table.Restore(clip(sources, r[0], r[1])))
		for key, value := range one.want {
			if g := keygroup.OfBytes([]byte(key), groups); g >= r[0] && g < r[1] {
				w.want[key] = value
			}
		}
		w.all()
		for range 20 {
			w.modify(w.someKeys(100, 6000))
			w.evict(10)
		}
		w.all()
		files = append(files, w.snapshot().files...)
		parts = append(parts, w)
	}
	both := newWorld(t, home, 0, groups, 9)
	both.check(both.table.Restore(files))
	middle := newWorld(t, home, 3, 12, 10)
	middle.check(middle.table.Restore(clip(files, 3, 12)))
	for _, w := range parts {
		maps.Copy(both.want, w.want)
	}
	for key, value := range both.want {
		if g := keygroup.OfBytes([]byte(key), groups); g >= 3 && g < 12 {
			middle.want[key] = value
		}
	}
	for _, w := range []*world{both, middle} {
		w.all()
		w.modify(w.someKeys(200, 6000))
		w.evict(0)
		w.snapshot() // compares
		w.all()
	}
	if err := both.table.Restore(files); err == nil {
		t.Error("a table that is in use can be restored")
	}
	for _, w := range append(parts, one, both, middle) {
		w.close()
	}
}

// clip has sources count for key groups alone.
func clip(sources []backend.RecordSource, from, to int) []backend.RecordSource {
	var clipped []backend.RecordSource
	for _, s := range sources {
		if s.From, s.To = max(s.From, from), min(s.To, to); s.From < s.To {
			clipped = append(clipped, s)
		}
	}
	return clipped
}

// increment has a snapshot after a few changes share files with the one before, also behind a restore. Now and then a compaction comes
// between.
func increment(t *testing.T, open func(dir string) *lsm.Home) {
	t.Parallel()
	home := open(t.TempDir())
	w := newWorld(t, home, 0, groups, 3)
	for n := range 40_000 {
		key, _ := w.key(n)
		w.want[key] = w.value()
		w.rows[key] = &row{changed: 1, since: 1}
		if n%500 == 0 {
			w.evict(0)
		}
	}
	before := w.snapshot()
	w.close()
	for _, restored := range []bool{false, true} {
		shares := func() bool {
			again := newWorld(t, home, 0, groups, 4)
			again.check(again.table.Restore(before.files))
			again.want = w.want
			if !restored {
				before = again.snapshot()
			}
			again.modify(again.someKeys(3, 40_000))
			s := again.snapshot()
			again.close()
			fresh, all := newBytes(s, before)
			before = s
			return fresh < all/4
		}
		tries := 0
		for !shares() {
			if tries++; tries == 12 {
				t.Fatalf("most of a snapshot is always new; restored: %t", restored)
			}
		}
	}
}

// newBytes is how much of a snapshot the one before does not have.
func newBytes(s, before *saved) (fresh, all int64) {
	had := map[string]bool{}
	for _, f := range before.files {
		had[f.Name] = true
	}
	for _, f := range s.files {
		all += f.Bytes
		if !had[f.Name] {
			fresh += f.Bytes
		}
	}
	return fresh, all
}

// offline reads a snapshot without a table.
func offline(t *testing.T, open func(dir string) *lsm.Home) {
	t.Parallel()
	home := open(t.TempDir())
	var files []backend.RecordSource
	want := map[string]string{}
	for i, r := range [][2]int{{0, 8}, {8, 16}} {
		w := newWorld(t, home, r[0], r[1], uint64(i))
		for range 10 {
			w.modify(w.someKeys(100, 3000))
			w.evict(10)
		}
		maps.Copy(want, w.want)
		files = append(files, w.snapshot().copied().files...)
		defer w.close()
	}
	table, err := home.Open(0, groups, groups, nil)
	if err != nil {
		t.Fatal(err)
	}
	format := table.Format()
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := backend.OpenRecords(format, files)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for g := range groups {
		err := r.Group(g, func(h uint64, key, value []byte) error {
			got[string(key)] = string(value)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := same(got, want); err != nil {
		t.Error(err)
	}
	for n := range 3000 {
		key := fmt.Sprintf("key %d", n)
		found := ""
		err := r.Find(hash(key), []byte(key), func(value []byte) error {
			found = string(value)
			return nil
		})
		if err != nil || found != want[key] {
			t.Fatalf("key %q: %v", key, err)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// damage turns bits over in each file of a snapshot: what is read is right, or there is an error that names the file.
func damage(t *testing.T, open func(dir string) *lsm.Home) {
	t.Parallel()
	home := open(t.TempDir())
	w := newWorld(t, home, 0, groups, 5)
	for range 20 {
		w.modify(w.someKeys(100, 3000))
		w.evict(10)
	}
	s := w.snapshot()
	w.close()
	format := w.table.Format()
	refused := 0
	for i := range s.files {
		for range 12 {
			at := w.random.Int64N(s.files[i].Bytes)
			broken := s.copied()
			f := &broken.files[i]
			b := make([]byte, f.Bytes)
			if _, err := f.ReadAt(b, 0); err != nil {
				t.Fatal(err)
			}
			b[at] ^= 1 << w.random.IntN(8)
			if w.random.IntN(6) == 0 {
				b = b[:at]
			}
			f.ReaderAt = bytes.NewReader(b)
			err := readAll(format, broken.files, w.want)
			if err == nil {
				continue
			}
			refused++
			// RocksDB names its MANIFEST for a table whose properties it can't read when it opens.
			named := strings.Contains(err.Error(), f.Name) || format == "rocksdb" && strings.Contains(err.Error(), "/MANIFEST-")
			if !errors.Is(err, backend.ErrDamaged) || !named {
				t.Errorf("file %s at byte %d of %d: %v", f.Name, at, f.Bytes, err)
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was found")
	}
	if err := readAll(format, s.files[1:], w.want); err == nil {
		t.Error("a snapshot without a listing is read")
	}
	if err := readAll(format, s.files[:len(s.files)-1], w.want); err == nil || !strings.Contains(err.Error(), s.files[len(s.files)-1].Name) {
		t.Errorf("a file is missing: %v", err)
	}
}

// errWrong is data that was never written.
var errWrong = errors.New("wrong data")

func readAll(format string, files []backend.RecordSource, want map[string]string) (err error) {
	r, err := backend.OpenRecords(format, files)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	got := map[string]string{}
	for g := range groups {
		err := r.Group(g, func(_ uint64, key, value []byte) error {
			got[string(key)] = string(value)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := same(got, want); err != nil {
		return fmt.Errorf("%w: %w", errWrong, err)
	}
	return nil
}

// tombstones restores a snapshot that has more marks of deleted keys than keys: it must not look empty.
func tombstones(t *testing.T, open func(dir string) *lsm.Home) {
	t.Parallel()
	home := open(t.TempDir())
	w := newWorld(t, home, 0, groups, 12)
	for n := range 100 {
		key, _ := w.key(n)
		w.check(w.table.Delete(hash(key), []byte(key), 0))
	}
	w.modify(w.someKeys(3, 1000))
	s := w.snapshot()
	w.close()
	again := newWorld(t, home, 0, groups, 13)
	again.check(again.table.Restore(s.files))
	again.want = w.want
	if again.table.Len() == 0 {
		t.Error("a table that was restored looks empty")
	}
	again.all()
	again.close()
}

// turns has drafts wait for those before them, also behind the table's end.
func turns(t *testing.T, open func(dir string) *lsm.Home) {
	t.Parallel()
	home := open(t.TempDir())
	w := newWorld(t, home, 0, groups, 6)
	var flights []*flight
	for i := range 4 {
		w.modify(w.someKeys(100, 1000))
		w.evict(30)
		flights = append(flights, w.seal(i == 1))
	}
	for _, f := range []int{3, 1, 2} {
		close(flights[f].begin)
	}
	<-flights[1].left // it was released
	w.modify(w.someKeys(100, 1000))
	w.evict(30)
	for _, f := range flights[2:] {
		select {
		case <-f.ended:
			t.Fatal("a draft did not wait for the one before it")
		default:
		}
	}
	w.close()
	close(flights[0].begin)
	for i, f := range flights {
		if i != 1 {
			w.check(<-f.ended)
		}
		<-f.left
	}
	if s := home.Stats(); s.Tables != 0 {
		t.Errorf("%d tables are left", s.Tables)
	}
	again := newWorld(t, home, 0, groups, 7)
	again.check(again.table.Restore(flights[3].saved.files))
	again.want = flights[3].want
	again.all()
	again.close()
}

// stale has records of a draft count for more than what was held back before its barrier, while another draft keeps that from the engine.
func stale(t *testing.T, open func(dir string) *lsm.Home) {
	t.Parallel()
	w := newWorld(t, open(t.TempDir()), 0, groups, 11)
	keys := w.someKeys(40, 100)
	first := w.seal(false)
	w.modify(keys)
	w.evict(0) // is held back
	w.modify(keys)
	second, third := w.seal(false), w.seal(false)
	w.land(first)
	w.land(second)
	for range keys {
		w.adopt()
	}
	w.evict(0) // they are in the second's records
	w.fetch(keys)
	w.evict(0)
	w.fetch(keys)
	w.land(third)
	w.adoptAll()
	w.all()
	w.close()
}

// folder has homes remove what was left, leave each other alone, and leave nothing.
func folder(t *testing.T, open func(dir string) *lsm.Home) {
	t.Parallel()
	dir := t.TempDir()
	left := filepath.Join(dir, "leat-lsm-1", "0123456789abcdef")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "leat-lsm-1", "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var worlds []*world
	for seed := range uint64(2) {
		w := newWorld(t, open(dir), 0, groups, seed)
		w.modify(w.someKeys(100, 1000))
		w.evict(0)
		worlds = append(worlds, w)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what an earlier process left is still there: %v", err)
	}
	for _, w := range worlds {
		w.all()
		f := w.seal(false)
		w.close()
		w.land(f)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v is left, %v", entries, err)
	}
}
