package general

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// Window is a window's id within its key: the span, in nanoseconds, that it had when it was opened; of count windows the
// numbers of the records before it and up to its last; of the window without end zeros.
type Window struct{ Start, End int64 }

// windowCodec writes ids as 16 bytes, big endian with the highest bits flipped, so that bytes sort as times.
type windowCodec struct{ schema string }

// codecOf is the codec of ids. Windows of a number of records are read by no others: they would never be full.
func codecOf(w window.Spec) codec.Codec[Window] {
	if w.Kind == window.Counted {
		return windowCodec{"window/1: " + w.String()}
	}
	return windowCodec{"window/1"}
}

func (windowCodec) Append(to []byte, w Window) ([]byte, error) {
	to = binary.BigEndian.AppendUint64(to, uint64(w.Start)^1<<63)
	return binary.BigEndian.AppendUint64(to, uint64(w.End)^1<<63), nil
}

func (windowCodec) Decode(from []byte) (w Window, err error) {
	if len(from) != 16 {
		return w, fmt.Errorf("a window is 16 bytes: %w", codec.ErrCorrupt)
	}
	w.Start = int64(binary.BigEndian.Uint64(from) ^ 1<<63)
	w.End = int64(binary.BigEndian.Uint64(from[8:]) ^ 1<<63)
	return w, nil
}

func (c windowCodec) Schema() codec.Schema { return codec.Opaque(c.schema) }

// assigner is the arithmetic of windows: which ones hold a time. All times are nanoseconds.
type assigner struct {
	spec                window.Spec
	size, slide, offset int64 // size is the gap of sessions; of count windows it is in records, as slide is
	least, most         int64 // event times whose windows can be reckoned with
	from, to            int64 // the calendar window that was found last
}

func newAssigner(spec window.Spec) assigner {
	a := assigner{spec: spec, size: int64(spec.Size), slide: int64(spec.Slide)}
	margin := int64(window.MaxSize)
	switch spec.Kind {
	case window.Counted:
		a.size, a.slide = int64(spec.Count), int64(spec.Every)
	case window.Aligned:
		a.offset = modulo(int64(spec.Offset), a.slide)
		margin = 2 * max(a.size, a.slide)
	case window.Cumulative:
		a.offset = modulo(int64(spec.Offset), a.size)
		margin = 2 * a.size
	case window.Calendar:
		a.offset = int64(spec.Offset)
	}
	a.least, a.most = math.MinInt64+1+margin, math.MaxInt64-1-margin
	return a
}

// modulo is a modulo m, never negative.
func modulo(a, m int64) int64 {
	if r := a % m; r < 0 {
		return r + m
	} else {
		return r
	}
}

// untimed says whether windows have no time of their own.
func (a *assigner) untimed() bool {
	return a.spec.Kind == window.Counted || a.spec.Kind == window.Unending
}

func (a *assigner) merging() bool {
	return a.spec.Kind == window.Sessions || a.spec.Kind == window.RuledSessions
}

// timed appends the windows of time that hold a time, in the order of their ends.
func (a *assigner) timed(to []Window, at int64) []Window {
	switch a.spec.Kind {
	case window.Aligned:
		least := at - a.size + 1
		for start := least + modulo(a.offset-least, a.slide); start <= at; start += a.slide {
			to = append(to, Window{start, start + a.size})
		}
	case window.Cumulative:
		start := at - modulo(at-a.offset, a.size)
		for end := at + a.slide - modulo(at-a.offset, a.slide); end <= start+a.size; end += a.slide {
			to = append(to, Window{start, end})
		}
	case window.Calendar:
		if at < a.from || at >= a.to {
			a.from, a.to = a.days(at)
		}
		to = append(to, Window{a.from, a.to})
	}
	return to
}

const secondsPerDay = 24 * 60 * 60

// days is the calendar window that holds a time. The day by the zone's clock is at most a window off, for the offset and for
// days that a zone has left out.
func (a *assigner) days(at int64) (start, end int64) {
	n := int64(a.spec.Days)
	year, month, day := time.Unix(0, at).In(a.spec.Zone).Date()
	number := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay
	number -= modulo(number, n)
	for a.midnight(number) > at {
		number -= n
	}
	for a.midnight(number+n) <= at {
		number += n
	}
	return a.midnight(number), a.midnight(number + n)
}

// midnight is when a day begins, so many days after 1970-01-01, with the offset by the zone's clock.
func (a *assigner) midnight(day int64) int64 {
	return time.Date(1970, time.January, 1+int(day), 0, 0, 0, int(a.offset), a.spec.Zone).UnixNano()
}

// counted appends the windows that hold a key's nth record, counted from 1, in the order of their ends.
func (a *assigner) nth(to []Window, n int64) []Window {
	for end := (n + a.slide - 1) / a.slide * a.slide; end-a.size < n; end += a.slide {
		to = append(to, Window{end - a.size, end})
	}
	return to
}

// dueAt is the time at which a window that ends then has ended. A record at the very end goes on with a session, so it ends a
// nanosecond later than others; the wall clock has to show the end, for records before it may still come.
func (a *assigner) dueAt(end int64) int64 {
	if a.spec.Processing || a.merging() {
		return end
	}
	return end - 1
}

// check returns what is wrong with an event time, or nil.
func (a *assigner) check(at int64) error {
	if at >= a.least && at <= a.most {
		return nil
	}
	if at == flow.NoTime {
		return fmt.Errorf("a record without event time, which %v need: call EventTime on the stream before KeyBy", a.spec)
	}
	return fmt.Errorf("a record at %s, where %v would leave the years 1678 to 2262: correct its event time, or drop it with Filter",
		time.Unix(0, at).UTC().Format(time.RFC3339Nano), a.spec)
}

// ruled is the window of a span that a function has yielded for a record.
func (a *assigner) ruled(s window.Span) (Window, error) {
	length := s.End.Sub(s.Start)
	if length <= 0 || length > window.MaxSize {
		return Window{}, fmt.Errorf("window.Custom yielded the span from %v to %v: it must end after it starts, and be at most %v long",
			s.Start, s.End, window.MaxSize)
	}
	if y := s.Start.Year(); y < 1700 || y > 2100 {
		return Window{}, fmt.Errorf("window.Custom yielded a span from %v on: it must begin in the years 1700 to 2100", s.Start)
	}
	start := s.Start.UnixNano()
	return Window{start, start + int64(length)}, nil
}

// saturated is a + b, b not negative, or the largest time.
func saturated(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
