package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/failpoint"
)

// partWriter writes the parts of one subtask. Exactly once:
//
//	first record   .pending-JOB-OPERATOR-HASH/.part-0-00003-ID.jsonl.pending   made, so that nobody else takes the name
//	Roll           synced and closed; the next record begins part 4
//	Prepare        all are, and named in the committable
//	Commit         part-0-00003-ID.jsonl                                       renamed
//	Close          what was not prepared is deleted
//
// At least once, a part that is synced and closed, by Roll or Flush, is renamed at once; it is pending beside its later name.
type partWriter[T any] struct {
	output[T]
	naming
	// exactlyOnce leaves complete parts pending.
	exactlyOnce bool
	// count is how many subtasks there are, number the next part's.
	count, number int
	// open has the parts that are being written, by sub-folder; last is the one that the last record went to, or nil.
	open map[string]*openPart[T]
	last *openPart[T]
	uses uint64
	// sealed are complete and not prepared.
	sealed []part
	spare  []tools[T] // of parts that were
	// oldest is since when a part may be open that is to end in time; zero if none is.
	oldest time.Time
}

// maxOpenParts is how many parts a writer has open at a time: a file and up to [drainBytes] each.
const maxOpenParts = 64

func (w *partWriter[T]) Write(_ context.Context, b *connector.Batch[T]) error {
	if w.rollAfter > 0 {
		if err := w.rollOld(w.now()); err != nil {
			return w.explain(err)
		}
	}
	for i := range b.Values {
		if err := w.add(&b.Values[i]); err != nil {
			return w.explain(err)
		}
	}
	return nil
}

func (w *partWriter[T]) explain(err error) error {
	return fmt.Errorf("file: write to folder %q: %w", w.dir, err)
}

func (w *partWriter[T]) add(v *T) error {
	p, err := w.partFor(v)
	if err != nil {
		return err
	}
	if err := p.add(v); err != nil {
		return fmt.Errorf("part %d of subtask %d: %w", p.number, w.subtask, err)
	}
	if w.rollBytes > 0 && p.size() >= w.rollBytes {
		return w.seal(p)
	}
	return nil
}

// partFor is the part that a record goes to.
func (w *partWriter[T]) partFor(v *T) (*openPart[T], error) {
	folder := ""
	if w.by != nil {
		folder = w.by.folder(*v)
	}
	if w.last != nil && w.last.folder == folder {
		return w.last, nil
	}
	p := w.open[folder]
	if p == nil {
		var err error
		if p, err = w.begin(folder); err != nil {
			return nil, err
		}
	}
	w.uses++
	p.used, w.last = w.uses, p
	return p, nil
}

func (w *partWriter[T]) begin(folder string) (*openPart[T], error) {
	if w.by != nil {
		if err := checkFolder(folder); err != nil {
			return nil, err
		}
	}
	if len(w.open) >= maxOpenParts {
		if err := w.seal(w.leastUsed()); err != nil {
			return nil, err
		}
	}
	p := &openPart[T]{folder: folder, since: w.now()}
	if w.rollAfter > 0 && w.oldest.IsZero() {
		w.oldest = p.since
	}
	if err := w.claim(p); err != nil {
		return nil, err
	}
	if n := len(w.spare); n > 0 {
		p.tools, w.spare = w.spare[n-1], w.spare[:n-1]
	} else {
		p.encoder = w.encoder()
	}
	p.buf = p.encoder.begin(p.buf)
	w.open[folder] = p
	return p, nil
}

func (w *partWriter[T]) leastUsed() *openPart[T] {
	return slices.MinFunc(slices.Collect(maps.Values(w.open)), func(a, b *openPart[T]) int { return cmp.Compare(a.used, b.used) })
}

// claim makes a pending part under the first number that is free. The pending file is the claim to the name, so the check for
// the visible part comes after it: a part that became visible before has had its claim before.
func (w *partWriter[T]) claim(p *openPart[T]) error {
	for ; ; w.number++ {
		part := w.naming.part(p.folder, w.number)
		f, err := w.create(part, p.folder)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		taken, err := exists(w.files, w.at(part.Path))
		if err == nil && !taken {
			p.part, p.file, p.number = part, f, w.number
			w.number++
			return nil
		}
		f.Close() // its content is of no interest
		if err := errors.Join(err, w.files.remove(w.at(part.Pending))); err != nil {
			return err
		}
	}
}

