package lsmtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/backend/lsm"
	"leat.dev/leat/internal/keygroup"
)

const groups = 16

// world is a table and what it should have, with rows above it as a heap store has them.
type world struct {
	tb       testing.TB
	table    heap.Cold
	from, to int
	random   *rand.Rand
	want     map[string]string // all that there is
	rows     map[string]*row   // in memory
	tags     map[uint64]string // keys by the tags of drafts
	epoch    uint64            // of the newest snapshot
	saved    uint64            // of the newest one that was adopted
	flights  []*flight
	memory   int64 // that the table says it takes up
	snaps    int
}

// row is a row in memory.
type row struct {
	place   uint64
	changed uint64 // epoch in which it changed; since: in which it came, or was saved
	since   uint64
}

// flight is a snapshot that another goroutine writes.
type flight struct {
	epoch uint64
	draft heap.ColdDraft
	puts  []string
	want  map[string]string
	begin chan struct{}
	ended chan error // when it is closed
	fails bool       // it is released before it is closed
	left  chan struct{}
	saved *saved
}

func newWorld(tb testing.TB, home *lsm.Home, from, to int, seed uint64) *world {
	w := &world{
		tb: tb, from: from, to: to, random: rand.New(rand.NewPCG(seed, 7)), want: map[string]string{}, rows: map[string]*row{},
		tags: map[uint64]string{}, epoch: 1, saved: 0,
	}
	table, err := home.Open(from, to, groups, func(bytes int64) { w.memory += bytes })
	if err != nil {
		tb.Fatal(err)
	}
	w.table = table
	return w
}

func (w *world) check(err error) {
	w.tb.Helper()
	if err != nil {
		w.tb.Fatal(err)
	}
}

// key is a key of the table's key groups.
func (w *world) key(n int) (key string, ok bool) {
	key = fmt.Sprintf("key %d", n)
	g := keygroup.OfBytes([]byte(key), groups)
	return key, g >= w.from && g < w.to
}

