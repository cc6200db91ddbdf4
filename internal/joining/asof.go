package joining

import (
	"fmt"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/operator"
)

// AsOf brings each record of the first stream together with the version that held at its time: the last record of the
// second stream that is not later. Of two versions of one time the one that came later holds.
//
// A record waits until the watermark has passed its time, so that versions may come after it; the results of a key come
// in order of time, at the time of the record. One that is late, within the lateness, is worked on at once.
//
//	versions  ──v1────v2──────────v3──────v4───▶
//	                  └─ kept ────────────────      v1 is dropped: no record comes that it would hold for
//	                       │               │
//	              watermark less the   watermark
//	              lateness
//
// A version counts however late it comes, for records that are worked on after it, unless a newer one has taken its place
// for every record that may still come: then it is too late.
type AsOf[K comparable, T, U any] struct {
	progress
	core     *operator.Keyed[K]
	results  Results[T, U]
	passOn   Late[T, U]
	lateness int64 // of the first stream
	waiting  *heap.Ordered[int64, cell[T]]
	versions *heap.Ordered[int64, U]
	next     *heap.Timer // when a record is due or a version dropped
	record   cell[T]     // at hand
	version  U           // likewise
}

// NewAsOf makes a temporal join, which sets itself up as part of the core. Its inputs are ReceiveFirst and
// ReceiveSecond, with the record's key at hand.
func NewAsOf[K comparable, T, U any](c Config[K, T, U], r Results[T, U]) (*AsOf[K, T, U], error) {
	if err := c.Lateness.validate(); err != nil {
		return nil, err
	}
	j := &AsOf[K, T, U]{
		progress: newProgress(c.groups()), core: c.Core, results: r, passOn: c.Late, lateness: int64(c.Lateness.First),
	}
	times, err := codec.Derive[int64](nil)
	if err != nil {
		return nil, fmt.Errorf("times: %w", err)
	}
	waiting, err := newCellCodec[T](c.Codecs)
	if err != nil {
		return nil, fmt.Errorf("state waiting: %w", err)
	}
	versions, err := codec.Derive[U](c.Codecs)
	if err != nil {
		return nil, fmt.Errorf("state versions: %w", err)
	}
	j.waiting = heap.AddOrdered(c.Core.Store, "waiting", times, waiting)
	j.versions = heap.AddOrdered(c.Core.Store, "versions", times, versions)
	j.next = c.Core.Store.AddTimer("next", heap.Event, func(int64) error {
		j.advance(c.Core.WatermarkNow())
		return nil
	})
	c.Core.SetWindows(&j.progress)
	c.Core.HasTimers()
	return j, nil
}

// ReceiveFirst takes in a record of the first stream.
func (j *AsOf[K, T, U]) ReceiveFirst(v T) error {
	at := j.core.At()
	if at == flow.NoTime {
		return errNoTime
	}
	reach := j.reach(j.core.Store.Group())
	switch {
	case at > reach:
		c, had := j.waiting.Lookup(at)
		c.add(&v, !had)
		j.waiting.Set(at, c)
		j.wake(at)
	case at > before(reach, j.lateness):
		j.record = cell[T]{one: [1]T{v}}
		j.emit(at)
	default:
		j.tooLate(j.core.Env.Metrics)
		if j.passOn.First != nil {
			j.passOn.First(v, at)
		}
	}
	return nil
}

// ReceiveSecond takes in a version.
func (j *AsOf[K, T, U]) ReceiveSecond(v U) error {
	at := j.core.At()
	if at == flow.NoTime {
		return errNoTime
	}
	horizon := before(j.reach(j.core.Store.Group()), j.lateness)
	if at <= horizon && j.superseded(at, horizon) {
		j.tooLate(j.core.Env.Metrics)
		if j.passOn.Second != nil {
			j.passOn.Second(v, at)
		}
		return nil
	}
	oldest, _, ok := j.versions.First()
	j.versions.Set(at, v)
	if ok && oldest != at {
		j.wake(plus(max(oldest, at), j.lateness)) // the older of the two can go then
	}
	return nil
}

// superseded says whether a newer version than one of a time holds for every record that may still come.
func (j *AsOf[K, T, U]) superseded(at, horizon int64) bool {
	newest, _, ok := j.versions.AtMost(horizon)
	return ok && newest > at
}

// wake has the key looked at when the watermark comes to a time.
func (j *AsOf[K, T, U]) wake(at int64) {
	if due, ok := j.next.Time(); !ok || at < due {
		j.next.At(at)
	}
}

// advance emits the records of a key that are due, some at a time, and drops the versions that no record needs then.
func (j *AsOf[K, T, U]) advance(watermark int64) {
	end := plus(watermark, 1)
	work, stopped := 0, false
	for at, c := range j.waiting.Range(flow.NoTime, end) {
		if work >= stepRecords {
			end, stopped = at, true
			break
		}
		j.record = c
		j.emit(at)
		work += len(c.records())
	}
	j.waiting.DeleteRange(flow.NoTime, end)
	if !stopped {
		j.forget(before(watermark, j.lateness))
	}
	if at, ok := j.due(); ok {
		j.next.Again(at)
	}
}

// forget drops the versions that are older than the one that held at a time.
func (j *AsOf[K, T, U]) forget(horizon int64) {
	if newest, _, ok := j.versions.AtMost(horizon); ok {
		j.versions.DeleteRange(flow.NoTime, newest)
	}
}

// due is when the key is to be looked at again.
func (j *AsOf[K, T, U]) due() (at int64, ok bool) {
	at, _, ok = j.waiting.First()
	if drop, more := j.drop(); more && (!ok || drop < at) {
		return drop, true
	}
	return at, ok
}

// drop is when the oldest version of the key can go, for the next one holds.
func (j *AsOf[K, T, U]) drop() (at int64, ok bool) {
	oldest, _, ok := j.versions.First()
	if !ok {
		return 0, false
	}
	for second := range j.versions.Range(oldest+1, flow.EndTime) {
		return plus(second, j.lateness), true
	}
	return 0, false
}

// emit emits the records at hand, which are of one time.
func (j *AsOf[K, T, U]) emit(at int64) {
	all := j.record.records()
	_, version, ok := j.versions.AtMost(at)
	switch {
	case !ok:
		j.emitAlone(all, at)
	case j.results.Pair != nil:
		p := &j.version
		if j.results.KeepsSecond {
			p = new(version)
		} else {
			j.version = version
		}
		for i := range all {
			j.results.Pair(&all[i], p, at)
		}
	}
}

func (j *AsOf[K, T, U]) emitAlone(all []T, at int64) {
	if j.results.First == nil {
		return
	}
	for i := range all {
		j.results.First(&all[i], at)
	}
}
