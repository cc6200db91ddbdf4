package hashlog

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/vfs"
)

// world is a table under an owner that does with it what a backend does, one step after another as a seed decides: rows in
// memory, dirty or clean, over records; barriers, whose drafts are written and adopted while the rest goes on; rewriting. It
// knows what each key has, now and at each barrier.
type world struct {
	t       testing.TB
	random  *rand.Rand
	disk    *vfs.Mem
	log     *Log
	table   *Table
	hash    func(key []byte) uint64
	config  TableConfig
	keys    int // so many different ones
	dir     string
	longest int // few values have up to so many bytes, most much less
	busy    int // of 100 steps, so many are the background's

	rows    map[string]*row
	truth   map[string]string
	batch   Batch
	writing []*barrier // drafts that are being written or adopted, oldest first
	queue   []func()   // of the background
	number  int        // of the next barrier
	// completed hears of each barrier's snapshot when it is whole.
	completed func(*barrier) error
}

// row is a key in memory.
type row struct {
	value   string
	dirty   bool
	at      Place
	version int
}

// barrier is a snapshot in the making.
type barrier struct {
	number   int
	truth    map[string]string
	draft    *Draft
	segments []*Segment
	frozen   []frozen
	written  int
	closed   bool
}

// frozen is a dirty row as it was at a barrier.
type frozen struct {
	key, value string
	version    int
}

type worldOptions struct {
	seed       uint64
	disk       *vfs.Mem
	hash       func(key []byte) uint64
	keys       int
	max        int
	background bool // in goroutines
	segment    int64
	from, to   int // key groups; 0, 0: all
}

func newWorld(t testing.TB, o worldOptions) *world {
	w := &world{
		t: t, random: rand.New(rand.NewPCG(o.seed, 1)), disk: o.disk, hash: o.hash, keys: o.keys, longest: 12 << 10, busy: 5 + int(o.seed%4)*15,
		config: TableConfig{From: o.from, To: o.to, Max: o.max},
		rows:   map[string]*row{}, truth: map[string]string{},
		completed: func(*barrier) error { return nil },
	}
	if o.to == 0 {
		w.config.To = o.max
	}
	w.dir = fmt.Sprint("log", w.config.From)
	options := Options{FS: o.disk, Dir: w.dir, Namespace: fmt.Sprint("s", o.seed, "-", w.config.From), SegmentBytes: o.segment, BufferBytes: 1, RewriteBytesPerSecond: -1}
	if !o.background {
		options.Background = func(work func()) { w.queue = append(w.queue, work) }
	}
	log, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	log.hash = o.hash
	log.readers.slow = 1 << 62 // the order of operations is part of the seed
	w.log = log
	w.config.Moved = w.moved
	w.table = w.newTable()
	return w
}

