package joining

import (
	"fmt"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
)

// stepRecords is how many records a timer's callback goes through at most before the loop may look for a barrier.
const stepRecords = 1024

// buffer is the records of one side that are kept for partners to come.
type buffer[V any] struct {
	rows     *heap.Ordered[int64, cell[V]]
	until    *heap.Timer          // when the first of a key is dropped
	keep     int64                // how far the watermark may be ahead of a record's time before it is dropped
	lateness int64                // how far behind the watermark records may come
	alone    func(v *V, at int64) // receives records that had no partner; nil: nobody does
	hands    bool                 // others keep pointers to records
	record   V                    // at hand
	cell     cell[V]              // likewise
}

// addBuffer gives a buffer its states.
func addBuffer[K comparable, T, U, V any](c Config[K, T, U], b *buffer[V], name string) error {
	times, err := codec.Derive[int64](nil)
	if err != nil {
		return fmt.Errorf("state %s: %w", name, err)
	}
	records, err := newCellCodec[V](c.Codecs)
	if err != nil {
		return fmt.Errorf("state %s: %w", name, err)
	}
	b.rows = heap.AddOrdered(c.Core.Store, name, times, records)
	b.until = c.Core.Store.AddTimer(name+"-until", heap.Event, func(int64) error {
		b.expire(c.Core.WatermarkNow())
		return nil
	})
	return nil
}

// hand puts a record where a pointer to it is valid until the next one comes, or for ever if others keep it.
func (b *buffer[V]) hand(v V) *V {
	if b.hands {
		return new(v)
	}
	b.record = v
	return &b.record
}

// each calls pair, unless it is nil, for the records with times from lo to hi, notes that they have a partner, and says
// whether there are any.
func (b *buffer[V]) each(lo, hi int64, pair func(v *V, at int64)) (found bool) {
	first, c, ok := b.rows.First()
	if !ok || first > hi {
		return false
	}
	last, _, _ := b.rows.Last()
	switch {
	case last < lo:
		return false
	case first == last: // most keys have one record at a time
		b.meet(first, c, pair)
		return true
	}
	for at, c := range b.rows.Range(lo, plus(hi, 1)) {
		found = true
		b.meet(at, c, pair)
	}
	return found
}

// meet notes that the records of a time have a partner.
func (b *buffer[V]) meet(at int64, c cell[V], pair func(v *V, at int64)) {
	if pair != nil {
		b.eachOf(c, at, pair)
	}
	if b.alone != nil && !c.paired {
		c.paired = true
		b.rows.Set(at, c)
	}
}

func (b *buffer[V]) eachOf(c cell[V], at int64, f func(v *V, at int64)) {
	if b.hands && c.several == nil {
		f(new(c.one[0]), at)
		return
	}
	b.cell = c
	all := b.cell.records()
	for i := range all {
		f(&all[i], at)
	}
}

// put keeps a record for partners that come later. If none do, that is the end of it.
func (b *buffer[V]) put(v *V, at, reach int64, paired bool) {
	drop := plus(at, b.keep)
	if drop <= reach {
		if !paired && b.alone != nil {
			b.alone(v, max(at, drop))
		}
		return
	}
	c, had := b.rows.Lookup(at)
	c.add(v, !had)
	c.paired = c.paired || paired
	b.rows.Set(at, c)
	if due, ok := b.until.Time(); !ok || drop < due {
		b.until.At(drop)
	}
}

// expire drops the records of a key that no partner can come for any more.
func (b *buffer[V]) expire(watermark int64) {
	end := plus(before(watermark, b.keep), 1)
	if b.alone != nil {
		end = b.emitAlone(end)
	}
	if watermark == flow.EndTime && end == flow.EndTime {
		b.rows.Clear()
	} else {
		b.rows.DeleteRange(flow.NoTime, end)
	}
	if at, _, ok := b.rows.First(); ok {
		b.until.Again(plus(at, b.keep))
	}
}

// emitAlone emits the records before a time that had no partner, some at a time: it returns how far it has come.
func (b *buffer[V]) emitAlone(end int64) int64 {
	work := 0
	for at, c := range b.rows.Range(flow.NoTime, end) {
		if work >= stepRecords {
			return at
		}
		work += len(c.records())
		if !c.paired {
			b.eachOf(c, max(at, plus(at, b.keep)), b.alone)
		}
	}
	return end
}
