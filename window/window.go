// Package window has the windows that a keyed stream can be cut with.
//
//	users.Window(window.Tumbling(time.Hour)).Aggregate("visits", agg.Count)
//	users.Window(window.Sliding(10*time.Minute, time.Minute)).Aggregate("visits", agg.Count)
//	users.Window(window.Session(30*time.Minute)).Aggregate("visits", agg.Count)
//
// Windows are in event time. A window [start, end) fires when the watermark says that no record before its end is to
// come; a record that comes later falls into the windows that the allowed lateness keeps, and is late otherwise.
package window

import (
	"errors"
	"fmt"
	"time"
)

// Span is a half-open interval of time: Start belongs to it, End does not.
type Span struct{ Start, End time.Time }

// Assigner says which windows there are. See [Tumbling], [Sliding] and [Session].
type Assigner interface{ spec() Spec }

// Times is an [Assigner] of windows of time.
type Times struct{ is Spec }

func (w Times) spec() Spec { return w.is }

// Offset moves the beginning of all windows, which are otherwise aligned to 1970-01-01 00:00 UTC: hours with an offset
// of 15 minutes begin at a quarter past. It may be negative, and is of no use for sessions.
func (w Times) Offset(d time.Duration) Times { w.is.Offset = d; return w }

// Tumbling windows follow one another: each record is in one. Size is greater than 0.
func Tumbling(size time.Duration) Times { return Times{Spec{Aligned, size, size, 0}} }

// Sliding windows of a size begin every slide: each record is in size/slide of them, and costs no more for that. Both
// are greater than 0. With a slide longer than the size there are records between the windows, which are in none.
func Sliding(size, slide time.Duration) Times { return Times{Spec{Aligned, size, slide, 0}} }

// Session windows hold the records of a key that follow one another in at most gap; they end that long after the last
// of them, and a record at that very time still goes on with them. Gap is greater than 0.
func Session(gap time.Duration) Times { return Times{Spec{Sessions, gap, 0, 0}} }

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
	None     Kind = iota
	Aligned       // the same windows for all keys: tumbling and sliding
	Sessions      // each key's own
)

// Spec is an assigner as the engine sees it.
type Spec struct {
	Kind        Kind
	Size, Slide time.Duration // Size is the gap of sessions, which have no slide
	Offset      time.Duration
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

// MaxSlices is how many slices a window may be put together of. The slice of sliding windows is the greatest common
// divisor of size and slide.
const MaxSlices = 100_000

// Validate returns what is wrong with the windows, or nil. It is called when the job is planned.
func (s Spec) Validate() error {
	switch {
	case s.Kind == None:
		return errors.New("no windows: give Window a window.Tumbling, window.Sliding or window.Session")
	case s.Kind == Sessions && s.Size <= 0:
		return fmt.Errorf("%v: the gap must be greater than 0", s)
	case s.Size > MaxSize || s.Slide > MaxSize:
		return fmt.Errorf("%v: the longest windows are of %v", s, MaxSize)
	case s.Kind == Sessions && s.Offset != 0:
		return fmt.Errorf("%v: sessions begin with their first record and take no Offset", s)
	case s.Kind == Sessions:
		return nil
	case s.Size <= 0:
		return fmt.Errorf("%v: the size must be greater than 0", s)
	case s.Slide <= 0:
		return fmt.Errorf("%v: the slide must be greater than 0", s)
	case s.Size/s.Slice() > MaxSlices:
		return fmt.Errorf("%v: a window would consist of %d slices of %v, the greatest common divisor of size and slide; "+
			"at most %d are allowed: choose a slide that has more in common with the size", s, s.Size/s.Slice(), s.Slice(), MaxSlices)
	}
	return nil
}

// Slice is the largest piece of time that every window holds whole or not at all.
func (s Spec) Slice() time.Duration {
	a, b := s.Size, s.Slide
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// String describes the windows as the plan shows them.
func (s Spec) String() string {
	text := ""
	switch {
	case s.Kind == None:
		return "no windows"
	case s.Kind == Sessions:
		text = fmt.Sprintf("sessions with a gap of %v", s.Size)
	case s.Size == s.Slide:
		text = fmt.Sprintf("tumbling windows of %v", s.Size)
	default:
		text = fmt.Sprintf("sliding windows of %v every %v", s.Size, s.Slide)
	}
	if s.Offset != 0 {
		text += fmt.Sprintf(", offset %v", s.Offset)
	}
	return text
}
