package backend

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// TTL says that entries of a state are forgotten some time after they were written. In snapshots each value, and of a list each
// element, has the time of its last write in front: 8 bytes, little endian, nanoseconds since 1970.
type TTL struct {
	After time.Duration `json:"after"` // in nanoseconds
	Time  string        `json:"time"`  // EventTime or ProcessingTime
	// OnRead says that reading counts as writing.
	OnRead bool `json:"onRead,omitempty"`
	// Visible says that an entry may be read after its time, until it is freed.
	Visible bool `json:"visible,omitempty"`
}

// The times that a TTL goes by.
const (
	EventTime      = "event"
	ProcessingTime = "processing"
)

// StampBytes is how many bytes of a value are the time of its last write.
const StampBytes = 8

const (
	// noTime is the time of what was written before any time was known: it is not forgotten until it is written again.
	noTime  = math.MinInt64
	endTime = math.MaxInt64 // the watermark at the end of input
)

var (
	errStamp   = errors.New("corrupt value: it is shorter than the time of its last write")
	errElement = errors.New("corrupt list: an element is longer than the entry")
)

// Expired says whether what was written at one time is forgotten at another.
func (t *TTL) Expired(written, now int64) bool {
	due := written + int64(t.After)
	return written != noTime && due > written && now >= due
}

// SameStamps says that two states, each of which may have a TTL or none, write values in the same way, and with times of one kind.
func (t *TTL) SameStamps(other *TTL) bool {
	if t == nil || other == nil {
		return t == other
	}
	return t.Time == other.Time
}

// String says it as the plan does.
func (t *TTL) String() string {
	text := fmt.Sprintf("TTL %v in %s time", t.After, t.Time)
	if t.OnRead {
		text += ", renewed on read"
	}
	if t.Visible {
		text += ", visible until freed"
	}
	return text
}

// AppendStamp appends the time of a write.
func AppendStamp(to []byte, at int64) []byte { return binary.LittleEndian.AppendUint64(to, uint64(at)) }

// CutStamp divides a value into the time of its last write and the rest.
func CutStamp(value []byte) (at int64, rest []byte, err error) {
	if len(value) < StampBytes {
		return 0, nil, errStamp
	}
	return int64(binary.LittleEndian.Uint64(value)), value[StampBytes:], nil
}

// Live is the value of an entry, of a list with those of its elements that are not forgotten by now; not ok if nothing is left.
func (s State) Live(value []byte, now int64) (live []byte, ok bool, err error) {
	switch {
	case s.TTL == nil:
		return value, true, nil
	case s.Kind == List:
		live, err = eachElement(nil, value, func(to, value []byte) ([]byte, bool, error) {
			at, _, err := CutStamp(value)
			return append(to, value...), !s.TTL.Expired(at, now), err
		})
		return live, len(live) > 0, err
	}
	at, _, err := CutStamp(value)
	return value, err == nil && !s.TTL.Expired(at, now), err
}

// Shown is Live of what is read from outside: a TTL may let what is forgotten be visible.
func (s State) Shown(value []byte, now int64) (shown []byte, ok bool, err error) {
	if s.TTL == nil || s.TTL.Visible {
		return value, true, nil
	}
	return s.Live(value, now)
}

// Unstamped reads values, or elements of a list, that may have the time of their last write in front.
func Unstamped[V any](ttl *TTL, read func([]byte) (V, error)) func([]byte) (V, error) {
	if ttl == nil {
		return read
	}
	return func(from []byte) (v V, err error) {
		if _, from, err = CutStamp(from); err != nil {
			return v, err
		}
		return read(from)
	}
}

// eachElement appends what f makes of each element of a list's entry; those that are not to be kept are left out.
func eachElement(to, entry []byte, f func(to, value []byte) (made []byte, keep bool, err error)) ([]byte, error) {
	var element []byte
	for len(entry) > 0 {
		n, w := binary.Uvarint(entry)
		if w <= 0 || n > uint64(len(entry)-w) {
			return to, errElement
		}
		made, keep, err := f(element[:0], entry[w:w+int(n)])
		if err != nil {
			return to, err
		}
		if keep {
			to = append(binary.AppendUvarint(to, uint64(len(made))), made...)
		}
		element, entry = made, entry[w+int(n):]
	}
	return to, nil
}

// Restamped reads entries of a state that a snapshot describes as was for the one that it is now. What had no TTL, or one by the other
// time, counts as written now; what is forgotten by now is left out.
func Restamped(r Reader, was, is State, now int64) Reader {
	if was.TTL == nil && is.TTL == nil {
		return r
	}
	x := &restamping{from: r, was: was, is: is, now: now}
	if sized, ok := r.(Sized); ok {
		return &sizedRestamping{x, sized}
	}
	return x
}

type restamping struct {
	from    Reader
	was, is State
	now     int64
	value   []byte
}

type sizedRestamping struct {
	*restamping
	Sized
}

// Next reads an entry.
func (r *restamping) Next() (key, item, value []byte, err error) {
	for {
		key, item, value, err = r.from.Next()
		if err != nil {
			return nil, nil, nil, err
		}
		value, ok, err := r.convert(value)
		if ok || err != nil {
			return key, item, value, err
		}
	}
}

// convert is the value as the state has it now; not ok if nothing is left of it.
func (r *restamping) convert(value []byte) (_ []byte, ok bool, err error) {
	if r.is.TTL.SameStamps(r.was.TTL) {
		return r.is.Live(value, r.now)
	}
	if r.is.Kind == List {
		r.value, err = eachElement(r.value[:0], value, r.renew)
	} else {
		r.value, _, err = r.renew(r.value[:0], value)
	}
	return r.value, true, err
}

// renew puts another time in front of a value, or none.
func (r *restamping) renew(to, value []byte) (_ []byte, keep bool, err error) {
	if r.was.TTL != nil {
		if _, value, err = CutStamp(value); err != nil {
			return to, false, err
		}
	}
	if r.is.TTL != nil {
		to = AppendStamp(to, r.now)
	}
	return append(to, value...), true, nil
}

// Passed is how far event time had come, by all floors of an operator: of what is in the middle of firing it is not known.
func Passed(floors []Floor) int64 {
	at := int64(noTime)
	for _, f := range floors {
		switch {
		case f.Firing:
		case f.Before != nil:
			at = max(at, *f.Before)
		case f.Watermark != endTime:
			at = max(at, f.Watermark)
		}
	}
	return at
}
