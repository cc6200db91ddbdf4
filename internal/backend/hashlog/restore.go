package hashlog

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"leat.dev/leat/internal/vfs"
)

// SegmentFile is a segment of a snapshot that a table is restored from.
type SegmentFile struct {
	// Name is what Segment.Name was: the table's segment has it again, so that a snapshot knows what it has already.
	Name string
	// Path is a file of the log's file system. It is linked into the log's folder, or copied where that can't be.
	Path string
	// Copy is what has so many bytes of the segment where there is no Path.
	Copy  io.ReaderAt
	Bytes int64
	// From … To-1 are what Segment.Groups was: key groups for which the segment counts.
	From, To int
}

// Restore gives a table that is empty the records of a snapshot: all segments of all subtasks that had any of its key groups. It
// reads their footers, and no records.
func (t *Table) Restore(files []SegmentFile) error {
	if len(t.held) > 0 || t.sequence > 0 {
		return errors.New("hash log: a table can be restored only before it is used")
	}
	files = joined(files)
	for i := range files {
		files[i].From, files[i].To = max(files[i].From, t.config.From), min(files[i].To, t.config.To)
	}
	files = slices.DeleteFunc(files, func(f SegmentFile) bool { return f.From >= f.To })
	paths, err := t.log.bringAll(files)
	if err != nil {
		return err
	}
	sources := make([]Source, 0, len(files))
	for i, f := range files {
		s, err := t.open(f, paths[i])
		if err != nil {
			for _, left := range paths[i+1:] {
				_ = t.log.fs.Remove(left) // the next Open would
			}
			return fmt.Errorf("restore segment %s: %w", f.Name, err)
		}
		sources = append(sources, s)
	}
	slices.SortStableFunc(sources, byRank) // as t.held is
	if err := t.rebuild(sources); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, h := range slices.Clone(t.held) {
		t.sequence = max(t.sequence, h.seg.rank>>partBits)
		if h.records+h.tombstones == 0 {
			t.letGo(h)
		}
	}
	t.stale = true
	t.account()
	t.report()
	return nil
}

// joined makes one file of those that several subtasks named, where their key groups are neighbours.
func joined(files []SegmentFile) []SegmentFile {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b SegmentFile) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.From, b.From)) })
	kept := files[:0]
	for _, f := range files {
		if last := len(kept) - 1; last >= 0 && kept[last].Name == f.Name && kept[last].To >= f.From {
			kept[last].To = max(kept[last].To, f.To)
			continue
		}
		kept = append(kept, f)
	}
	return kept
}

// bringers is how many files are copied at once.
const bringers = 8

// bringAll has files in the log's folder, and says where.
func (l *Log) bringAll(files []SegmentFile) ([]string, error) {
	paths, errs := make([]string, len(files)), make([]error, len(files))
	room := make(chan struct{}, bringers)
	var all sync.WaitGroup
	for i, f := range files {
		_, paths[i] = l.nextName()
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			if err := l.bring(f, paths[i]); err != nil {
				errs[i] = fmt.Errorf("restore segment %s: %w", f.Name, err)
			}
		})
	}
	all.Wait()
	err := errors.Join(errs...)
	for i := range files {
		if err != nil && errs[i] == nil {
			_ = l.fs.Remove(paths[i]) // the next Open would
		}
	}
	return paths, err
}

// open makes a file one of the table's segments.
func (t *Table) open(f SegmentFile, path string) (Source, error) {
	l := t.log
	file, err := l.fs.Open(path)
	if err != nil {
		return Source{}, err
	}
	// It is as durable as the snapshot that it came from.
	s := &Segment{log: l, name: f.Name, path: path, from: f.From, to: f.To, file: file, failure: t.failure, synced: true}
	s.refs.Store(1)
	l.count.segments.Add(1)
	r, err := t.openReader(s)
	if err == nil {
		s.rank, s.records, s.salt = r.trailer.rank, r.trailer.records, r.trailer.salt
		s.entries, s.tombstones, s.readBytes = int64(r.trailer.entries), int64(r.trailer.tombstones), int64(r.trailer.readBytes)
		_, err = t.hold(s)
	}
	if err != nil {
		s.Release()
		return Source{}, err
	}
	return Source{r, f.From, f.To}, nil
}

