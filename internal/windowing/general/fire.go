package general

import (
	"math"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// shot is how a window fires.
type shot struct {
	timing  window.Timing
	purge   bool
	last    bool  // the window is dropped afterwards
	reached int64 // the time that makes it fire, if none of its records does; NoTime otherwise
}

// hold takes record i of the batch into a window's content.
func (o *machine) hold(w Window, x *opened, i int, at int64) error {
	x.Held = true
	if x.New < math.MaxUint32 {
		x.New++
	}
	if o.records != nil {
		return o.keep(w, i, at)
	}
	o.work.add(x.acc, i, at)
	return nil
}

// fire emits a window's pane, if there is content. The entry of the window is not valid afterwards.
func (o *machine) fire(w Window, x *opened, s shot) {
	if !x.Held {
		return
	}
	p := o.place(x.Start, x.End, s.reached)
	p.Timing, p.Index = s.timing, int(x.Panes)
	acc := o.content(w, x)
	if o.retract {
		stood := o.emitted.Get(w)
		o.emitted.Set(w, o.work.standing(acc, p))
		o.work.takeBack(stood, p.At)
	}
	o.work.prepare(acc, s.last || s.purge || o.records != nil)
	x.New = 0
	x.Panes++
	if s.purge && !s.last {
		o.purge(w, x)
	}
	o.work.emit(p)
}

// place is the frame of a pane with its span and its time.
func (o *machine) place(start, end, reached int64) frame {
	if o.untimed() {
		if reached > flow.NoTime && reached < flow.EndTime {
			end = max(end, reached+1)
		}
		if end == flow.NoTime {
			return frame{Start: flow.NoTime, End: flow.NoTime, At: flow.NoTime}
		}
		start = min(start, end-1)
	}
	if o.merging() { // see [windowing.Past]
		return frame{Start: start, End: end, At: end}
	}
	return frame{Start: start, End: end, At: end - 1}
}

// ended is called when a window has ended, and once more when its lateness is over.
func (o *machine) ended(w Window, _ int64) error {
	x := o.windows.Find(w)
	if x == nil {
		return nil
	}
	drop := x.Ended || o.Lateness == 0
	switch {
	case !x.Ended && o.onTime && (x.New > 0 || !o.discard && !o.endStep.purge):
		o.fire(w, x, shot{timing: window.PaneOnTime, purge: o.endStep.purge, last: drop})
	case x.Ended && o.rest && x.New > 0:
		o.fire(w, x, shot{timing: window.PaneLate, last: true})
	}
	if drop {
		o.drop(w)
		return nil
	}
	x = o.windows.Find(w)
	x.Ended = true
	o.ends.At(w, saturated(o.dueAt(x.End), o.Lateness))
	return nil
}

// fireBetween is called when event time has come as far as the trigger wanted; in windows of processing time, the clock.
func (o *machine) fireBetween(w Window, at int64) error {
	x := o.windows.Find(w)
	if x == nil {
		return nil
	}
	if o.custom {
		s := shot{timing: between(x), purge: o.discard, reached: at}
		if !x.Ended && !o.untimed() && at >= o.dueAt(x.End) {
			s.timing = window.PaneOnTime
		}
		if x.New > 0 || !o.discard {
			o.fire(w, x, s)
		}
		return nil
	}
	o.fireInterval(w, x, false, at)
	return nil
}

// fireTick is called when the clock has come as far as the trigger wanted.
func (o *machine) fireTick(w Window, _ int64) error {
	x := o.windows.Find(w)
	if x == nil {
		return nil
	}
	reached := o.before
	if floor := o.floors[o.store.Group()-o.From]; floor < flow.EndTime {
		reached = max(reached, floor)
	}
	if reached > flow.NoTime {
		reached++ // a pane that is not after the watermark would be late for those behind
	}
	o.fireInterval(w, x, true, reached)
	return nil
}

// fireInterval fires a window whose trigger still wants that, if there is something new. A window that has ended since the timer
// was set may have another one.
func (o *machine) fireInterval(w Window, x *opened, wall bool, reached int64) {
	s := &o.early
	if x.Ended {
		s = &o.late
	}
	if s.kind == window.AtIntervals && s.processing == wall && x.New > 0 {
		o.fire(w, x, shot{timing: between(x), purge: s.purge, reached: reached})
	}
}
