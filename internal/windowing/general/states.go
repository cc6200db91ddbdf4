package general

import (
	"fmt"
	"unsafe"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/window"
)

// addStates makes the states that the settings need.
func (o *machine) addStates() error {
	ids := codecOf(o.spec)
	open, err := o.work.windows(o.Codecs, o.accs.take)
	if err != nil {
		return fmt.Errorf("the aggregator's accumulator: %w", err)
	}
	o.windows = o.base.AddTable(windowsState, open.of, ids, open.codec)
	if o.spec.Kind == window.Counted {
		counts, err := codec.Derive[int64](nil)
		if err != nil {
			return err
		}
		o.counted = o.base.AddValue(countsState, counts)
	}
	if o.evicts {
		records, err := o.work.records(o.Codecs)
		if err != nil {
			return fmt.Errorf("the records, which an evictor keeps: %w", err)
		}
		o.records = o.base.AddMap(recordsState, records.of, ids, records.codec)
	}
	if o.retract {
		panes, err := o.work.panes(o.Codecs)
		if err != nil {
			return fmt.Errorf("the aggregator's accumulator: %w", err)
		}
		o.emitted = o.base.AddMap(emittedState, panes.of, ids, panes.codec)
	}
	o.addTimers(ids)
	return nil
}

// addTimers makes the timers. Of those due at one time, firings come before ends.
func (o *machine) addTimers(ids codec.Codec[Window]) {
	own := heap.Event
	if o.spec.Processing {
		own = heap.Processing
	}
	by := func(wall bool) bool {
		return intervals(o.Trigger, func(f window.Firing) bool { return f.Processing == wall })
	}
	if o.custom || by(false) {
		o.firings = o.base.AddTimers(firingsState, own, ids, o.fireBetween)
	}
	if by(true) {
		o.ticks = o.base.AddTimers(ticksState, heap.Processing, ids, o.fireTick)
	}
	if !o.untimed() {
		o.ends = o.base.AddTimers(endsState, own, ids, o.ended)
	}
}

// open is a key's window, a new one if there is none. What is in it may be changed.
func (o *machine) open(w Window) (x *opened, fresh bool) {
	x, fresh = o.windows.Ref(w)
	if fresh {
		x.acc = o.accs.take()
	}
	return x, fresh
}

// release takes the accumulator of a window that was just found and is to be deleted. Having found it so is what keeps
// snapshots in flight from its next use.
func (o *machine) release(acc unsafe.Pointer) {
	o.work.clear(acc)
	o.accs.give(acc)
}

// drop forgets a window.
func (o *machine) drop(w Window) {
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
func (o *machine) empty(w Window) {
	if x := o.windows.Find(w); x != nil {
		o.release(x.acc)
		o.windows.Delete(w)
	}
	if o.records != nil {
		o.records.Delete(w)
	}
}

// purge drops the content of a window, which stays.
func (o *machine) purge(w Window, x *opened) {
	if o.emitted != nil {
		o.emitted.Delete(w) // the panes so far stand
	}
	if o.spec.Kind == window.Unending {
		o.empty(w) // the next record opens it anew: a key that has fallen silent costs nothing
		return
	}
	o.work.clear(x.acc)
	x.New, x.Held = 0, false
	if o.records != nil {
		o.records.Delete(w)
	}
}