func (t *Table) openReader(s *Segment) (*SegmentReader, error) {
	size, err := s.file.Size()
	if err != nil {
		return nil, err
	}
	l := t.log
	s.counted.Store(size)
	l.count.segmentBytes.Add(size)
	r, err := ReadSegment(s.file, size, s.path)
	if err != nil {
		return nil, err
	}
	if r.Info().Max != t.config.Max {
		return nil, fmt.Errorf("it is of a job with %d key groups, and this one has %d", r.Info().Max, t.config.Max)
	}
	r.hash = l.hash
	return r, nil
}

// bring links a file to another name, or copies it.
func (l *Log) bring(f SegmentFile, to string) error {
	if _, real := l.fs.(vfs.OS); f.Path == "" || !real && f.Copy != nil {
		return l.copyTo(to, f.Copy, f.Bytes)
	}
	err := l.fs.Link(f.Path, to)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return l.copy(f.Path, to)
}

func (l *Log) copy(from, to string) error {
	source, err := l.fs.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	size, err := source.Size()
	if err != nil {
		return err
	}
	return l.copyTo(to, source, size)
}

// copyTo writes a file of so many bytes, or none.
func (l *Log) copyTo(to string, from io.ReaderAt, bytes int64) (err error) {
	target, err := l.fs.Create(to)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, target.Close()); err != nil {
			_ = l.fs.Remove(to) // the next Open would
		}
	}()
	_, err = io.CopyBuffer(struct{ io.Writer }{target}, io.NewSectionReader(from, 0, bytes), make([]byte, 1<<20))
	return err
}

// fewEntries is how many are not worth a second goroutine.
const fewEntries = 1 << 16

// rebuild makes the index, several key groups at once.
func (t *Table) rebuild(sources []Source) error {
	groups := len(t.index.groups)
	workers := min(runtime.GOMAXPROCS(0), groups)
	if newResolver(sources).estimate(0, 1<<64-1) <= fewEntries {
		workers = 1
	}
	works := make([]*rebuilding, workers)
	var all sync.WaitGroup
	for i := range works {
		w := &rebuilding{table: t, resolver: newResolver(sources)}
		works[i] = w
		all.Go(func() { w.err = w.groups(i*groups/workers, (i+1)*groups/workers) })
	}
	all.Wait()
	var errs []error
	for _, w := range works {
		errs = append(errs, w.err)
		t.index.used += w.used
		t.index.bytes += w.bytes
		for i := range w.resolver.sources {
			t.restored(t.held[i], &w.resolver.sources[i])
		}
	}
	return errors.Join(errs...)
}

// restored counts what was found of a segment.
func (t *Table) restored(h *held, found *resolving) {
	h.records += found.records
	h.tombstones += found.tombstones
	h.alive += found.alive
	c := &t.log.count
	t.dead += found.records - found.alive + found.tombstones
	c.restored.Add(found.records + found.tombstones)
}

// rebuilding makes parts of the index from entries that come in order of hashes.
type rebuilding struct {
	table    *Table
	resolver *resolver
	slots    []uint64 // of the part that is being made
	used     int
	bytes    int64
	err      error
}

func (w *rebuilding) groups(from, to int) error {
	for i := from; i < to; i++ {
		if err := w.group(i); err != nil {
			return err
		}
	}
	return nil
}

// group makes the parts of a key group: so many that none needs to be split soon.
func (w *rebuilding) group(i int) error {
	t := w.table
	number := t.config.From + i
	first, last := firstHash(number, t.config.Max), firstHash(number+1, t.config.Max)-1
	depth := uint8(0)
	for estimate := w.resolver.estimate(first, last); estimate>>depth > maxHomes/2 && depth < maxDepth; {
		depth++
	}
	g := group{depth: depth, parts: make([]*part, 0, 1<<depth)}
	err := w.resolver.resolve(first, last, func(f found) error {
		bits := bitsIn(f.hash, t.config.Max)
		for int(bits>>(hashBits-depth)) > len(g.parts) {
			w.endPart(&g)
		}
		w.slots = append(w.slots, makeSlot(bits, t.held[f.source].place(f.where())))
		if f.where()&shared != 0 {
			t.colliding.add(f.hash)
		}
		return nil
	})
	for len(g.parts) < 1<<depth { // also after an error: Close gives back all parts that there are
		w.endPart(&g)
	}
	t.index.groups[i] = g
	return err
}

func (w *rebuilding) endPart(g *group) {
	if g.depth == 0 && len(w.slots) == 0 {
		g.parts = append(g.parts, vacant)
		return
	}
	p := build(g.depth, homesFor(len(w.slots)), w.slots)
	w.used += len(w.slots)
	w.bytes += p.bytes()
	w.slots = w.slots[:0]
	g.parts = append(g.parts, &p)
}
