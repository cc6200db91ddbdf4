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

// hold takes a record into a window's content.
func (o *Operator[K, T, A, V]) hold(w Window, x *open[A], v T, at int64) error {
	x.Held = true
	if x.New < math.MaxUint32 {
		x.New++
	}
	if o.records != nil {
		return o.keep(w, v, at)
	}
	o.fold(&x.Acc, v, at)
	return nil
}

// fold adds a record to an accumulator.
func (o *Operator[K, T, A, V]) fold(acc *A, v T, at int64) {
	if o.Parts.Add != nil {
		o.Parts.Add(acc, v)
	} else {
		o.Parts.AddAt(acc, v, at)
	}
}

// fire emits a window's pane, if there is content. The entry of the window is not valid afterwards.
func (o *Operator[K, T, A, V]) fire(w Window, x *open[A], s shot) {
	if !x.Held {
		return
	}
	p := Pane[K, V]{Key: o.store.Key(), Hash: o.store.Hash(), Timing: s.timing, Index: int(x.Panes)}
	o.place(&p, x.Start, x.End, s.reached)
	acc := o.content(w, x)
	if o.retract {
		o.takeBack(w, p, acc)
	}
	p.Value = o.result(acc, s.last || s.purge)
	x.New = 0
	x.Panes++
	if s.purge && !s.last {
		o.purge(w, x)
	}
	o.Emit(p)
}

// place gives a pane its span and its time.
func (o *Operator[K, T, A, V]) place(p *Pane[K, V], start, end, reached int64) {
	if o.untimed() {
		if reached > flow.NoTime && reached < flow.EndTime {
			end = max(end, reached+1)
		}
		if end == flow.NoTime {
			p.Start, p.End, p.At = flow.NoTime, flow.NoTime, flow.NoTime
			return
		}
		start = min(start, end-1)
	}
	p.Start, p.End, p.At = start, end, end-1
}

// takeBack emits the panes of a window that stand once more, to take them back, and keeps the new one in their place.
func (o *Operator[K, T, A, V]) takeBack(w Window, next Pane[K, V], acc *A) {
	var own A
	if o.refs {
		o.Parts.Merge(&own, *acc)
	} else {
		own = *acc
	}
	stood := o.emitted.Get(w)
	o.emitted.Set(w, []emitted[A]{{own, next.Start, next.End, uint32(next.Index), uint8(next.Timing)}})
	for i := range stood {
		e := &stood[i]
		p := Pane[K, V]{Key: next.Key, Hash: next.Hash, Start: e.Start, End: e.End, At: next.At, Retract: true}
		p.Timing, p.Index = window.Timing(e.Timing), int(e.Index)
		p.Value = o.shared(e.Acc)
		o.Emit(p)
	}
}

// shared is the result of an accumulator that stays as it is. It does not use what content may have returned.
func (o *Operator[K, T, A, V]) shared(acc A) V {
	if !o.refs {
		return o.Parts.Result(&acc)
	}
	var own A
	o.Parts.Merge(&own, acc)
	return o.Parts.Result(&own)
}

// result is that of a window's content. Where the window goes on, what is emitted may not share memory with it.
func (o *Operator[K, T, A, V]) result(acc *A, last bool) V {
	if last || !o.refs || o.records != nil {
		return o.Parts.Result(acc)
	}
	o.blank()
	o.Parts.Merge(&o.tmp, *acc)
	return o.Parts.Result(&o.tmp)
}

// blank empties the place where accumulators are made for a pane. What was there may have been handed out.
func (o *Operator[K, T, A, V]) blank() {
	var zero A
	o.tmp = zero
}

// ended is called when a window has ended, and once more when its lateness is over.
func (o *Operator[K, T, A, V]) ended(w Window, _ int64) error {
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
func (o *Operator[K, T, A, V]) fireBetween(w Window, at int64) error {
	x := o.windows.Find(w)
	if x == nil {
		return nil
	}
	if o.control.decide != nil {
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
func (o *Operator[K, T, A, V]) fireTick(w Window, _ int64) error {
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
func (o *Operator[K, T, A, V]) fireInterval(w Window, x *open[A], wall bool, reached int64) {
	s := &o.early
	if x.Ended {
		s = &o.late
	}
	if s.kind == window.AtIntervals && s.processing == wall && x.New > 0 {
		o.fire(w, x, shot{timing: between(x), purge: s.purge, reached: reached})
	}
}
