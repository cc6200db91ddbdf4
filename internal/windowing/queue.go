package windowing

import "math"

// queue has the times at which sessions want to be looked at. Most times are put off before they come, so they lie
// unsorted in buckets, and only those of the bucket at hand are sorted.
type queue struct {
	width   int64 // of a bucket
	buckets map[int64][]uint32
	starts  alarms // of the buckets
	near    alarms // all that is before until
	until   int64
	spare   [][]uint32
	armed   func(row uint32) (at int64, ok bool) // when a row wants to be looked at, if it is there at all
}

// alarm is a time, and a row that wants to be looked at then.
type alarm struct {
	at  int64
	row uint32
}

// Buckets are a fraction of a session's gap: a session that goes on is put off about once a gap.
const bucketsPerGap = 8

// spareBuckets bounds how many emptied buckets are kept: as many as are in use where few sessions are far ahead.
const spareBuckets = 2 * bucketsPerGap

func newQueue(gap int64, armed func(uint32) (int64, bool)) *queue {
	return &queue{width: max(gap/bucketsPerGap, 1), buckets: map[int64][]uint32{}, until: math.MinInt64, armed: armed}
}

// add has a row looked at; armed says the same of the row.
func (q *queue) add(at int64, row uint32) {
	if at < q.until {
		q.near.push(alarm{at, row})
		return
	}
	start := at - modulo(at, q.width)
	rows, ok := q.buckets[start]
	if !ok {
		q.starts.push(alarm{at: start})
		if n := len(q.spare); n > 0 {
			rows, q.spare = q.spare[n-1], q.spare[:n-1]
		}
	}
	q.buckets[start] = append(rows, row)
}

// next takes out the earliest alarm that is due at a watermark. Rows may have changed their mind meanwhile.
func (q *queue) next(wm int64) (a alarm, ok bool) {
	for {
		if len(q.near) > 0 {
			if !due(q.near[0].at, wm) {
				return a, false
			}
			return q.near.pop(), true
		}
		if len(q.starts) == 0 || !due(q.starts[0].at, wm) {
			return a, false
		}
		q.load(q.starts.pop().at)
	}
}

// first is a time before which no alarm is due.
func (q *queue) first() (at int64, ok bool) {
	switch {
	case len(q.near) > 0:
		return q.near[0].at, true
	case len(q.starts) > 0:
		return q.starts[0].at, true
	}
	return 0, false
}

// load sorts a bucket.
func (q *queue) load(start int64) {
	rows := q.buckets[start]
	delete(q.buckets, start)
	q.until = saturated(start, q.width)
	for _, row := range rows {
		if at, ok := q.armed(row); ok && at < q.until {
			q.near.push(alarm{at, row})
		}
	}
	if len(q.spare) < spareBuckets {
		q.spare = append(q.spare, rows[:0])
	}
}

// alarms are a binary heap, the earliest first.
type alarms []alarm

func (h *alarms) push(a alarm) {
	*h = append(*h, a)
	all := *h
	i := len(all) - 1
	for i > 0 {
		up := (i - 1) / 2
		if all[up].at <= a.at {
			break
		}
		all[i] = all[up]
		i = up
	}
	all[i] = a
}

func (h *alarms) pop() alarm {
	all := *h
	first, a := all[0], all[len(all)-1]
	all = all[:len(all)-1]
	*h = all
	i := 0
	for 2*i+1 < len(all) {
		down := 2*i + 1
		if down+1 < len(all) && all[down+1].at < all[down].at {
			down++
		}
		if a.at <= all[down].at {
			break
		}
		all[i] = all[down]
		i = down
	}
	if len(all) > 0 {
		all[i] = a
	}
	return first
}
