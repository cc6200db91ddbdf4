package windowing

import (
	"fmt"
	"math"
	"time"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// spans is the arithmetic of windows and slices. All times are nanoseconds.
type spans struct {
	spec                window.Spec
	size, slide, offset int64 // size is the gap of sessions, and of calendar windows more than they can have
	slice               int64 // how long slices are; 0 of calendar windows
	lateness            int64
	least, most         int64     // event times whose windows can be reckoned with
	calendar            *calendar // nil of other windows
}

func newSpans(spec window.Spec, lateness time.Duration) spans {
	w := spans{spec: spec, size: int64(spec.Size), slide: int64(spec.Slide), lateness: int64(lateness)}
	switch spec.Kind {
	case window.Aligned:
		w.slice = int64(spec.Slice())
		w.offset = modulo(int64(spec.Offset), w.slide)
	case window.Cumulative:
		w.slice = w.slide
		w.offset = modulo(int64(spec.Offset), w.size)
	case window.Calendar:
		w.calendar = newCalendar(spec)
		w.size = w.calendar.longest()
		w.slide = w.size
	}
	margin := saturated(saturated(w.size, w.slide), saturated(w.size, w.slide))
	w.least, w.most = math.MinInt64+1+margin, math.MaxInt64-1-margin
	return w
}

// clone is for use beside the original: a calendar remembers what it has found.
func (w *spans) clone() spans {
	c := *w
	if w.calendar != nil {
		c.calendar = newCalendar(w.spec)
	}
	return c
}

// whole says whether a window is one slice.
func (w *spans) whole() bool { return w.slice == w.size || w.calendar != nil }

// modulo is a modulo m, never negative.
func modulo(a, m int64) int64 {
	if r := a % m; r < 0 {
		return r + m
	} else {
		return r
	}
}

// Past is by how much a window's end lies behind the last time that belongs to it, which is the event time of its panes: a
// nanosecond, but for sessions. A record at a session's very end goes on with it, so it waits for the watermark to come to its
// end; a pane of a nanosecond before could be late where it goes.
func Past(w window.Spec) int64 {
	if w.Kind == window.Sessions {
		return 0
	}
	return 1
}

// check returns what is wrong with an event time, or nil.
func (w *spans) check(at int64) error {
	if at >= w.least && at <= w.most {
		return nil
	}
	if at == flow.NoTime {
		return fmt.Errorf("a record without event time, which %v need: call EventTime on the stream before KeyBy", w.spec)
	}
	return fmt.Errorf("a record at %s, where %v would leave the years 1678 to 2262: correct its event time, or drop it with Filter",
		time.Unix(0, at).UTC().Format(time.RFC3339Nano), w.spec)
}

// sliceOf is the slice of an event time, from its start to its end.
func (w *spans) sliceOf(at int64) (start, end int64) {
	if w.calendar != nil {
		return w.calendar.window(at)
	}
	start = at - modulo(at-w.offset, w.slice)
	return start, start + w.slice
}

// startOf is the start of the window that ends then.
func (w *spans) startOf(end int64) int64 {
	switch w.spec.Kind {
	case window.Calendar:
		start, _ := w.calendar.window(end - 1)
		return start
	case window.Cumulative:
		return end - 1 - modulo(end-1-w.offset, w.size)
	}
	return end - w.size
}

// ends are those of the first and the last window that hold the slice; ok is false if none does. The windows between end a
// slide apart.
func (w *spans) ends(slice int64) (first, last int64, ok bool) {
	switch w.spec.Kind {
	case window.Calendar:
		_, end := w.calendar.window(slice)
		return end, end, true
	case window.Cumulative:
		return slice + w.slide, slice - modulo(slice-w.offset, w.size) + w.size, true
	}
	last = slice - modulo(slice-w.offset, w.slide) + w.size
	lowest := slice + w.slice - w.size // the least start of a window that reaches the slice's end
	first = lowest + modulo(w.offset-lowest, w.slide) + w.size
	return first, last, first <= last
}

// endAfter is the end of the first window that holds the slice and ends after t; ok is false if none does.
func (w *spans) endAfter(slice, t int64) (end int64, ok bool) {
	first, last, ok := w.ends(slice)
	if !ok || last <= t {
		return 0, false
	}
	if first > t {
		return first, true
	}
	return first + (t-first)/w.slide*w.slide + w.slide, true
}

// sliceName tells slices of one kind from others: windows whose slices are the same can take one another's over.
func (w *spans) sliceName() string {
	switch {
	case w.calendar != nil:
		days := w.spec
		days.Processing = false
		return "slice of " + days.String()
	case w.offset%w.slice != 0:
		return fmt.Sprintf("slice of %v, offset %dns", w.spec.Slice(), w.offset%w.slice)
	}
	return fmt.Sprintf("slice of %v", w.spec.Slice())
}

// time is the kind of time that windows follow.
func (w *spans) time() string {
	if w.spec.Processing {
		return "processing"
	}
	return "event"
}

// due says whether a window that ends then fires at a watermark: no record before its end is to come.
func due(end, wm int64) bool { return end-1 <= wm }

// over says whether the lateness of a window that ends then is over at a watermark.
func (w *spans) over(end, wm int64) bool { return end-1 <= w.horizon(wm) }

// horizon is the watermark less the lateness.
func (w *spans) horizon(wm int64) int64 {
	if wm == flow.EndTime {
		return wm
	}
	if wm < math.MinInt64+w.lateness {
		return flow.NoTime
	}
	return wm - w.lateness
}

// kept are the windows, of those that end from first to last, that have fired by a watermark and are kept for late
// records; ok is false if there is none.
func (w *spans) kept(first, last, wm int64) (from, to int64, ok bool) {
	if w.lateness == 0 || !due(first, wm) {
		return 0, 0, false
	}
	if h := w.horizon(wm); first < h+2 {
		first += (h + 2 - first + w.slide - 1) / w.slide * w.slide
	}
	if !due(last, wm) {
		last -= (last - 1 - wm + w.slide - 1) / w.slide * w.slide
	}
	return first, last, first <= last
}

// block is the start of the block of a slice or window. Blocks are as long as windows, so that a window that does not
// begin with a block reaches over one boundary, and it depends on the window alone how it is put together.
func (w *spans) block(start int64) int64 { return start - modulo(start-w.offset, w.size) }

// aligned says whether a time may be the start of a slice, and windowEnd whether it may be the end of a window.
func (w *spans) aligned(slice int64) bool {
	if slice < w.least-w.slice || slice > w.most {
		return false
	}
	start, _ := w.sliceOf(slice)
	return start == slice
}

func (w *spans) windowEnd(end int64) bool {
	if end < w.least || end > w.most+w.size {
		return false
	}
	switch w.spec.Kind {
	case window.Calendar:
		_, is := w.calendar.window(end - 1)
		return is == end
	case window.Cumulative:
		return modulo(end-w.offset, w.slide) == 0
	}
	return modulo(end-w.size-w.offset, w.slide) == 0
}
