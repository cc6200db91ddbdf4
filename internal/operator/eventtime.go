package operator

import (
	"encoding/binary"
	"fmt"
	"time"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/eventtime"
	"leat.dev/leat/internal/flow"
)

// Marks says how watermarks are made.
type Marks[T any] struct {
	At        func(T) time.Time
	Delay     time.Duration            // how much later than others a record may come
	Split     func() func(T) time.Time // in place of Delay: the author's own, called once a split
	IdleAfter time.Duration            // 0: never
}

// EventTime gives records their times and makes watermarks, for each split of the source by itself. A watermark goes
// out after every so many records of a split, counted, so that the size of batches changes nothing, and when the split
// has nothing more just now.
type EventTime[T any] struct {
	one[T]
	work   working[T]
	marker *marker
	marks  Marks[T]
	own    []func(T) time.Time // the author's, by split; nil without
	times  []int64
	view   flow.Batch[T]
}

// marker makes the watermarks. Nothing of it depends on the type of records, so that it is compiled once.
type marker struct {
	env       *flow.Env
	down      marksTaker
	delay     int64
	idleAfter int64
	splits    []splitMark
	merge     *eventtime.Merge
	idle      bool
	resuming  bool // the watermark that was restored has not been sent
	restored  map[string][]byte
}

// marksTaker is the output, as far as watermarks go.
type marksTaker interface {
	Watermark(at int64)
	Idle(idle bool)
}

type splitMark struct {
	max    int64 // the largest time so far, or the author's watermark
	since  int   // records since the last watermark
	marked int64 // the last watermark
	active int64 // when the last record came, in processing time
	idle   bool
	done   bool
}

// NewEventTime makes the operator.
func NewEventTime[T any](env *flow.Env, out *flow.Out[T], m Marks[T]) *EventTime[T] {
	e := &EventTime[T]{one: one[T]{env, out}, work: working[T]{env: env}, marks: m}
	e.marker = &marker{env: env, down: &e.one, delay: int64(m.Delay), idleAfter: int64(m.IdleAfter)}
	env.Splits.Listen(e.marker.finish, e.marker.dry)
	return e
}

// Facets is what has state and follows the clock.
func (e *EventTime[T]) Facets() any { return e.marker }

// ready makes the marks of all splits; the source knows them only when it is open.
func (m *marker) ready() {
	if m.merge != nil {
		return
	}
	names := m.env.Splits.Names
	m.splits = make([]splitMark, len(names))
	m.merge = eventtime.NewMerge(len(names), flow.NoTime)
	now := m.env.Clock.Now()
	for i, name := range names {
		s := &m.splits[i]
		s.max, s.marked, s.active = flow.NoTime, flow.NoTime, now
		m.restoreSplit(s, name)
		if s.marked != flow.NoTime {
			m.merge.Advance(i, s.marked)
		}
		if m.env.Splits.Done[i] {
			s.done = true
			m.merge.End(i)
		}
	}
	m.resuming = m.merge.Current() != flow.NoTime
}

// resume tells those behind, before the first record after a restore, how far event time had come.
func (m *marker) resume() {
	if m.resuming {
		m.resuming = false
		m.send()
	}
}

// Receive gives a batch its times, and cuts it where watermarks belong.
func (e *EventTime[T]) Receive(b *flow.Batch[T]) {
	m := e.marker
	e.work.begin(b, &e.work)
	m.ready()
	m.resume()
	s, own := &m.splits[b.Split], e.ownOf(b.Split)
	m.wake(b.Split, s)
	e.times = e.times[:0]
	for from := 0; from < len(b.Values); {
		to := min(len(b.Values), from+max(1, m.env.WatermarkEvery-s.since))
		e.stamp(s, own, b.Values, from, to)
		s.since += to - from
		e.view = flow.Batch[T]{Values: b.Values[from:to], Times: e.times[from:to], Split: b.Split}
		e.out.Forward(&e.view)
		if s.since >= m.env.WatermarkEvery {
			m.mark(b.Split, s)
		}
		from = to
	}
}

// stamp works out the times of some records and moves the split's mark.
func (e *EventTime[T]) stamp(s *splitMark, own func(T) time.Time, values []T, from, to int) {
	newest := s.max
	for i := from; i < to; i++ {
		e.work.at = i
		at := Nanos(e.marks.At(values[i]))
		e.times = append(e.times, at)
		if own != nil {
			newest = max(newest, Nanos(own(values[i])))
		} else {
			newest = max(newest, at)
		}
	}
	s.max = newest
}

// ownOf is the author's watermark of a split, or nil.
func (e *EventTime[T]) ownOf(split int) func(T) time.Time {
	if e.marks.Split == nil {
		return nil
	}
	if e.own == nil {
		e.own = make([]func(T) time.Time, len(e.marker.splits))
		for i := range e.own {
			e.own[i] = e.marks.Split()
		}
	}
	return e.own[split]
}

// watermarkOf is what a split's mark means: a record with the largest time less the delay, or with the author's
// watermark, may still come.
func (m *marker) watermarkOf(s *splitMark) int64 {
	if s.max <= flow.NoTime+m.delay {
		return flow.NoTime
	}
	return s.max - m.delay - 1
}

func (m *marker) mark(split int, s *splitMark) {
	s.since = 0
	s.marked = m.watermarkOf(s)
	if s.marked != flow.NoTime && m.merge.Advance(split, s.marked) {
		m.send()
	}
}

func (m *marker) send() {
	if at := m.merge.Current(); at != flow.EndTime { // the end comes from the source itself, if it is drained
		m.down.Watermark(at)
	}
}

// dry sends the watermark that would have waited for more records.
func (m *marker) dry(split int) {
	m.ready()
	if s := &m.splits[split]; s.since > 0 {
		m.mark(split, s)
	}
}

