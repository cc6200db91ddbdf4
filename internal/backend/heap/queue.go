package heap

import (
	"math"
	"slices"

	"leat.dev/leat/internal/backend"
)

// Domain says which clock a timer goes by.
type Domain int

// The domains.
const (
	Event      Domain = iota // event time: the watermark
	Processing               // processing time: the machine's clock
)

func (d Domain) String() string {
	if d == Event {
		return "event"
	}
	return "processing"
}

// queue orders the timers of one domain. It is derived: the times in the columns are what counts. An entry may be
// stale, for its timer was stopped or moved; it is put right when it comes up. So moving a timer later, which sessions
// and timeouts do with each record, touches no queue.
type queue struct {
	heap     []alarm // a heap of four children a node
	timers   []*schedule
	set      int // timers that are set
	draining bool // timers that are not set stay so
	space    *Space
}

// alarm is when a row of one timer state is to be looked at.
type alarm struct {
	at    int64
	row   uint32
	group uint16
	timer uint16
}

const alarmBytes = 16

// before orders alarms fully, so that a run can be repeated.
func (a alarm) before(b alarm) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	if a.timer != b.timer {
		return a.timer < b.timer
	}
	if a.group != b.group {
		return a.group < b.group
	}
	return a.row < b.row
}

// schedule is one timer state as the queue sees it.
type schedule struct {
	q      *queue
	id     uint16
	clock  clock
	queued [][]int64 // by group and row: the time of the alarm that counts; other alarms of the row are stale
}

// noAlarm stands in queued where no alarm counts.
const noAlarm = math.MaxInt64

// clock is a timer state.
type clock interface {
	// timeAt is the time of a row's timer, and whether it is set.
	timeAt(g int, row uint32) (int64, bool)
	// ring unsets a row's timer and calls back with its key at hand.
	ring(g int, row uint32, at int64) error
	// describe names it.
	describe() backend.State
	// eachSet goes through all timers that are set.
	eachSet(f func(g int, row uint32, at int64))
}

func (q *queue) add(c clock, groups int) *schedule {
	s := &schedule{q: q, id: uint16(len(q.timers)), clock: c, queued: make([][]int64, groups)}
	q.timers = append(q.timers, s)
	return s
}

// clampTime keeps times apart from what marks missing ones.
func clampTime(at int64) int64 { return min(max(at, math.MinInt64+1), math.MaxInt64-1) }

// moved notes that a row's timer was set, for the first time (fresh) or anew.
func (s *schedule) moved(g int, row uint32, at int64, fresh bool) {
	s.extend(g, row)
	queued := &s.queued[g][row]
	if fresh {
		s.q.set++
	}
	if at < *queued {
		*queued = at
		s.q.push(alarm{at, row, uint16(g), s.id})
	}
}

func (s *schedule) extend(g int, row uint32) {
	q := s.queued[g]
	if int(row) < len(q) {
		return
	}
	before := cap(q)
	q = slices.Grow(q, int(row)+1-len(q))
	s.q.space.take(8 * int64(cap(q)-before))
	for len(q) <= int(row) {
		q = append(q, noAlarm)
	}
	s.queued[g] = q
}

// unset notes that a timer is not set any more.
func (s *schedule) unset() { s.q.set-- }

// first returns the earliest timer that is really set.
func (q *queue) first() (a alarm, ok bool) {
	for len(q.heap) > 0 {
		a := q.heap[0]
		s := q.timers[a.timer]
		queued := &s.queued[a.group][a.row]
		if *queued != a.at {
			q.pop()
			continue
		}
		at, set := s.clock.timeAt(int(a.group), a.row)
		switch {
		case !set:
			q.pop()
			*queued = noAlarm
		case at > a.at:
			*queued = at
			q.heap[0].at = at
			q.down(0)
		default:
			return a, true
		}
	}
	return a, false
}

// fire fires the first timer, which first has returned.
func (q *queue) fire(a alarm) error {
	q.pop()
	s := q.timers[a.timer]
	s.queued[a.group][a.row] = noAlarm
	s.unset()
	return s.clock.ring(int(a.group), a.row, a.at)
}

// minCompact is how many alarms a queue has at least before stale ones are thrown out.
const minCompact = 1024

func (q *queue) push(a alarm) {
	if len(q.heap) == cap(q.heap) && len(q.heap) > minCompact && len(q.heap) > 2*q.set {
		q.rebuild()
		return // the new alarm is among them
	}
	before := cap(q.heap)
	q.heap = append(q.heap, a)
	if grown := cap(q.heap) - before; grown > 0 {
		q.space.take(int64(grown) * alarmBytes)
	}
	q.up(len(q.heap) - 1)
}

// rebuild makes the queue anew, from the timers that are set.
func (q *queue) rebuild() {
	q.heap = q.heap[:0]
	for _, s := range q.timers {
		for _, queued := range s.queued {
			for i := range queued {
				queued[i] = noAlarm
			}
		}
		s.clock.eachSet(func(g int, row uint32, at int64) {
			s.queued[g][row] = at
			q.heap = append(q.heap, alarm{at, row, uint16(g), s.id})
		})
	}
	for i := (len(q.heap) - 2) / 4; i >= 0; i-- {
		q.down(i)
	}
}

func (q *queue) pop() {
	last := len(q.heap) - 1
	q.heap[0] = q.heap[last]
	q.heap = q.heap[:last]
	if last > 0 {
		q.down(0)
	}
}

func (q *queue) up(i int) {
	a := q.heap[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !a.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = a
}

func (q *queue) down(i int) {
	a := q.heap[i]
	for {
		least := 4*i + 1
		if least >= len(q.heap) {
			break
		}
		for c := least + 1; c < min(4*i+5, len(q.heap)); c++ {
			if q.heap[c].before(q.heap[least]) {
				least = c
			}
		}
		if !q.heap[least].before(a) {
			break
		}
		q.heap[i] = q.heap[least]
		i = least
	}
	q.heap[i] = a
}
