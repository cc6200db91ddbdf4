package general

import (
	"fmt"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/window"
)

// addStates makes the states that the settings need.
func (o *Operator[K, T, A, V]) addStates() error {
	ids := codecOf(o.spec)
	acc, err := codec.Derive[open[A]](o.Codecs)
	if err != nil {
		return fmt.Errorf("the aggregator's accumulator: %w", err)
	}
	o.windows = heap.AddTable(o.store, windowsState, ids, acc)
	if o.spec.Kind == window.Counted {
		counts, err := codec.Derive[int64](nil)
		if err != nil {
			return err
		}
		o.counted = heap.AddValue(o.store, countsState, counts)
	}
	if o.evicts() {
		records, err := codec.Derive[[]stamped[T]](o.Codecs)
		if err != nil {
			return fmt.Errorf("the records, which an evictor keeps: %w", err)
		}
		o.records = heap.AddMap(o.store, recordsState, ids, records)
	}
	if o.retract {
		panes, err := codec.Derive[[]emitted[A]](o.Codecs)
		if err != nil {
			return fmt.Errorf("the aggregator's accumulator: %w", err)
		}
		o.emitted = heap.AddMap(o.store, emittedState, ids, panes)
	}
	o.addTimers(ids)
	return nil
}

// addTimers makes the timers. Of those due at one time, firings come before ends.
func (o *Operator[K, T, A, V]) addTimers(ids codec.Codec[Window]) {
	own := heap.Event
	if o.spec.Processing {
		own = heap.Processing
	}
	by := func(wall bool) bool {
		return intervals(o.Trigger, func(f window.Firing) bool { return f.Processing == wall })
	}
	if o.TriggerBy != nil || by(false) {
		o.firings = heap.AddTimers(o.store, firingsState, own, ids, o.fireBetween)
	}
	if by(true) {
		o.ticks = heap.AddTimers(o.store, ticksState, heap.Processing, ids, o.fireTick)
	}
	if !o.untimed() {
		o.ends = heap.AddTimers(o.store, endsState, own, ids, o.ended)
	}
}

// drop forgets a window.
func (o *Operator[K, T, A, V]) drop(w Window) {
	o.empty(w)
	if o.emitted != nil {
		o.emitted.Delete(w)
	}
	for _, t := range [...]*heap.Timers[Window]{o.ends, o.firings, o.ticks} {
		if t != nil {
			t.Stop(w)
		}
	}
	for _, v := range o.control.kept {
		v.state.Delete(w)
	}
}

// empty forgets a window and its content, and leaves what the trigger has of it.
func (o *Operator[K, T, A, V]) empty(w Window) {
	o.windows.Delete(w)
	if o.records != nil {
		o.records.Delete(w)
	}
}

// purge drops the content of a window, which stays.
func (o *Operator[K, T, A, V]) purge(w Window, x *open[A]) {
	if o.emitted != nil {
		o.emitted.Delete(w) // the panes so far stand
	}
	if o.spec.Kind == window.Unending {
		o.empty(w) // the next record opens it anew: a key that has fallen silent costs nothing
		return
	}
	var zero A
	x.Acc, x.New, x.Held = zero, 0, false
	if o.records != nil {
		o.records.Delete(w)
	}
}
