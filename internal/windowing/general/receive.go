package general

import (
	"fmt"
	"time"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// findRecords is how many records are gone through between two searches for rows, so that cache misses overlap.
const findRecords = 128

// Receive takes records in. An error fails the job. It is not called while an Advance is under way.
func (o *Operator[K, T, A, V]) Receive(in *flow.Keyed[K, T]) error {
	for from := 0; from < len(in.Values); from += findRecords {
		to := min(from+findRecords, len(in.Values))
		o.store.Begin(in.Keys[from:to], in.Hashes[from:to])
		for i := from; i < to; i++ {
			o.store.Select(i - from)
			if err := o.receive(in, i); err != nil {
				return err
			}
		}
		o.store.End()
	}
	return nil
}

// receive takes record i of a batch, whose key is at hand.
func (o *Operator[K, T, A, V]) receive(in *flow.Keyed[K, T], i int) error {
	at := in.Times[i]
	switch o.spec.Kind {
	case window.Counted:
		return o.count(in.Values[i], at)
	case window.Unending:
		w := Window{}
		x := o.refUntimed(w, at)
		return o.add(w, x, in.Values[i], at)
	}
	if o.spec.Processing {
		at = o.Clock.Now()
	}
	if err := o.check(at); err != nil {
		return err
	}
	if o.merging() {
		return o.session(in, i, at)
	}
	return o.timedRecord(in, i, at)
}

// count takes a record into count windows. At most one of them is full with it: the first.
func (o *Operator[K, T, A, V]) count(v T, at int64) error {
	n := o.counted.Get() + 1
	o.holding = o.nth(o.holding[:0], n)
	for _, w := range o.holding {
		x := o.refUntimed(w, at)
		if err := o.hold(w, x, v, at); err != nil {
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
func (o *Operator[K, T, A, V]) refUntimed(w Window, at int64) *open[A] {
	x, fresh := o.windows.Ref(w)
	if fresh {
		x.Start, x.End = flow.EndTime, flow.NoTime
	}
	if at != flow.NoTime {
		x.Start, x.End = min(x.Start, at), max(x.End, saturated(at, 1))
	}
	return x
}

// timedRecord takes a record into the windows of time that hold it and are not over.
func (o *Operator[K, T, A, V]) timedRecord(in *flow.Keyed[K, T], i int, at int64) error {
	v := in.Values[i]
	if err := o.find(v, at); err != nil {
		return err
	}
	reach, kept := o.reach(), 0
	for _, w := range o.holding {
		due := o.dueAt(w.End)
		if saturated(due, o.Lateness) <= reach {
			continue
		}
		kept++
		x, fresh := o.windows.Ref(w)
		if fresh {
			x.Start, x.End = w.Start, w.End
			o.begin(w, x, due, reach)
		}
		if err := o.add(w, x, v, at); err != nil {
			return err
		}
	}
	if kept == 0 && len(o.holding) > 0 {
		o.tooLate(in, i)
	}
	return nil
}

// find finds the windows that hold a record.
func (o *Operator[K, T, A, V]) find(v T, at int64) error {
	o.holding = o.holding[:0]
	if o.spec.Kind == window.Ruled {
		return o.findRuled(v, at)
	}
	o.holding = o.timed(o.holding, at)
	return nil
}

// findRuled asks the author's function. What its loop needs is allocated, so that it is a function of its own.
func (o *Operator[K, T, A, V]) findRuled(v T, at int64) error {
	for s := range o.Rule.Spans(v, timeOf(at)) {
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
func (o *Operator[K, T, A, V]) begin(w Window, x *open[A], due, reach int64) {
	if due <= reach {
		x.Ended = true
		due = saturated(due, o.Lateness)
	}
	o.ends.At(w, due)
}

// add takes a record into a window, which then may fire.
func (o *Operator[K, T, A, V]) add(w Window, x *open[A], v T, at int64) error {
	if err := o.hold(w, x, v, at); err != nil {
		return err
	}
	if o.control.decide != nil {
		return o.decide(w, x, v, at)
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
func between[A any](x *open[A]) window.Timing {
	if x.Ended {
		return window.PaneLate
	}
	return window.PaneEarly
}

// arm sets when a window next fires, no later than it is set already.
func (o *Operator[K, T, A, V]) arm(w Window, x *open[A], s *step, at int64) error {
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
func (o *Operator[K, T, A, V]) armTick(w Window, x *open[A], s *step) {
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

// tooLate counts record i of a batch, and passes it on to whoever wants it.
func (o *Operator[K, T, A, V]) tooLate(in *flow.Keyed[K, T], i int) {
	o.lates++
	if o.Late != nil {
		o.Late(in.Keys[i], in.Values[i], in.Times[i])
	}
}
