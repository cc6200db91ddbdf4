// Package window has the windows that a keyed stream can be cut with.
//
//	users.Window(window.Tumbling(time.Hour)).Aggregate("visits", agg.Count)
//	users.Window(window.Sliding(10*time.Minute, time.Minute)).Aggregate("visits", agg.Count)
//	users.Window(window.Session(30*time.Minute)).Aggregate("visits", agg.Count)
//
// Windows are in event time, unless [Times.ProcessingTime] puts them on the wall clock. A window [start, end) fires when the
// watermark says that no record before its end is to come; a record that comes later falls into the windows that the allowed
// lateness keeps, and is late otherwise.
package window

import (
	"errors"
	"fmt"
	"time"
)

// Span is a half-open interval of time: Start belongs to it, End does not.
type Span struct{ Start, End time.Time }

// Assigner says which windows there are. See [Tumbling], [Sliding], [Cumulating], [Days], [Session],
// [Count], [SlidingCount] and [Global].
type Assigner interface{ spec() Spec }

// Times is an [Assigner] of windows of time.
type Times struct{ is Spec }

func (w Times) spec() Spec { return w.is }

// Offset moves the beginning of all windows, which are otherwise aligned to 1970-01-01 00:00 UTC: hours with an offset
// of 15 minutes begin at a quarter past. It may be negative, and is of no use for sessions. [Days] begin so long after
// midnight by their zone's clock.
func (w Times) Offset(d time.Duration) Times { w.is.Offset = d; return w }

// ProcessingTime makes the windows follow the wall clock in place of event time: a record belongs to the time at which it
// arrives, and windows fire when the clock reaches their end, or when the input ends. What is in which window is then
// different from run to run, and nothing is late.
func (w Times) ProcessingTime() Times { w.is.Processing = true; return w }

// Tumbling windows follow one another: each record is in one. Size is greater than 0.
func Tumbling(size time.Duration) Times { return Times{Spec{Kind: Aligned, Size: size, Slide: size}} }

// Sliding windows of a size begin every slide: each record is in size/slide of them, and costs no more for that. Both
// are greater than 0. With a slide longer than the size there are records between the windows, which are in none.
func Sliding(size, slide time.Duration) Times {
	return Times{Spec{Kind: Aligned, Size: size, Slide: slide}}
}

// Cumulating windows grow by a step up to a size, then restart: those of a day by hours end at every hour, and begin
// at midnight. Size is a multiple of step, which is greater than 0.
func Cumulating(size, step time.Duration) Times {
	return Times{Spec{Kind: Cumulative, Size: size, Slide: step}}
}

// Days are windows of n calendar days in a time zone: one of 23 or 25 hours is one day. They are counted from 1970-01-01
// on, and begin at midnight by the zone's clock. N is greater than 0; a nil zone is UTC.
func Days(n int, zone *time.Location) Times {
	if zone == nil {
		zone = time.UTC
	}
	return Times{Spec{Kind: Calendar, Days: n, Zone: zone}}
}

// Session windows hold the records of a key that follow one another in at most gap; they end that long after the last
// of them, and a record at that very time still goes on with them. Gap is greater than 0.
func Session(gap time.Duration) Times { return Times{Spec{Kind: Sessions, Size: gap}} }

// Timing says why a pane was emitted.
type Timing uint8

// The timings of a pane.
const (
	PaneOnTime Timing = iota // the watermark has passed the window's end
	PaneEarly                // a trigger asked for it before
	PaneLate                 // a record came after the watermark had passed, within the allowed lateness
)

// String is "on time", "early" or "late".
func (t Timing) String() string {
	switch t {
	case PaneOnTime:
		return "on time"
	case PaneEarly:
		return "early"
	case PaneLate:
		return "late"
	}
	return fmt.Sprintf("Timing(%d)", uint8(t))
}

// Kind is a kind of window, for the engine.
type Kind uint8

// The kinds.
const (
	None          Kind = iota
	Aligned            // the same windows for all keys: tumbling and sliding
	Sessions           // each key's own
	Cumulative         // they begin together and end a step apart
	Calendar           // days
	Counted            // by the number of records
	Unending           // one that holds everything
	RuledSessions      // sessions whose gap a function of the record says
	Ruled              // what a function of the record says
)

// Spec is an assigner as the engine sees it.
type Spec struct {
	Kind        Kind
	Size, Slide time.Duration // Size is the gap of sessions, which have no slide; Slide is the step of cumulating windows
	Offset      time.Duration
	Days        int // of calendar windows, which have no Size
	Zone        *time.Location
	Processing  bool // by the wall clock
	Count       int  // of records a counted window holds, of which
	Every       int  // one fires after so many
}

