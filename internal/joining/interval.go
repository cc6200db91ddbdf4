package joining

import (
	"fmt"
	"time"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/operator"
	"leat.dev/leat/window"
)

// Interval brings together records whose times differ by a duration within bounds: a record of the second stream is at
// least from and at most to later than one of the first.
//
// Each record meets the kept ones of the other side when it comes, and is then kept itself, until the watermark says
// that no more partners come:
//
//	first   t ─────────[t+from ══════════ t+to]─ lateness of the second ─▶ dropped
//	second  t ─────────[t-to ══════════ t-from]─ lateness of the first ──▶ dropped
//
// A pair has the later time of both. A record that is dropped without having had a partner is emitted with the time at
// which that was sure, so that it is not late for those behind.
type Interval[K comparable, T, U any] struct {
	progress
	core     *operator.Keyed[K]
	from, to int64
	results  Results[T, U]
	passOn   Late[T, U]
	first    buffer[T]
	second   buffer[U]

	// The record at hand, and what pairs it with one of the other side; nil if nobody wants pairs.
	at         int64
	newFirst   *T
	newSecond  *U
	withFirst  func(u *U, then int64)
	withSecond func(t *T, then int64)
}

// longest is how far apart the times of pairs may be: times are nanoseconds in 64 bits.
const longest = window.MaxSize

// NewInterval makes an interval join, which sets itself up as part of the core. Its inputs are ReceiveFirst and
// ReceiveSecond, with the record's key at hand.
func NewInterval[K comparable, T, U any](c Config[K, T, U], from, to time.Duration, r Results[T, U]) (*Interval[K, T, U], error) {
	if err := c.Lateness.validate(); err != nil {
		return nil, err
	}
	if from < -longest || to > longest || to < from {
		return nil, fmt.Errorf("within %v to %v: the first must not be greater than the second, and neither longer than %v", from, to, longest)
	}
	j := &Interval[K, T, U]{
		progress: newProgress(c.groups()), core: c.Core, from: int64(from), to: int64(to), results: r, passOn: c.Late,
		first:  buffer[T]{keep: int64(to + c.Lateness.Second), lateness: int64(c.Lateness.First), alone: r.First, hands: r.KeepsFirst},
		second: buffer[U]{keep: int64(c.Lateness.First - from), lateness: int64(c.Lateness.Second), alone: r.Second, hands: r.KeepsSecond},
	}
	if r.Pair != nil {
		j.withFirst = func(u *U, then int64) { j.results.Pair(j.newFirst, u, max(j.at, then)) }
		j.withSecond = func(t *T, then int64) { j.results.Pair(t, j.newSecond, max(j.at, then)) }
	}
	if err := addBuffer(c, &j.first, "first"); err != nil {
		return nil, err
	}
	if err := addBuffer(c, &j.second, "second"); err != nil {
		return nil, err
	}
	c.Core.SetWindows(&j.progress)
	c.Core.HasTimers()
	return j, nil
}

// ReceiveFirst takes in a record of the first stream.
func (j *Interval[K, T, U]) ReceiveFirst(v T) error {
	at, reach, err := j.begin()
	switch {
	case err != nil:
		return err
	case at <= before(reach, j.first.lateness):
		j.tooLate(j.core.Env.Metrics)
		if j.passOn.First != nil {
			j.passOn.First(v, at)
		}
		return nil
	}
	p := j.first.hand(v)
	j.at, j.newFirst = at, p
	paired := j.second.each(plus(at, j.from), plus(at, j.to), j.withFirst)
	j.first.put(p, at, reach, paired)
	return nil
}

// ReceiveSecond takes in a record of the second stream.
func (j *Interval[K, T, U]) ReceiveSecond(v U) error {
	at, reach, err := j.begin()
	switch {
	case err != nil:
		return err
	case at <= before(reach, j.second.lateness):
		j.tooLate(j.core.Env.Metrics)
		if j.passOn.Second != nil {
			j.passOn.Second(v, at)
		}
		return nil
	}
	p := j.second.hand(v)
	j.at, j.newSecond = at, p
	paired := j.first.each(plus(at, -j.to), plus(at, -j.from), j.withSecond)
	j.second.put(p, at, reach, paired)
	return nil
}

// begin is the time of the record at hand, and how far event time has come for its key.
func (j *Interval[K, T, U]) begin() (at, reach int64, err error) {
	if at = j.core.At(); at == flow.NoTime {
		return at, reach, errNoTime
	}
	return at, j.reach(j.core.Store.Group()), nil
}