// create makes the file of a pending part. Another subtask that has ended may take the empty folder of pending parts away
// just before: that happens at most once a subtask.
func (w *partWriter[T]) create(p part, folder string) (handle, error) {
	err := makeSubfolder(w.files, w.dir, folder) // now, and not by Commit, which is too late to find that it can't be made
	for range 1 + w.count {
		if err == nil && w.hidden != "" {
			err = w.files.mkdir(w.at(w.hidden))
		}
		if err != nil {
			return nil, err
		}
		f, err := w.files.create(w.at(p.Pending))
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("the folder %s is deleted again and again", w.at(w.hidden))
}

// at is a path in the sink's folder.
func (w *partWriter[T]) at(path string) string { return filepath.Join(w.dir, filepath.FromSlash(path)) }

// NextTick is when a part may have been open for long enough: one that has ended since makes it come too early.
func (w *partWriter[T]) NextTick() (at time.Time, ok bool) {
	return w.oldest.Add(w.rollAfter), !w.oldest.IsZero()
}

// Tick ends the parts that have been open for too long.
func (w *partWriter[T]) Tick(_ context.Context, now time.Time) error {
	if err := w.rollOld(now); err != nil {
		return w.explain(err)
	}
	return nil
}

// rollOld ends the parts that have been open for too long.
func (w *partWriter[T]) rollOld(now time.Time) error {
	err := w.sealAll(func(p *openPart[T]) bool { return now.Sub(p.since) >= w.rollAfter })
	w.oldest = time.Time{}
	for _, p := range w.open {
		if w.oldest.IsZero() || p.since.Before(w.oldest) {
			w.oldest = p.since
		}
	}
	return err
}

func (w *partWriter[T]) sealAll(which func(*openPart[T]) bool) error {
	for _, folder := range sorted(w.open) {
		if p := w.open[folder]; which(p) {
			if err := w.seal(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// seal ends a part. One that fails stays among the open ones, for Close to delete.
func (w *partWriter[T]) seal(p *openPart[T]) error {
	if err := p.seal(); err != nil {
		return err
	}
	if w.exactlyOnce {
		w.sealed = append(w.sealed, p.part)
	} else if err := commit(w.files, []string{w.dir}, []part{p.part}, false); err != nil {
		return err
	}
	delete(w.open, p.folder)
	w.spare = append(w.spare, tools[T]{p.encoder, p.buf[:0]})
	if w.last == p {
		w.last = nil
	}
	return nil
}

func all[T any](*openPart[T]) bool { return true }

// Flush makes what was written durable and, at least once, visible.
func (w *partWriter[T]) Flush(context.Context) error {
	if err := w.sealAll(all); err != nil {
		return w.explain(err)
	}
	return nil
}

// Prepare makes what was written durable and names it.
func (w *partWriter[T]) Prepare(_ context.Context, checkpoint int64) ([]byte, error) {
	b, err := w.prepareParts()
	if err != nil {
		return nil, fmt.Errorf("file: prepare checkpoint %d in folder %q: %w", checkpoint, w.dir, err)
	}
	return b, nil
}

func (w *partWriter[T]) prepareParts() ([]byte, error) {
	if err := w.sealAll(all); err != nil || len(w.sealed) == 0 {
		return nil, err
	}
	for _, dir := range []string{w.at(w.hidden), w.dir} {
		if err := w.files.sync(dir); err != nil {
			return nil, err
		}
	}
	for _, p := range w.sealed {
		if size, err := w.files.size(w.at(p.Pending)); err != nil || size != p.Bytes {
			return nil, errors.Join(fmt.Errorf("pending part %s was taken away or changed: does another process run this job?", p.Pending), err)
		}
	}
	folder, err := filepath.Abs(w.dir)
	if err != nil {
		return nil, err
	}
	b, err := encodeCommittable(folder, w.sealed)
	failpoint.Hit(failpoint.PartsPrepared)
	w.sealed = nil
	return b, err
}

// Commit makes visible what a Prepare has named. It uses nothing that other methods change.
func (w *partWriter[T]) Commit(_ context.Context, b []byte) error {
	c, err := decodeCommittable(b)
	if err == nil {
		err = commit(w.files, w.places(c), c.Parts, false)
	}
	if err != nil {
		return fmt.Errorf("file: commit to folder %q: %w", w.dir, err)
	}
	return nil
}

// Close deletes what was neither flushed nor prepared.
func (w *partWriter[T]) Close() error {
	var errs []error
	for _, folder := range sorted(w.open) {
		p := w.open[folder]
		p.file.Close() // its content is of no interest
		errs = append(errs, removeIfThere(w.files, w.at(p.Pending)))
	}
	for _, p := range w.sealed {
		errs = append(errs, removeIfThere(w.files, w.at(p.Pending)))
	}
	clear(w.open)
	w.last, w.sealed = nil, nil
	if w.hidden != "" {
		w.files.remove(w.at(w.hidden)) // it stays as long as there is a pending part in it
	}
	if err := errors.Join(errs...); err != nil {
		return w.explain(err)
	}
	return nil
}

// sorted are the keys of a map in order, so that what is done to files is the same in each run.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
