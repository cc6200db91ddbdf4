package windowing

import (
	"leat.dev/leat/internal/flow"
)

// Clocked is an operator by the wall clock: records get the time at which they arrive, and windows fire by the clock. The
// watermark fires nothing, but for the end of input.
type Clocked[K comparable, T any] struct {
	Operator[K, T]
	now  func() int64
	last int64 // the clock's reading, which never goes back
	in   flow.Keyed[K, T]
}

func newClocked[K comparable, T any](o Operator[K, T], now func() int64) *Clocked[K, T] {
	return &Clocked[K, T]{Operator: o, now: now, last: flow.NoTime}
}

// RestoreFloor gives a key group the floor that it had in the snapshot. The clock goes on from there at least: another
// machine's may be slower.
func (o *Clocked[K, T]) RestoreFloor(group int, wm int64) {
	o.Operator.RestoreFloor(group, wm)
	if wm < flow.EndTime {
		o.last = max(o.last, wm+1)
	}
}

// Receive takes records in as of now.
func (o *Clocked[K, T]) Receive(b *flow.Keyed[K, T]) error {
	o.last = max(o.last, o.now())
	times := o.in.Times[:0]
	for range b.Len() {
		times = append(times, o.last)
	}
	o.in = *b
	o.in.Times = times
	err := o.Operator.Receive(&o.in)
	o.in = flow.Keyed[K, T]{Batch: flow.Batch[T]{Times: times}} // keeps nothing of the batch
	return err
}

// Advance fires what is open at the end of input.
func (o *Clocked[K, T]) Advance(wm int64, limit int) (done bool) {
	return wm != flow.EndTime || o.Operator.Advance(wm, limit)
}

// NextTick is when the clock makes the next window due.
func (o *Clocked[K, T]) NextTick() (at int64, ok bool) {
	wm, ok := o.next()
	return saturated(wm, 1), ok
}

// Tick fires what is due, limit panes or some more at a time.
func (o *Clocked[K, T]) Tick(now int64, limit int) (done bool) {
	o.last = max(o.last, now)
	return o.Operator.Advance(o.last-1, limit)
}