func (w *world) someKeys(count, among int) (keys []string) {
	for len(keys) < count {
		if key, ok := w.key(w.random.IntN(among)); ok && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func hash(key string) uint64 { return keygroup.HashBytes([]byte(key)) }

// fetch brings keys into memory, and compares.
func (w *world) fetch(keys []string) {
	w.tb.Helper()
	var b heap.ColdBatch
	for _, key := range keys {
		if w.rows[key] == nil {
			b.Keys, b.Hashes = append(b.Keys, []byte(key)), append(b.Hashes, hash(key))
		}
	}
	w.check(w.table.Get(&b))
	for i, key := range b.Keys {
		want, ok := w.want[string(key)]
		if ok != (b.Places[i] != 0) || string(b.Values[i]) != want {
			w.tb.Fatalf("key %q: place %d, %d bytes %.20q; want %t, %d bytes %.20q", key, b.Places[i], len(b.Values[i]), b.Values[i], ok, len(want), want)
		}
		if ok {
			w.rows[string(key)] = &row{place: b.Places[i], since: w.epoch}
		}
	}
}

// modify changes keys, and deletes some.
func (w *world) modify(keys []string) {
	w.fetch(keys)
	for _, key := range keys {
		r := w.rows[key]
		if r != nil && w.random.IntN(8) == 0 {
			if r.place != 0 || r.since <= w.epoch-1 {
				w.check(w.table.Delete(hash(key), []byte(key), r.place))
			}
			delete(w.rows, key)
			delete(w.want, key)
			continue
		}
		if r == nil {
			r = &row{since: w.epoch}
			w.rows[key] = r
		}
		r.changed = w.epoch
		w.want[key] = w.value()
	}
}

func (w *world) value() string {
	b := make([]byte, 8+w.random.IntN(200))
	if w.random.IntN(500) == 0 {
		b = make([]byte, 100_000)
	}
	binary.LittleEndian.PutUint64(b, w.random.Uint64())
	return string(b)
}

// evict moves rows to the table until there are no more than so many.
func (w *world) evict(most int) {
	for _, key := range slices.Sorted(maps.Keys(w.rows)) {
		if len(w.rows) <= most {
			break
		}
		r := w.rows[key]
		if r.place == 0 || r.changed > w.saved {
			w.put(key, r)
		}
		delete(w.rows, key)
	}
	w.adopt()
	w.check(w.table.Tend())
}

func (w *world) put(key string, r *row) {
	if r.place != 0 {
		w.table.Forget(hash(key), r.place)
	}
	place, err := w.table.Put(hash(key), []byte(key), []byte(w.want[key]))
	w.check(err)
	if place == 0 {
		w.tb.Fatal("the place is 0")
	}
}

// seal begins a snapshot, which is written as soon as begin is closed.
func (w *world) seal(fails bool) *flight {
	draft, err := w.table.Seal()
	w.check(err)
	f := &flight{
		epoch: w.epoch, draft: draft, want: maps.Clone(w.want), fails: fails,
		begin: make(chan struct{}), ended: make(chan error, 1), left: make(chan struct{}),
	}
	for key, r := range w.rows {
		if r.changed > w.saved {
			f.puts = append(f.puts, key)
			w.tags[hash(key)] = key
		}
	}
	w.epoch++
	w.flights = append(w.flights, f)
	w.snaps++
	dir := filepath.Join(w.tb.TempDir(), "saved")
	go func() {
		<-f.begin
		defer close(f.left)
		f.ended <- f.write(dir)
		f.draft.Release()
	}()
	return f
}

// write writes a snapshot and saves its files elsewhere.
func (f *flight) write(dir string) error {
	for i, key := range f.puts {
		if f.fails && i == len(f.puts)/2 {
			return nil
		}
		if err := f.draft.Put(hash(key), []byte(key), []byte(f.want[key]), hash(key)); err != nil {
			return err
		}
	}
	if f.fails {
		return nil
	}
	if err := f.draft.Close(); err != nil {
		return err
	}
	if err := f.compare(); err != nil {
		return err
	}
	s, err := save(f.draft.Files(), dir)
	f.saved = s
	return err
}

func (f *flight) compare() error {
	got := map[string]string{}
	for g := range groups {
		err := f.draft.Records(g, func(h uint64, key, value []byte) error {
			if _, twice := got[string(key)]; twice || h != hash(string(key)) || keygroup.Of(h, groups) != g {
				return fmt.Errorf("key %q is there twice, or in the wrong place", key)
			}
			got[string(key)] = string(value)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return same(got, f.want)
}

func same(got, want map[string]string) error {
	for key, value := range want {
		if got[key] != value {
			return fmt.Errorf("key %q has %d bytes %.20q, want %d bytes %.20q", key, len(got[key]), got[key], len(value), value)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("there are %d keys, want %d", len(got), len(want))
	}
	return nil
}

// adopt takes over records of drafts, as a heap store does.
func (w *world) adopt() {
	for len(w.flights) > 0 {
		f := w.flights[0]
		done, err := w.table.Adopt(f.draft, 20, func(tag, h, place uint64) bool { return w.current(f.epoch, tag, h, place) })
		w.check(err)
		if !done {
			return
		}
		if !f.fails {
			w.saved = f.epoch
		}
		w.flights = w.flights[1:]
	}
}

func (w *world) current(epoch, tag, h, place uint64) bool {
	if tag != h {
		w.tb.Fatal("the tag is another")
	}
	r := w.rows[w.tags[tag]]
	if r == nil || r.since > epoch || r.changed > epoch {
		return false
	}
	if r.place != 0 {
		w.table.Forget(h, r.place)
	}
	r.place, r.since = place, epoch
	return true
}

// land lets a snapshot be written, and waits for it.
func (w *world) land(f *flight) {
	w.tb.Helper()
	close(f.begin)
	w.check(<-f.ended)
	<-f.left
}

// snapshot takes one, while nothing else happens.
func (w *world) snapshot() *saved {
	w.tb.Helper()
	f := w.seal(false)
	w.land(f)
	w.adoptAll()
	return f.saved
}

func (w *world) adoptAll() {
	for len(w.flights) > 0 {
		w.adopt()
	}
	w.check(w.table.Tend())
}

// all compares all that there is.
func (w *world) all() {
	w.tb.Helper()
	for key, r := range w.rows {
		if r.changed > w.saved || r.place == 0 {
			w.put(key, r)
		}
	}
	clear(w.rows)
	w.fetch(slices.Sorted(maps.Keys(w.want)))
	w.evict(0)
}

func (w *world) close() {
	w.check(w.table.Close())
	if w.memory != 0 {
		w.tb.Errorf("%d bytes are still taken", w.memory)
	}
}

// saved is a snapshot's files where a store would have them.
type saved struct {
	files []backend.RecordSource
}

func save(files []backend.RecordFile, dir string) (*saved, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	s := &saved{}
	for _, f := range files {
		b := make([]byte, f.Bytes())
		if _, err := f.ReadAt(b, 0); err != nil {
			return nil, err
		}
		on, err := os.ReadFile(f.Path())
		if err != nil || !bytes.Equal(on, b) {
			return nil, fmt.Errorf("file %s is not what it should be: %w", f.Name(), err)
		}
		path := filepath.Join(dir, f.Name())
		if err := os.WriteFile(path, b, 0o644); err != nil {
			return nil, err
		}
		from, to := f.Groups()
		s.files = append(s.files, backend.RecordSource{Name: f.Name(), From: from, To: to, Bytes: f.Bytes(), ReaderAt: bytes.NewReader(b), Path: path})
	}
	return s, nil
}

// copied are the files for a store that has no paths.
func (s *saved) copied() *saved {
	c := &saved{slices.Clone(s.files)}
	for i := range c.files {
		c.files[i].Path = ""
	}
	return c
}
