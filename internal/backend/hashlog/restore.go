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
)

// SegmentFile is a segment of a snapshot that a table is restored from.
type SegmentFile struct {
	// Name is what Segment.Name was: the table's segment has it again, so that a snapshot knows what it has already.
	Name string
	// Path is a file of the log's file system. It is linked into the log's folder, or copied where that can't be.
	Path string
	// From … To-1 are what Segment.Groups was: key groups for which the segment counts.
	From, To int
}

// Restore gives a table that is empty the records of a snapshot: all segments of all subtasks that had any of its key groups. It
// reads their footers, and no records.
func (t *Table) Restore(files []SegmentFile) error {
	if len(t.held) > 0 || t.sequence > 0 {
		return errors.New("hash log: a table can be restored only before it is used")
	}
	sources := make([]Source, 0, len(files))
	for _, f := range joined(files) {
		f.From, f.To = max(f.From, t.config.From), min(f.To, t.config.To)
		if f.From >= f.To {
			continue
		}
		s, err := t.open(f)
		if err != nil {
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

// open makes a file one of the table's segments.
func (t *Table) open(f SegmentFile) (Source, error) {
	l := t.log
	_, path := l.nextName()
	if err := l.bring(f.Path, path); err != nil {
		return Source{}, err
	}
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
func (l *Log) bring(from, to string) error {
	err := l.fs.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if copyErr := l.copy(from, to); copyErr != nil {
		return errors.Join(err, copyErr, l.fs.Remove(to))
	}
	return nil
}

func (l *Log) copy(from, to string) (err error) {
	source, err := l.fs.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	size, err := source.Size()
	if err != nil {
		return err
	}
	target, err := l.fs.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	_, err = io.CopyBuffer(struct{ io.Writer }{target}, io.NewSectionReader(source, 0, size), make([]byte, 1<<20))
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
