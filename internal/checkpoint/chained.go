package checkpoint

import (
	"errors"
	"io"

	"leat.dev/leat/internal/store"
)

// chainedWriter writes a segment that a chain goes on with; it is a backend.Differences. What would have no section is not
// written at all: the output is not touched before there is something to write.
type chainedWriter struct {
	segmentWriter
	had  map[spot]bool // what the files before it have
	open bool          // the section at hand is still to be closed
}

// spot is a state in a key group.
type spot struct {
	state string
	group int
}

func newChainedWriter(out io.Writer, had map[spot]bool) *chainedWriter {
	w := &chainedWriter{had: had}
	w.out = &headed{to: out, head: chainedMagic}
	w.written = int64(len(chainedMagic))
	return w
}

// headed writes something in front of the first write.
type headed struct {
	to   io.Writer
	head string
}

func (h *headed) Write(b []byte) (int, error) {
	if h.head != "" {
		if _, err := io.WriteString(h.to, h.head); err != nil {
			return 0, err
		}
		h.head = ""
	}
	return h.to.Write(b)
}

// Begin starts a whole section.
func (w *chainedWriter) Begin(state string, group int) error { return w.begin(state, group, false) }

// BeginDifference starts a difference; there must be something that it is one to.
func (w *chainedWriter) BeginDifference(state string, group int) error {
	if !w.had[spot{state, group}] {
		return errors.New("a difference to what the base does not have")
	}
	return w.begin(state, group, true)
}

func (w *chainedWriter) begin(state string, group int, difference bool) error {
	if err := w.endSection(); err != nil {
		return err
	}
	w.open = true
	w.sections = append(w.sections, section{State: state, Group: group, Offset: w.written, Difference: difference})
	return nil
}

// Entry writes an entry.
func (w *chainedWriter) Entry(key, item, value []byte) error { return w.entry(OpPut, key, item, value) }

// Delete writes that an entry is gone.
func (w *chainedWriter) Delete(key, item []byte) error { return w.entry(OpDelete, key, item, nil) }

// Forget writes that all of a key is gone.
func (w *chainedWriter) Forget(key []byte) error { return w.entry(OpForget, key, nil, nil) }

func (w *chainedWriter) entry(op Op, key, item, value []byte) error {
	to := w.payload
	switch {
	case len(w.sections) == 0:
		return errors.New("an entry before the first Begin")
	case w.sections[len(w.sections)-1].Difference:
		to = append(to, byte(op))
	case op != OpPut:
		return errors.New("something is deleted from what is whole")
	}
	return w.Took(appendEntry(to, key, item, value), 1)
}

// endSection closes the section at hand. One without entries is left out, unless it hides what the base has.
func (w *chainedWriter) endSection() error {
	if err := w.flush(); err != nil || !w.open {
		return err
	}
	w.open = false
	last := &w.sections[len(w.sections)-1]
	last.Bytes = w.written - last.Offset
	if last.Entries == 0 && (last.Difference || !w.had[spot{last.State, last.Group}]) {
		w.sections = w.sections[:len(w.sections)-1]
	}
	return nil
}

// finish writes the index, if there is any section.
func (w *chainedWriter) finish() error {
	if err := w.endSection(); err != nil || len(w.sections) == 0 {
		return err
	}
	return w.index(chainedMagic)
}

// lazily is a piece of a store that is made with the first write.
type lazily struct {
	create func() (store.Writer, error)
	out    store.Writer // nil: not yet
}

func (l *lazily) Write(b []byte) (n int, err error) {
	if l.out == nil {
		if l.out, err = l.create(); err != nil {
			l.out = nil
			return 0, err
		}
	}
	return l.out.Write(b)
}

func (l *lazily) Close() error {
	if l.out == nil {
		return nil
	}
	return l.out.Close()
}

func (l *lazily) Abort() error {
	if l.out == nil {
		return nil
	}
	return l.out.Abort()
}
