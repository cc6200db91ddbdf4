package leat

import (
	"errors"
	"fmt"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/operator"
	"leat.dev/leat/state"
	"leat.dev/leat/window"
)

// windowID tells the windows of a key apart.
type windowID struct{ Start, End int64 }

// windowStates are an operator's states per window: entries of maps by window, each decoded while a pane of it is processed.
type windowStates struct {
	spec     window.Spec
	lateness time.Duration
	cells    []windowCell
	at       windowID
	inside   bool // a pane is being processed
	ends     *heap.Timers[windowID]
}

// windowCell is one state of the window at hand.
type windowCell interface {
	Leave() (present bool)
	Drop()
}

// windowEnds is the timers that drop the states of windows.
const windowEnds = "window-states"

// perWindow makes the cell of a state per window.
func perWindow[V any, K comparable, R any](o *Operator[K, R], name string, c codec.Codec[V], opts []state.Option) *state.Cell[V] {
	if err := o.windows.takes(); err != nil {
		flow.Fail(fmt.Errorf("state %s: PerWindow: %w", name, err))
	}
	o.core.HasTimers()
	o.named[windowEnds] = true
	slot := o.windows.slot(o.core.Store.Base(), name, typeName[V](), state.Encoded(c), state.NamesBefore(opts))
	cell := state.MakeCell(c, slot)
	o.windows.cells = append(o.windows.cells, cell)
	return cell
}

// slot adds a state of encoded values, and with the first one the timers that drop them.
func (w *windowStates) slot(b heap.Base, name, of string, values codec.Codec[[]byte], was []string) state.Slot {
	ids, err := codec.Derive[windowID](nil)
	flow.Check(err)
	if w.ends == nil {
		w.ends = b.AddTimers(windowEnds, w.domain(), ids, func(id windowID, _ int64) error {
			w.drop(id)
			return nil
		})
	}
	return windowSlot{w, name, b.AddMap(name, of, ids, values, was...)}
}

// takes returns why the operator can have no state per window, or nil.
func (w *windowStates) takes() error {
	switch {
	case w == nil:
		return errors.New("it is for operators that process panes: Window(…).Process")
	case w.spec.Kind == window.Sessions, w.spec.Kind == window.RuledSessions:
		return fmt.Errorf("%v merge: keep what outlives a pane in a state of the key", w.spec)
	case w.spec.Kind == window.Counted, w.spec.Kind == window.Unending:
		return fmt.Errorf("%v have no span from the beginning: keep it in a state of the key", w.spec)
	}
	return nil
}

func (w *windowStates) domain() heap.Domain {
	if w.spec.Processing {
		return heap.Processing
	}
	return heap.Event
}

// process has a pane processed with the states of its window at hand. Now is how far the windows' time has come.
func (w *windowStates) process(span window.Span, now int64, f func() error) error {
	w.at, w.inside = windowID{operator.Nanos(span.Start), operator.Nanos(span.End)}, true
	err := f()
	if over := w.over(); over <= now {
		w.drop(w.at)
	} else if w.leave() {
		w.ends.At(w.at, over)
	}
	w.inside = false
	return err
}

// over is when the states of the window at hand go: nothing of it is emitted any more.
func (w *windowStates) over() int64 {
	if w.spec.Processing {
		return w.at.End
	}
	if late := int64(w.lateness); w.at.End-1 <= flow.EndTime-late {
		return w.at.End - 1 + late
	}
	return flow.EndTime
}

func (w *windowStates) leave() (any bool) {
	for _, c := range w.cells {
		any = c.Leave() || any
	}
	return any
}

func (w *windowStates) drop(id windowID) {
	w.at = id
	for _, c := range w.cells {
		c.Drop()
	}
	w.ends.Stop(id)
}

// windowSlot is where a state of the window at hand lies.
type windowSlot struct {
	w       *windowStates
	name    string
	entries *heap.Map[windowID, []byte]
}

func (s windowSlot) Load() ([]byte, bool) {
	if !s.w.inside {
		flow.Fail(fmt.Errorf("state %s is one per window, and used where no pane is being processed", s.name))
	}
	return s.entries.Lookup(s.w.at)
}

func (s windowSlot) Store(value []byte) { s.entries.Set(s.w.at, value) }
func (s windowSlot) Delete()            { s.entries.Delete(s.w.at) }
