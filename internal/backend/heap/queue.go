package heap

import (
	"math"

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
// and timeouts do with each record, touches no queue. Where half of all entries are stale they are thrown out, some
// with each timer that is set: from the old heap, whose last ones any heap can lose, to a new one.
type queue struct {
	heap     alarms
	old      alarms // being cleared out
	timers   []*schedule
	set      int  // timers that are set
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
	queued []times // by group and row: the time of the alarm that counts; other alarms of the row are stale
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
}

func (q *queue) add(c clock, groups int) *schedule {
	s := &schedule{q: q, id: uint16(len(q.timers)), clock: c, queued: make([]times, groups)}
	q.timers = append(q.timers, s)
	return s
}

// clampTime keeps times apart from what marks missing ones.
func clampTime(at int64) int64 { return min(max(at, math.MinInt64+1), math.MaxInt64-1) }

// moved notes that a row's timer was set, for the first time (fresh) or anew.
func (s *schedule) moved(g int, row uint32, at int64, fresh bool) {
	queued := s.queued[g].extend(row, s.q.space)
	if fresh {
		s.q.set++
	}
	if at < *queued {
		*queued = at
		s.q.push(alarm{at, row, uint16(g), s.id})
	}
}

// unset notes that a timer is not set any more.
func (s *schedule) unset() { s.q.set-- }

// first returns the earliest timer that is really set.
func (q *queue) first() (a alarm, ok bool) {
	for {
		h := q.soonest()
		if h.n == 0 {
			return a, false
		}
		if a, ok := q.look(h); ok {
			return a, true
		}
	}
}

// soonest is the heap with the earliest alarm.
func (q *queue) soonest() *alarms {
	if q.old.n > 0 && (q.heap.n == 0 || q.old.at(0).before(*q.heap.at(0))) {
		return &q.old
	}
	return &q.heap
}

// due says whether an alarm, perhaps a stale one, is due.
func (q *queue) due(upTo int64) bool {
	h := q.soonest()
	return h.n > 0 && h.at(0).at <= upTo
}

// look looks at the first alarm of a heap: its timer is set, or the alarm is put right.
func (q *queue) look(h *alarms) (a alarm, ok bool) {
	a = *h.at(0)
	at, ok := q.check(a)
	switch {
	case !ok:
		h.pop(q.space)
	case at > a.at:
		h.at(0).at = at
		h.down(0)
		ok = false
	}
	return a, ok
}

// check says when the timer of an alarm is due, and whether the alarm counts.
func (q *queue) check(a alarm) (at int64, ok bool) {
	s := q.timers[a.timer]
	queued := s.queued[a.group].at(a.row)
	if *queued != a.at {
		return 0, false
	}
	if at, ok = s.clock.timeAt(int(a.group), a.row); !ok {
		at = noAlarm
	}
	*queued = at
	return at, ok
}

// fire fires the first timer, which first or look has returned.
func (q *queue) fire(a alarm) error {
	q.soonest().pop(q.space)
	s := q.timers[a.timer]
	*s.queued[a.group].at(a.row) = noAlarm
	s.unset()
	return s.clock.ring(int(a.group), a.row, a.at)
}

const (
	// minCompact is how many alarms a queue has at least before stale ones are thrown out.
	minCompact = 1024
	// moveAlarms is how many alarms of the old heap are looked at with each one that is new.
	moveAlarms = 4
)

func (q *queue) push(a alarm) {
	if q.heap.n > minCompact && q.heap.n > 2*q.set && q.old.n == 0 {
		q.heap, q.old = q.old, q.heap
	}
	for n := 0; n < moveAlarms && q.old.n > 0; n++ {
		last := q.old.take(q.space)
		if at, ok := q.check(last); ok {
			last.at = at
			q.heap.push(last, q.space)
		}
	}
	q.heap.push(a, q.space)
}
