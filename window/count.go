package window

import (
	"fmt"
	"math"
)

// Counts is an [Assigner] of windows that hold a number of records of a key, in order of arrival and whatever their event
// times, which records need not have. See [Count] and [SlidingCount].
type Counts struct{ size, every int }

func (w Counts) spec() Spec { return Spec{Kind: Counted, Count: w.size, Every: w.every} }

// Count windows hold n records of a key: the first n, the next n, and so on. A window fires with its last record; one that
// never fills up, also because the input ends, never fires. N is from 1 to 2,147,483,647.
//
// Such windows have no time of their own: a pane begins with the earliest of its records and ends a nanosecond after the
// latest. No record is late.
func Count(n int) Counts { return Counts{n, n} }

// SlidingCount windows hold the last n records of a key, and one fires after every slide records. The first ones hold
// fewer, as Flink's do. Each record is added to n/slide windows, at most [MaxWindows] of them.
func SlidingCount(n, slide int) Counts { return Counts{n, slide} }

// Whole is an [Assigner] of one window a key. See [Global].
type Whole struct{}

func (Whole) spec() Spec { return Spec{Kind: Unending} }

// Global is one window a key that holds everything and never ends. So it needs a trigger: [Every], [AtCount], or one of
// your own. What a key has stays until the trigger purges it. A pane begins with the earliest of its records and ends a
// nanosecond after the latest, or after the time that made it fire. No record is late.
func Global() Whole { return Whole{} }

// MaxWindows is how many windows a record may be in where it is added to each of them: in count windows that slide, and in
// windows of time that have a trigger, an evictor or a mode of their own.
const MaxWindows = 10_000

func (s Spec) validateCounts() error {
	switch {
	case s.Count <= 0:
		return fmt.Errorf("%v: a window must hold at least 1 record", s)
	case s.Every <= 0:
		return fmt.Errorf("%v: the slide must be at least 1 record", s)
	case s.Count > math.MaxInt32 || s.Every > math.MaxInt32:
		return fmt.Errorf("%v: at most %d records", s, math.MaxInt32)
	case s.Count/s.Every > MaxWindows:
		return fmt.Errorf("%v: each record would be in %d windows, and at most %d are allowed: choose a longer slide",
			s, s.Count/s.Every, MaxWindows)
	}
	return nil
}

func (s Spec) countsText() string {
	if s.Count == s.Every {
		return fmt.Sprintf("windows of %d records", s.Count)
	}
	return fmt.Sprintf("windows of %d records every %d", s.Count, s.Every)
}
