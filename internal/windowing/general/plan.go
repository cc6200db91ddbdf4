package general

import (
	"errors"
	"fmt"
	"math"

	"leat.dev/leat/window"
)

// step is when a window fires in one part of its life.
type step struct {
	kind       window.FiringKind // AtEnd: it does not
	count      uint32
	interval   int64
	processing bool
	purge      bool
}

// steps are when windows fire.
type steps struct {
	early, endStep, late step
	onTime               bool // they fire when they end
	rest                 bool // what is left when the lateness is over is emitted
	discard              bool // panes have what came since the last one
	retract              bool
}

func newSteps(w window.Spec, f window.Firing, custom bool, m window.Mode) steps {
	s := steps{discard: m == window.Discarding, retract: m == window.Retracting}
	if custom {
		return s
	}
	each := step{kind: window.AtNumbers, count: 1}
	switch f.Kind {
	case window.AtEnd:
		s.early, s.late = newStep(f.Early), newStep(f.Late)
		if f.Late == nil {
			s.late = each
		}
		s.onTime, s.rest = true, true
	case window.AtIntervals:
		s.early, s.late, s.onTime = newStep(&f), each, w.Kind != window.Unending
	case window.AtNumbers:
		s.early, s.late = newStep(&f), newStep(&f)
	}
	for _, part := range []*step{&s.early, &s.endStep, &s.late} {
		part.purge = part.purge || f.Purging || s.discard
	}
	return s
}

func newStep(f *window.Firing) step {
	if f == nil {
		return step{}
	}
	return step{kind: f.Kind, count: uint32(f.Count), interval: int64(f.Interval), processing: f.Processing, purge: f.Purging}
}

// validate returns what makes no sense, or nil.
func (c *plan) validate() error {
	if err := errors.Join(c.Windows.Validate(), c.Trigger.Validate(), c.Evict.Validate(), c.Mode.Validate()); err != nil {
		return err
	}
	if c.From < 0 || c.To < c.From || c.Max < c.To || c.To > math.MaxUint16 {
		return fmt.Errorf("key groups %d to %d of %d", c.From, c.To, c.Max)
	}
	if c.custom && !c.Trigger.Default() {
		return fmt.Errorf("it has a Trigger (%v) and a TriggerBy: one of them says when windows fire", c.Trigger)
	}
	if c.Mode == window.Retracting && c.Trigger.Purges() {
		return fmt.Errorf("trigger %v in the mode %v: what was purged is not taken back; leave Purging out, or use window.Discarding", c.Trigger, c.Mode)
	}
	return errors.Join(c.validateWindows(), c.validateLateness(), c.validateCopies())
}

// validateWindows checks what particular windows can't have.
func (c *plan) validateWindows() error {
	w, f := c.Windows, c.Trigger
	switch {
	case w.Kind == window.Unending && !c.custom && f.Kind == window.AtEnd:
		return fmt.Errorf("%v has no end to fire at: give it a Trigger (window.AtCount, window.Every) or a TriggerBy", w)
	case w.Kind == window.Counted && c.Triggered:
		return fmt.Errorf("%v fire with their last record and take no trigger: for others, use window.Global with window.KeepLast", w)
	case w.Kind == window.Counted && c.Mode != window.Accumulating:
		return fmt.Errorf("%v have one pane each, so that they take no mode (%v)", w, c.Mode)
	case w.Processing && intervals(f, func(i window.Firing) bool { return !i.Processing }):
		return fmt.Errorf("%v with the trigger %v: they know no event time; say window.Every(…).ProcessingTime()", w, f)
	}
	return nil
}

// intervals says whether a trigger has a part that fires at intervals, of a kind.
func intervals(f window.Firing, is func(window.Firing) bool) bool {
	for _, part := range []*window.Firing{&f, f.Early, f.Late} {
		if part != nil && part.Kind == window.AtIntervals && is(*part) {
			return true
		}
	}
	return false
}

func (c *plan) validateLateness() error {
	w := c.Windows
	switch {
	case c.Lateness < 0:
		return fmt.Errorf("%v: the allowed lateness must not be negative", w)
	case c.Lateness > 0 && (w.Kind == window.Counted || w.Kind == window.Unending || w.Processing):
		return fmt.Errorf("%v: no record is late for them; leave AllowLateness out", w)
	case c.Lateness == 0 && c.Trigger.Late != nil:
		return fmt.Errorf("trigger %v: without AllowLateness no late record is in a window", c.Trigger)
	}
	return nil
}

// validateCopies refuses what would cost more than anybody wants: here a record is added to each of its windows.
func (c *plan) validateCopies() error {
	w := c.Windows
	if w.Kind != window.Aligned && w.Kind != window.Cumulative || w.Slide <= 0 {
		return nil
	}
	if n := w.Size / w.Slide; n > window.MaxWindows {
		return fmt.Errorf("%v with a trigger, an evictor or a mode: each record would be added to %d windows, and at most %d are allowed: "+
			"choose a longer slide, or leave them out", w, n, window.MaxWindows)
	}
	return nil
}