// SpecOf is what an assigner says, for the engine; None of a nil assigner.
func SpecOf(w Assigner) Spec {
	if w == nil {
		return Spec{}
	}
	return w.spec()
}

// MaxSize is how long windows may be: 100 years. Times are nanoseconds in 64 bits, which are 584 years.
const MaxSize = 100 * 365 * 24 * time.Hour

// MaxDays is how many days windows may have: 100 years.
const MaxDays = 100 * 365

// MaxSlices is how many slices a window may be put together of. The slice of sliding windows is the greatest common
// divisor of size and slide, and that of cumulating ones their step.
const MaxSlices = 100_000

// Validate returns what is wrong with the windows, or nil. It is called when the job is planned.
func (s Spec) Validate() error {
	switch s.Kind {
	case Aligned:
		return s.validateAligned()
	case Cumulative:
		if err := s.validateAligned(); err != nil {
			return err
		}
		if s.Size%s.Slide != 0 {
			return fmt.Errorf("%v: the size must be a multiple of the step", s)
		}
		return nil
	case Calendar:
		return s.validateDays()
	case Sessions:
		return s.validateSessions()
	case Counted:
		return s.validateCounts()
	case Unending, RuledSessions, Ruled:
		return nil
	}
	return errors.New("no windows: give Window a window.Tumbling, window.Sliding, window.Session or another of package window")
}

func (s Spec) validateAligned() error {
	slide := "slide"
	if s.Kind == Cumulative {
		slide = "step"
	}
	switch {
	case s.Size <= 0:
		return fmt.Errorf("%v: the size must be greater than 0", s)
	case s.Slide <= 0:
		return fmt.Errorf("%v: the %s must be greater than 0", s, slide)
	case s.Size > MaxSize || s.Slide > MaxSize:
		return fmt.Errorf("%v: the longest windows are of %v", s, MaxSize)
	case s.Size/s.Slice() > MaxSlices:
		return fmt.Errorf("%v: a window would consist of %d slices of %v, the greatest common divisor of size and %s; "+
			"at most %d are allowed: choose a %s that has more in common with the size", s, s.Size/s.Slice(), s.Slice(), slide, MaxSlices, slide)
	}
	return nil
}

func (s Spec) validateDays() error {
	switch {
	case s.Days <= 0:
		return fmt.Errorf("%v: the number of days must be greater than 0", s)
	case s.Days > MaxDays:
		return fmt.Errorf("%v: the longest windows are of %d days", s, MaxDays)
	case s.Offset <= -24*time.Hour || s.Offset >= 24*time.Hour:
		return fmt.Errorf("%v: the offset must be shorter than a day", s)
	}
	return nil
}

func (s Spec) validateSessions() error {
	switch {
	case s.Size <= 0:
		return fmt.Errorf("%v: the gap must be greater than 0", s)
	case s.Size > MaxSize:
		return fmt.Errorf("%v: the longest windows are of %v", s, MaxSize)
	case s.Offset != 0:
		return fmt.Errorf("%v: sessions begin with their first record and take no Offset", s)
	}
	return nil
}

// Slice is the largest piece of time that every window holds whole or not at all; 0 where that is not the same everywhere.
func (s Spec) Slice() time.Duration {
	if s.Kind == Cumulative {
		return s.Slide
	}
	a, b := s.Size, s.Slide
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// String describes the windows as the plan shows them.
func (s Spec) String() string {
	text := s.text()
	if s.Offset != 0 {
		text += fmt.Sprintf(", offset %v", s.Offset)
	}
	if s.Processing {
		text += ", in processing time"
	}
	return text
}

func (s Spec) text() string {
	switch {
	case s.Kind == None:
		return "no windows"
	case s.Kind == Sessions:
		return fmt.Sprintf("sessions with a gap of %v", s.Size)
	case s.Kind == Cumulative:
		return fmt.Sprintf("cumulating windows of %v by %v", s.Size, s.Slide)
	case s.Kind == Calendar && s.Days == 1:
		return fmt.Sprintf("days in %v", s.Zone)
	case s.Kind == Calendar:
		return fmt.Sprintf("windows of %d days in %v", s.Days, s.Zone)
	case s.Kind == Counted:
		return s.countsText()
	case s.Kind == Unending:
		return "one window without end"
	case s.Kind == RuledSessions:
		return "sessions with gaps by record"
	case s.Kind == Ruled:
		return "windows by record"
	case s.Size == s.Slide:
		return fmt.Sprintf("tumbling windows of %v", s.Size)
	}
	return fmt.Sprintf("sliding windows of %v every %v", s.Size, s.Slide)
}
