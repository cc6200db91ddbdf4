package window

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Trigger says when a window's result is emitted. The default is [OnTime].
//
//	window.OnTime().Early(window.Every(10*time.Second)).Late(window.AtCount(100))
//
// Early and late firings come only when a record has been added since the last pane. Methods return a changed copy.
type Trigger struct{ is Firing }

// OnTime fires once, when event time passes the window's end, and again for each late record that is allowed. For windows in
// processing time it is the clock that passes their end.
func OnTime() Trigger { return Trigger{} }

// Every fires whenever event time passes a multiple of d, counted from 1970-01-01 00:00 UTC, if a record has come since; and at the window's end, and
// for each late record that is allowed, as [OnTime] does. D is greater than 0.
func Every(d time.Duration) Trigger { return Trigger{Firing{Kind: AtIntervals, Interval: d}} }

// ProcessingTime makes [Every] follow the wall clock in place of event time. The window's end is still on the window's own
// clock.
func (t Trigger) ProcessingTime() Trigger { t.is.Processing = true; return t }

// AtCount fires after each n records of a window, and at no other time: what comes after the last n is not emitted. For the
// rest as well, say OnTime().Early(AtCount(n)). N is at least 1.
func AtCount(n int) Trigger { return Trigger{Firing{Kind: AtNumbers, Count: n}} }

// Early has [OnTime] fire also before the window's end, at intervals ([Every]) or counts ([AtCount]).
func (t Trigger) Early(at Trigger) Trigger { t.is.Early = &at.is; return t }

// Late says when allowed late records have [OnTime] fire again: after each n of them that came since the last pane
// ([AtCount]) or at intervals ([Every]), and once more for what is left when the lateness is over. Otherwise each fires.
func (t Trigger) Late(at Trigger) Trigger { t.is.Late = &at.is; return t }

// Purging drops the window's content each time it fires: the next pane has what came since. On a trigger given to Early or
// Late it holds for these firings.
func (t Trigger) Purging() Trigger { t.is.Purging = true; return t }

// Firing is a trigger as the engine sees it.
type Firing struct {
	Kind        FiringKind
	Interval    time.Duration
	Count       int
	Processing  bool
	Purging     bool
	Early, Late *Firing // nil of those without
}

// FiringKind is a kind of trigger, for the engine.
type FiringKind uint8

// The kinds.
const (
	AtEnd       FiringKind = iota // when the window's time has come
	AtIntervals                   // of time
	AtNumbers                     // of records
)

// FiringOf is what a trigger says, for the engine.
func FiringOf(t Trigger) Firing { return t.is }

// Default says whether this is what windows do that are given no trigger.
func (f Firing) Default() bool { return f == Firing{} }

// Purges says whether any of the firings drops the content.
func (f Firing) Purges() bool {
	return f.Purging || f.Early != nil && f.Early.Purging || f.Late != nil && f.Late.Purging
}

// Validate returns what is wrong with the trigger by itself, or nil. It is called when the job is planned.
func (f Firing) Validate() error {
	switch {
	case f.Kind == AtIntervals && (f.Interval <= 0 || f.Interval > MaxSize):
		return fmt.Errorf("window.Every(%v): the interval must be greater than 0 and at most %v", f.Interval, MaxSize)
	case f.Kind == AtNumbers && (f.Count < 1 || f.Count > math.MaxInt32):
		return fmt.Errorf("window.AtCount(%d): the number of records must be from 1 to %d", f.Count, math.MaxInt32)
	case f.Kind != AtIntervals && f.Processing:
		return fmt.Errorf("trigger %v: only window.Every may follow ProcessingTime; windows do so by their own ProcessingTime", f)
	case f.Kind != AtEnd && (f.Early != nil || f.Late != nil):
		return fmt.Errorf("trigger %v: Early and Late belong to window.OnTime()", f)
	}
	return errors.Join(f.Early.validateWithin("Early"), f.Late.validateWithin("Late"))
}

func (f *Firing) validateWithin(verb string) error {
	switch {
	case f == nil:
		return nil
	case f.Kind == AtEnd:
		return fmt.Errorf("%s(%v): give it window.Every or window.AtCount", verb, *f)
	}
	return f.Validate()
}

// String describes the trigger as the plan shows it.
func (f Firing) String() string {
	text := f.text()
	if f.Early != nil {
		text = "early " + f.Early.String() + ", " + text
	}
	if f.Late != nil {
		text += ", late " + f.Late.String()
	}
	if f.Purging {
		text += ", purging"
	}
	return text
}

func (f Firing) text() string {
	switch f.Kind {
	case AtIntervals:
		if f.Processing {
			return fmt.Sprintf("every %v of processing time", f.Interval)
		}
		return fmt.Sprintf("every %v", f.Interval)
	case AtNumbers:
		return fmt.Sprintf("at each %d records", f.Count)
	}
	return "on time"
}