func (w *world) newTable() *Table {
	table, err := w.log.NewTable(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	return table
}

func (w *world) moved(hash uint64, from, to Place) {
	for key, r := range w.rows {
		if w.hash([]byte(key)) == hash && r.at == from {
			r.at = to
			return
		}
	}
}

// step does something at random.
func (w *world) step() error {
	if w.random.IntN(100) < w.busy {
		w.work()
		_, err := w.table.Rewrite(1 + w.random.IntN(40))
		return err
	}
	switch n := w.random.IntN(80); {
	case n < 40:
		return w.touch(1 + w.random.IntN(8))
	case n < 56:
		return w.evict()
	case n < 64:
		return w.delete()
	case n < 66:
		return w.barrier()
	case n < 74:
		return w.write()
	case n < 79:
		return w.adopt()
	}
	return w.settle()
}

// settle ends what has begun, and rewrites all that is worth it.
func (w *world) settle() error {
	for len(w.writing) > 0 {
		if err := errors.Join(w.write(), w.adopt()); err != nil {
			return err
		}
	}
	for range 30 {
		w.drain()
		if _, err := w.table.Rewrite(1000); err != nil {
			return err
		}
	}
	return nil
}

// key is one of the table's.
func (w *world) key() string {
	for {
		key := strconv.Itoa(w.random.IntN(w.keys))
		if w.table.index.owns(w.hash([]byte(key))) {
			return key
		}
	}
}

func (w *world) value() string {
	n := w.random.IntN(200)
	if w.random.IntN(100) == 0 {
		n = w.random.IntN(w.longest + 1)
	}
	return string(bytes.Repeat([]byte{byte('a' + w.random.IntN(26))}, n))
}

// load has rows for keys that exist, in one batch.
func (w *world) load(keys []string) error {
	b := &w.batch
	b.Keys, b.Hashes = b.Keys[:0], b.Hashes[:0]
	for _, key := range keys {
		if w.rows[key] == nil && !slices.ContainsFunc(b.Keys, func(k []byte) bool { return string(k) == key }) {
			b.Keys, b.Hashes = append(b.Keys, []byte(key)), append(b.Hashes, w.hash([]byte(key)))
		}
	}
	if err := w.table.Get(b); err != nil {
		return err
	}
	for i, key := range b.Keys {
		w.compare("key", string(key), b.Places[i] != 0, string(b.Values[i]))
		if b.Places[i] != 0 {
			w.insert(string(key), &row{value: string(b.Values[i]), at: b.Places[i]})
		}
	}
	return nil
}

// compare compares what was found of a key that has no row with what it has.
func (w *world) compare(what, key string, found bool, value string) {
	w.t.Helper()
	want, ok := w.truth[key]
	if found != ok || value != want {
		w.t.Fatalf("%s %s: found %t %.20q (%d bytes), want %t %.20q (%d bytes)", what, key, found, value, len(value), ok, want, len(want))
	}
}

func (w *world) insert(key string, r *row) {
	hash := w.hash([]byte(key))
	for other := range w.rows {
		if other != key && w.hash([]byte(other)) == hash {
			w.table.Collide(hash)
		}
	}
	w.rows[key] = r
}

// touch changes some keys.
func (w *world) touch(count int) error {
	keys := make([]string, count)
	for i := range keys {
		keys[i] = w.key()
	}
	if err := w.load(keys); err != nil {
		return err
	}
	for _, key := range keys {
		r := w.rows[key]
		if r == nil {
			r = &row{}
			w.insert(key, r)
		} else if w.random.IntN(3) == 0 {
			continue // only looked at
		}
		if r.at != 0 {
			w.table.Forget(w.hash([]byte(key)), r.at)
			r.at = 0
		}
		r.value, r.dirty = w.value(), true
		r.version++
		w.truth[key] = r.value
	}
	return nil
}

func (w *world) some() (key string, r *row) {
	keys := slices.Sorted(maps.Keys(w.rows))
	if len(keys) == 0 {
		return "", nil
	}
	key = keys[w.random.IntN(len(keys))]
	return key, w.rows[key]
}

// evict takes some rows out of memory.
func (w *world) evict() error {
	for range w.random.IntN(6) {
		key, r := w.some()
		if r == nil {
			return nil
		}
		if r.dirty {
			if _, err := w.table.Put(w.hash([]byte(key)), []byte(key), []byte(r.value)); err != nil {
				return err
			}
		}
		delete(w.rows, key)
	}
	return nil
}

func (w *world) delete() error {
	key := w.key()
	if err := w.load([]string{key}); err != nil {
		return err
	}
	r := w.rows[key]
	if r == nil {
		return nil
	}
	delete(w.rows, key)
	delete(w.truth, key)
	return w.table.Delete(w.hash([]byte(key)), []byte(key), r.at)
}

// barrier freezes the dirty rows.
func (w *world) barrier() error {
	d, err := w.table.Seal()
	if err != nil {
		return err
	}
	w.number++
	b := &barrier{number: w.number, truth: maps.Clone(w.truth), draft: d, segments: w.table.Segments()}
	for _, key := range slices.Sorted(maps.Keys(w.rows)) {
		if r := w.rows[key]; r.dirty {
			b.frozen = append(b.frozen, frozen{key, r.value, r.version})
		}
	}
	w.writing = append(w.writing, b)
	return nil
}

// write goes on with a draft.
func (w *world) write() error {
	for _, b := range w.writing {
		if b.closed {
			continue
		}
		if w.random.IntN(50) == 0 {
			b.draft.Abort()
			b.closed = true
			return w.giveUp(b)
		}
		for range w.random.IntN(20) {
			if b.written == len(b.frozen) {
				return w.complete(b)
			}
			f := b.frozen[b.written]
			if err := b.draft.Put(w.hash([]byte(f.key)), []byte(f.key), []byte(f.value), uint64(b.written)); err != nil {
				b.draft.Abort()
				return errors.Join(err, w.giveUp(b))
			}
			b.written++
		}
		return nil
	}
	return nil
}

// snapshot takes one and completes it, whatever else happens meanwhile.
func (w *world) snapshot() error {
	if err := w.barrier(); err != nil {
		return err
	}
	b := w.writing[len(w.writing)-1]
	for !b.closed {
		if b.written == len(b.frozen) {
			return w.complete(b)
		}
		f := b.frozen[b.written]
		if err := b.draft.Put(w.hash([]byte(f.key)), []byte(f.key), []byte(f.value), uint64(b.written)); err != nil {
			return err
		}
		b.written++
	}
	return nil
}

func (w *world) complete(b *barrier) error {
	segments, err := b.draft.Close()
	b.closed = true
	if err != nil {
		b.draft.Abort()
		return errors.Join(err, w.giveUp(b))
	}
	b.segments = append(b.segments, segments...)
	for _, s := range b.segments {
		if err := s.Sync(); err != nil {
			return err
		}
	}
	if err := w.completed(b); err != nil {
		return err
	}
	return w.giveUp(b)
}

// giveUp releases what a barrier retained.
func (w *world) giveUp(b *barrier) error {
	for _, s := range b.segments {
		s.Release()
	}
	b.segments = nil
	return nil
}

// adopt goes on with the oldest draft that is not adopted.
func (w *world) adopt() error {
	if len(w.writing) == 0 {
		return nil
	}
	b := w.writing[0]
	done, err := w.table.Adopt(b.draft, 1+w.random.IntN(30), func(tag, hash uint64, at Place) bool {
		f := b.frozen[tag]
		r := w.rows[f.key]
		if r == nil || !r.dirty || r.version != f.version || r.value != f.value {
			return false
		}
		r.dirty, r.at = false, at
		return true
	})
	if done {
		w.writing = w.writing[1:]
	}
	return err
}

// work does some of what waits in the background.
func (w *world) work() {
	if len(w.queue) > 0 {
		i := w.random.IntN(len(w.queue))
		f := w.queue[i]
		w.queue = slices.Delete(w.queue, i, i+1)
		f()
	}
}

func (w *world) drain() {
	for len(w.queue) > 0 {
		w.work()
	}
}

// files are a barrier's segments as a restore takes them.
func (b *barrier) files() (files []SegmentFile) {
	for _, s := range b.segments {
		from, to := s.Groups()
		files = append(files, SegmentFile{Name: s.Name(), Path: s.Path(), From: from, To: to})
	}
	return files
}

// close ends the world, and checks that nothing is left of it.
func (w *world) close() {
	for _, b := range w.writing {
		if !b.closed {
			b.draft.Abort()
		}
		_ = w.giveUp(b)
	}
	if err := w.table.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.drain()
	if err := w.log.Close(); err != nil {
		w.t.Fatal(err)
	}
	infos, err := w.disk.ReadDir(w.dir)
	if err != nil || len(infos) > 0 {
		w.t.Errorf("%d files are left: %v", len(infos), err)
	}
	if s := w.log.Stats(); s.Segments != 0 || s.SegmentBytes != 0 || s.Records != 0 || s.Dead != 0 || s.MemoryBytes != 0 {
		w.t.Errorf("left: %+v", s)
	}
}

// checkRestore restores files at some parallelism and compares with what was at the barrier.
func checkRestore(t testing.TB, disk *vfs.Mem, files []SegmentFile, truth map[string]string, hash func([]byte) uint64, max, parallelism int) {
	t.Helper()
	log, err := Open(Options{FS: disk, Dir: "other", RewriteBytesPerSecond: -1, Background: func(work func()) { work() }})
	if err != nil {
		t.Fatal(err)
	}
	log.hash = hash
	found := 0
	for i := range parallelism {
		from, to := keygroup.Range(i, parallelism, max)
		table, err := log.NewTable(TableConfig{From: from, To: to, Max: max})
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Restore(files); err != nil {
			t.Fatal(err)
		}
		var b Batch
		for _, key := range slices.Sorted(maps.Keys(truth)) {
			if h := hash([]byte(key)); table.index.owns(h) {
				b.Keys, b.Hashes = append(b.Keys, []byte(key)), append(b.Hashes, h)
			}
		}
		if err := table.Get(&b); err != nil {
			t.Fatal(err)
		}
		for i, key := range b.Keys {
			if want := truth[string(key)]; b.Places[i] == 0 || want != string(b.Values[i]) {
				t.Fatalf("key %s: restored %t, %d bytes, want %d", key, b.Places[i] != 0, len(b.Values[i]), len(want))
			}
		}
		found += table.Len()
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if found != len(truth) {
		t.Fatalf("%d keys are restored, want %d", found, len(truth))
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// readers opens files as a tool does.
func openSources(t testing.TB, disk *vfs.Mem, files []SegmentFile, hash func([]byte) uint64) (sources []Source) {
	t.Helper()
	for _, f := range files {
		file, err := disk.Open(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		size, err := file.Size()
		if err != nil {
			t.Fatal(err)
		}
		r, err := ReadSegment(file, size, filepath.Base(f.Path))
		if err != nil {
			t.Fatal(err)
		}
		r.hash = hash
		sources = append(sources, Source{r, f.From, f.To})
	}
	return sources
}
