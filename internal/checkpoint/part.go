package checkpoint

import (
	"context"
	"fmt"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/runtime"
	"leat.dev/leat/internal/store"
)

// partWriter writes a subtask's part of a checkpoint.
type partWriter struct {
	c    *Coordinator
	part *runtime.Capture
	in   store.Store
	to   *Target // of a savepoint
	base *base   // nil: the part is whole
	// shares has files of records that need not be written again; nil: none.
	shares *Manifest
	// chains are what a later checkpoint of the job's own goes on with.
	chains map[share]chain
}

func (c *Coordinator) writerOf(part *runtime.Capture) *partWriter {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &partWriter{c: c, part: part, in: c.Store, chains: map[share]chain{}}
	p := c.pending[part.Checkpoint]
	if p == nil {
		return w
	}
	w.base, w.shares = p.base, p.shares
	if p.to != nil {
		w.in, w.to = p.to.Store, p.to
	}
	return w
}

// persist writes keyed state to segment files.
func (w *partWriter) persist() ([]Operator, error) {
	var operators []Operator
	for _, captured := range w.part.Operators {
		o := Operator{Name: captured.Operator, Entries: captured.Entries, Floors: captured.Floors, Committables: captured.Committables}
		if len(captured.Keyed) > 0 {
			var err error
			if o.Files, o.Records, err = w.segment(captured); err != nil {
				return nil, fmt.Errorf("operator %s, subtask %d: %w", captured.Operator, w.part.Subtask, err)
			}
		}
		operators = append(operators, o)
	}
	return operators, nil
}

// segment writes an operator's state, and returns all files that have it. A codec of the user's that panics fails the checkpoint,
// not the process.
func (w *partWriter) segment(o runtime.OperatorCapture) (files []File, records []Records, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = runtime.Thrown(r)
		}
	}()
	f := File{Name: w.name(o.Operator), From: w.part.GroupFrom, To: w.part.GroupTo, Checkpoint: w.part.Checkpoint}
	create := func() (store.Writer, error) { return w.in.Create(context.Background(), f.Name) }
	at := share{o.Operator, w.part.Subtask}
	filing := &filing{w: w, operator: o.Operator}
	var sections []section
	if w.base == nil {
		f.Bytes, sections, err = writeWhole(create, o, filing)
	} else {
		f.Bytes, sections, err = writeChained(create, o, w.base.chains[at], filing)
	}
	if err != nil {
		return nil, nil, err
	}
	records = filing.named()
	if w.base == nil {
		w.chains[at] = chain{}.then(f, sections)
		f.Checkpoint = 0
		return []File{f}, records, nil
	}
	w.chains[at] = w.base.chains[at].then(f, sections)
	return w.chains[at].files(w.part.Checkpoint), records, nil
}

// name is where a subtask's segment file goes.
func (w *partWriter) name(operator string) string {
	if w.to != nil {
		return w.to.segment(operator, w.part.Subtask)
	}
	return segmentName(w.c.Job, w.c.Epoch, w.part.Checkpoint, operator, w.part.Subtask)
}

// writeWhole writes a file of all that there is.
func writeWhole(create func() (store.Writer, error), o runtime.OperatorCapture, filing *filing) (int64, []section, error) {
	out, err := create()
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = out.Abort() }() // of what has failed: after Close it does nothing, and a sweep finds what can't be removed here
	w, err := newSegmentWriter(out)
	if err != nil {
		return 0, nil, err
	}
	failpoint.Hit(failpoint.SegmentBegun)
	var to backend.Writer = w
	if filing.w.to == nil { // a savepoint may be read by whatever backend
		to = filedWhole{w, filing}
	}
	for _, s := range o.Keyed {
		if err := s.Persist(to); err != nil {
			return 0, nil, err
		}
	}
	if err := w.finish(); err != nil {
		return 0, nil, err
	}
	return w.written, w.sections, finishFile(out)
}

// writeChained writes a file of what has changed, if anything has.
func writeChained(create func() (store.Writer, error), o runtime.OperatorCapture, behind chain, filing *filing) (int64, []section, error) {
	out := &lazily{create: create}
	defer func() { _ = out.Abort() }() // as above
	w := newChainedWriter(out, behind.spots())
	failpoint.Hit(failpoint.SegmentBegun)
	for _, s := range o.Keyed {
		if err := s.Persist(filedChained{w, filing}); err != nil {
			return 0, nil, err
		}
	}
	if err := w.finish(); err != nil {
		return 0, nil, err
	}
	return w.written, w.sections, finishFile(out)
}

func finishFile(out interface{ Close() error }) error {
	failpoint.Hit(failpoint.SegmentWritten)
	err := out.Close()
	failpoint.Hit(failpoint.SegmentClosed)
	return err
}
