package general

import (
	"fmt"
	"time"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// findRecords is how many records are gone through between two searches for rows, so that cache misses overlap.
const findRecords = 128

// receive takes the records of the batch in, which have these times.
func (o *machine) receive(times []int64) error {
	for from := 0; from < len(times); from += findRecords {
		to := min(from+findRecords, len(times))
		o.work.begin(from, to)
		for i := from; i < to; i++ {
			o.store.Select(i - from)
			if err := o.record(i, times[i]); err != nil {
				return err
			}
		}
		o.store.End()
	}
	return nil
}

// record takes record i of the batch, whose key is at hand.
func (o *machine) record(i int, at int64) error {
	switch o.spec.Kind {
	case window.Counted:
		return o.count(i, at)
	case window.Unending:
		w := Window{}
		x := o.refUntimed(w, at)
		return o.add(w, x, i, at)
	}
	if o.spec.Processing {
		at = o.Clock.Now()
	}
	if err := o.check(at); err != nil {
		return err
	}
	if o.merging() {
		return o.session(i, at)
	}
	return o.timedRecord(i, at)
}

// count takes a record into count windows. At most one of them is full with it: the first.
func (o *machine) count(i int, at int64) error {
	n := o.counted.Get() + 1
	o.holding = o.nth(o.holding[:0], n)
	for _, w := range o.holding {
		x := o.refUntimed(w, at)
		if err := o.hold(w, x, i, at); err != nil {
			return err
		}
		if w.End == n {
			o.fire(w, x, shot{timing: window.PaneOnTime, last: true, reached: flow.NoTime})
			o.drop(w)
		}
	}
	if n == o.slide && o.size <= o.slide {
		o.counted.Clear() // no window is open, and counting begins anew
	} else {
		o.counted.Set(n)
	}
	return nil
}

// refUntimed is a window without time of its own, for a record at a time.
func (o *machine) refUntimed(w Window, at int64) *opened {
	x, fresh := o.open(w)
	if fresh {
		x.Start, x.End = flow.EndTime, flow.NoTime
	}
	if at != flow.NoTime {
		x.Start, x.End = min(x.Start, at), max(x.End, saturated(at, 1))
	}
	return x
}

// timedRecord takes a record into the windows of time that hold it and are not over.
func (o *machine) timedRecord(i int, at int64) error {
	if err := o.find(i, at); err != nil {
		return err
	}
	reach, kept := o.reach(), 0
	for _, w := range o.holding {
		due := o.dueAt(w.End)
		if saturated(due, o.Lateness) <= reach {
			continue
		}
		kept++
		x, fresh := o.open(w)
		if fresh {
			x.Start, x.End = w.Start, w.End
			o.begin(w, x, due, reach)
		}
		if err := o.add(w, x, i, at); err != nil {
			return err
		}
	}
	if kept == 0 && len(o.holding) > 0 {
		o.tooLate(i)
	}
	return nil
}

// find finds the windows that hold a record.
func (o *machine) find(i int, at int64) error {
	o.holding = o.holding[:0]
	if o.spec.Kind == window.Ruled {
		return o.findRuled(i, at)
	}
	o.holding = o.timed(o.holding, at)
	return nil
}

// findRuled asks the author's function. What its loop needs is allocated, so that it is a function of its own.
func (o *machine) findRuled(i int, at int64) error {
	for s := range o.work.spans(i, at) {
		w, err := o.ruled(s)
		if err != nil {
			return err
		}
		o.holding = append(o.holding, w)
		if len(o.holding) > window.MaxWindows {
			return fmt.Errorf("window.Custom yielded more than %d windows for one record", window.MaxWindows)
		}
	}
	return nil
}

// begin begins a window with its first record: it may be due already.
func (o *machine) begin(w Window, x *opened, due, reach int64) {
	if due <= reach {
		x.Ended = true
		due = saturated(due, o.Lateness)
	}
	o.ends.At(w, due)
}

// add takes a record into a window, which then may fire.
func (o *machine) add(w Window, x *opened, i int, at int64) error {
	if err := o.hold(w, x, i, at); err != nil {
		return err
	}
	if o.custom {
		return o.decide(w, x, i)
	}
	s := &o.early
	if x.Ended {
		s = &o.late
	}
	switch {
	case s.kind == window.AtNumbers && x.New >= s.count:
		o.fire(w, x, shot{timing: between(x), purge: s.purge, reached: flow.NoTime})
	case s.kind == window.AtIntervals && s.processing:
		o.armTick(w, x, s)
	case s.kind == window.AtIntervals:
		return o.arm(w, x, s, at)
	}
	return nil
}

// between is the timing of a pane that is not on time.
func between(x *opened) window.Timing {
	if x.Ended {
		return window.PaneLate
	}
	return window.PaneEarly
}

// arm sets when a window next fires, no later than it is set already.
func (o *machine) arm(w Window, x *opened, s *step, at int64) error {
	if at == flow.NoTime {
		return fmt.Errorf("a record without event time, which window.Every(%v) needs: call EventTime on the stream before KeyBy, "+
			"or follow the clock with ProcessingTime", time.Duration(s.interval))
	}
	if reach := o.reach(); reach > flow.NoTime && reach < flow.EndTime {
		at = max(at, reach+1)
	}
	due := saturated(at-modulo(at, s.interval), s.interval) - 1
	if !o.untimed() && !x.Ended && due >= o.dueAt(x.End) {
		return nil // the window's end comes first
	}
	if set, ok := o.firings.Time(w); !ok || due < set {
		o.firings.At(w, due)
	}
	return nil
}

// armTick sets when a window next fires by the wall clock, unless it is set.
func (o *machine) armTick(w Window, x *opened, s *step) {
	if _, set := o.ticks.Time(w); set {
		return
	}
	now := o.Clock.Now()
	due := now - modulo(now, s.interval) + s.interval
	if o.spec.Processing && !x.Ended && due >= o.dueAt(x.End) {
		return // the window's end comes first
	}
	o.ticks.At(w, due)
}

// tooLate counts record i of the batch, and passes it on to whoever wants it.
func (o *machine) tooLate(i int) {
	o.lates++
	o.work.late(i)
}
