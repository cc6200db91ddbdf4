package lsm

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"leat.dev/leat/internal/backend"
)

// checkpoint is what a snapshot has of one table, and what of it counts.
type checkpoint struct {
	*listing
	from, to int
}

// weight is about how many bytes of it count.
func (c *checkpoint) weight() int64 {
	return c.bytes() / int64(max(c.To-c.From, 1)) * int64(c.to-c.from)
}

// whole says whether all of it counts.
func (c *checkpoint) whole() bool { return c.from <= c.From && c.to >= c.To }

// checkpointsOf finds the checkpoints that count for key groups from up to, without, to, and all sorted files by their names.
func checkpointsOf(sources []backend.RecordSource, from, to int) ([]*checkpoint, map[string]backend.RecordSource, error) {
	var all []*checkpoint
	sorted := map[string]backend.RecordSource{}
	for _, s := range sources {
		if !strings.HasSuffix(s.Name, listingEnding) {
			sorted[s.Name] = s
			continue
		}
		c := &checkpoint{from: max(from, s.From), to: min(to, s.To)}
		if c.from >= c.to {
			continue
		}
		var err error
		if c.listing, err = readListing(s); err != nil {
			return nil, nil, err
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *checkpoint) int { return cmp.Compare(a.from, b.from) })
	return all, sorted, nil
}

func readListing(s backend.RecordSource) (*listing, error) {
	b := make([]byte, s.Bytes)
	n, err := readFull(s, b)
	if n < len(b) && err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read file %s: %w", s.Name, err)
	}
	l, err := decodeListing(b[:n])
	if err != nil {
		return nil, &DamageError{s.Name, err}
	}
	return l, nil
}

// readFull reads a source from its beginning.
func readFull(s backend.RecordSource, b []byte) (int, error) {
	if s.ReaderAt != nil {
		return s.ReadAt(b, 0)
	}
	f, err := os.Open(s.Path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(b, 0)
}

var errUsed = errors.New("a table can be restored only before it is used")

// Restore gives the table, which is empty, the records of a snapshot. Of the checkpoint that has the most, the engine takes over the
// files, without those of other key groups; the records of others it gets as sorted files.
func (t *Table) Restore(sources []backend.RecordSource) error {
	if t.live != 0 || t.restored != nil || len(t.layers[0].writes) > 0 || len(t.layers) > 1 {
		return errUsed
	}
	all, sorted, err := checkpointsOf(sources, t.from, t.to)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if len(all) == 0 {
		return nil
	}
	base := slices.MaxFunc(all, func(a, b *checkpoint) int { return cmp.Compare(a.weight(), b.weight()) })
	if err := t.takeOver(base, sorted); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, c := range all {
		if c == base {
			continue
		}
		if err := t.ingest(c, sorted); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	n, err := t.engine.Estimate()
	t.live = max(n, 1) // an estimate of none is no proof
	return err
}

// takeOver opens the engine over a checkpoint's files in place of none.
func (t *Table) takeOver(c *checkpoint, sorted map[string]backend.RecordSource) error {
	dir := t.folder.next("engine")
	if err := c.link(dir, sorted); err != nil {
		return err
	}
	t.home.forget(t)
	err := t.engine.Close()
	t.engine = nil // and there is none, should no other take its place
	if err != nil {
		return err
	}
	if t.engine, err = t.driver.Open(dir); err != nil {
		return c.named(err)
	}
	t.home.note(t)
	t.restored = map[string]string{}
	for _, s := range c.Sorted {
		t.restored[s.File] = s.Name
	}
	if c.whole() {
		return nil
	}
	return c.named(t.engine.Clip(bound(c.from), bound(c.to)))
}

// ingestBytes is about how long the files are that a checkpoint's records go over in.
const ingestBytes = 32 << 20

// ingest copies what counts of a checkpoint into the engine.
func (t *Table) ingest(c *checkpoint, sorted map[string]backend.RecordSource) (err error) {
	r, err := openCheckpoint(t.driver, t.folder.next("restore"), c, sorted)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	dir := t.folder.next("sorted")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w := sortedWriter{engine: t.engine, dir: dir}
	err = c.named(r.engine.Scan(bound(c.from), bound(c.to), w.set))
	if err = errors.Join(err, w.end()); err != nil || len(w.paths) == 0 {
		return err
	}
	return t.engine.Ingest(w.paths)
}

// sortedWriter writes files for Ingest.
type sortedWriter struct {
	engine Engine
	dir    string
	paths  []string
	file   File
}

func (w *sortedWriter) set(key, value []byte) (err error) {
	if w.file != nil && w.file.Bytes() >= ingestBytes {
		if err := w.end(); err != nil {
			return err
		}
	}
	if w.file == nil {
		path := filepath.Join(w.dir, fmt.Sprintf("%06d%s", len(w.paths)+1, sortedEnding))
		if w.file, err = w.engine.NewFile(path); err != nil {
			return err
		}
		w.paths = append(w.paths, path)
	}
	return w.file.Set(key, value)
}

func (w *sortedWriter) end() error {
	if w.file == nil {
		return nil
	}
	f := w.file
	w.file = nil
	return f.Close()
}

// named gives damage in one of a checkpoint's files the name that it has in the snapshot.
func (l *listing) named(err error) error {
	var d *DamageError
	if !errors.As(err, &d) {
		return err
	}
	for _, s := range l.Sorted {
		if s.File == d.File {
			return &DamageError{s.Name, d.Err}
		}
	}
	return err
}