// finish takes a split out.
func (m *marker) finish(split int) {
	m.ready()
	s := &m.splits[split]
	if s.since > 0 {
		m.mark(split, s)
	}
	s.done = true
	if m.merge.End(split) {
		m.send()
	}
	m.tellIdle()
}

// Watermark of an earlier operator is overruled, save that of the end of input.
func (e *EventTime[T]) Watermark(at int64) {
	if at == flow.EndTime {
		e.one.Watermark(at)
	}
}

// Idle of an earlier operator means nothing here.
func (e *EventTime[T]) Idle(bool) {}

// wake takes a split in again that was idle.
func (m *marker) wake(split int, s *splitMark) {
	if m.idleAfter == 0 {
		return
	}
	s.active = m.env.Clock.Now()
	if s.idle {
		s.idle = false
		m.merge.SetIdle(split, false)
		m.tellIdle()
	}
}

func (m *marker) tellIdle() {
	if idle := m.merge.Idle(); idle != m.idle {
		m.idle = idle
		m.down.Idle(idle)
	}
}

// NextTick is when the next split has been silent for too long.
func (m *marker) NextTick() (at int64, ok bool) {
	if m.idleAfter == 0 {
		return 0, false
	}
	m.ready()
	for i := range m.splits {
		s := &m.splits[i]
		if deadline := s.active + m.idleAfter; !s.idle && !s.done && (!ok || deadline < at) {
			at, ok = deadline, true
		}
	}
	return at, ok
}

// Tick leaves silent splits out.
func (m *marker) Tick(now int64, _ int) bool {
	m.ready()
	for i := range m.splits {
		s := &m.splits[i]
		if s.idle || s.done || s.active+m.idleAfter > now {
			continue
		}
		s.idle = true
		if m.merge.SetIdle(i, true) {
			m.send()
		}
	}
	m.tellIdle()
	return true
}

// Entries are the marks of all splits.
func (m *marker) Entries() ([]backend.Entry, error) {
	m.ready()
	entries := make([]backend.Entry, len(m.splits))
	for i, name := range m.env.Splits.Names {
		s := &m.splits[i]
		entries[i] = backend.Entry{State: "marks", Key: m.entryOf(name), Value: appendMark(nil, s.max, s.since, s.marked)}
	}
	return entries, nil
}

// RestoreEntries keeps the marks until the splits are known.
func (m *marker) RestoreEntries(all []backend.Entry) error {
	m.restored = map[string][]byte{}
	for _, entry := range all {
		if len(entry.Value) != markBytes {
			return fmt.Errorf("%s: the mark of split %s in the snapshot has %d bytes, not %d", m.env, entry.Key, len(entry.Value), markBytes)
		}
		if have, ok := m.restored[entry.Key]; ok { // several subtasks had a channel of that number: the least counts
			entry.Value = appendMark(nil, min(markOf(have), markOf(entry.Value)), 0, min(markedOf(have), markedOf(entry.Value)))
		}
		m.restored[entry.Key] = entry.Value
	}
	return nil
}

// entryOf is the key of a split's entry. A channel is the same in another attempt only if there are as many of them, and
// as many subtasks.
func (m *marker) entryOf(split string) string {
	env := m.env
	if !env.Splits.Channels {
		return split
	}
	return fmt.Sprintf("%s of %d, subtask %d of %d", split, len(env.Splits.Names), env.Subtask, env.Parallelism)
}

// appendMark writes a split's entry.
func appendMark(to []byte, mark int64, since int, marked int64) []byte {
	to = binary.LittleEndian.AppendUint64(to, uint64(mark))
	to = binary.LittleEndian.AppendUint64(to, uint64(since))
	return binary.LittleEndian.AppendUint64(to, uint64(marked))
}

// markBytes is a split's entry: its mark, the records since its last watermark, and that watermark.
const markBytes = 24

// markedOf is the last watermark in a split's entry.
func markedOf(value []byte) int64 { return int64(binary.LittleEndian.Uint64(value[16:])) }

// markOf is the mark in a split's entry.
func markOf(value []byte) int64 { return int64(binary.LittleEndian.Uint64(value)) }

// restoreSplit gives a split its mark back. Channels are not the same after a rescale: each begins with the least, and
// counts anew.
func (m *marker) restoreSplit(s *splitMark, name string) {
	if value, ok := m.restored[m.entryOf(name)]; ok {
		s.max = markOf(value)
		s.since = int(binary.LittleEndian.Uint64(value[8:]))
		s.marked = markedOf(value)
		return
	}
	if !m.env.Splits.Channels || len(m.restored) == 0 {
		return
	}
	s.max, s.marked = flow.EndTime, flow.EndTime
	for _, value := range m.restored {
		s.max, s.marked = min(s.max, markOf(value)), min(s.marked, markedOf(value))
	}
}

// The years that a count of nanoseconds since 1970 reaches.
var (
	earliest = time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	latest   = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

// Nanos is a time as the engine counts it; a zero time is none.
func Nanos(t time.Time) int64 {
	if s := t.Unix(); s < earliest || s > latest {
		return noNanos(t)
	}
	return t.UnixNano()
}

func noNanos(t time.Time) int64 {
	if !t.IsZero() {
		flow.Fail(fmt.Errorf("event time %s is outside of the years 1678 to 2261", t))
	}
	return flow.NoTime
}

// Time is the engine's time for users.
func Time(at int64) time.Time {
	switch at {
	case flow.NoTime:
		return time.Time{}
	case flow.EndTime:
		return endOfTime
	}
	return time.Unix(0, at).UTC()
}

var endOfTime = time.Unix(0, flow.EndTime).UTC()
