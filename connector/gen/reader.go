package gen

import (
	"context"
	"io"
	"slices"
	"time"

	"leat.dev/leat/connector"
)

// reader makes the records next, next+stride, … below end.
type reader[T any] struct {
	fill              filler[T]
	next, stride, end int64
}

// take makes records below the limit, as many as fit.
func (r *reader[T]) take(into *connector.Batch[T], limit int64) {
	limit = min(limit, r.end)
	if r.next >= limit {
		return
	}
	// As (limit-next+stride-1)/stride, but can't overflow without an end.
	n := int((limit-r.next-1)/r.stride + 1)
	n = min(n, into.Room())
	old := len(into.Values)
	into.Values = slices.Grow(into.Values, n)[:old+n]
	r.fill(r.next, r.stride, into.Values[old:])
	r.next += int64(n) * r.stride
}

func (r *reader[T]) ended() error {
	if r.next >= r.end {
		return io.EOF
	}
	return nil
}

func (r *reader[T]) Position() []byte { return connector.EncodePosition(uint64(r.next)) }

func (r *reader[T]) Close() error { return nil }

// promptReader makes records as fast as they are read.
type promptReader[T any] struct{ reader[T] }

func (*promptReader[T]) Prompt() {}

func (r *promptReader[T]) Read(_ context.Context, into *connector.Batch[T]) error {
	r.take(into, r.end)
	return r.ended()
}

// pacedReader makes records when they are due.
type pacedReader[T any] struct {
	reader[T]
	pace *pacer
}

func (r *pacedReader[T]) Read(ctx context.Context, into *connector.Batch[T]) error {
	if r.next >= r.end {
		return io.EOF
	}
	if err := r.pace.wait(ctx, r.next); err != nil {
		return err
	}
	r.take(into, r.pace.due())
	return r.ended()
}

func (r *pacedReader[T]) Close() error {
	r.pace.timer.Stop()
	return nil
}

// pacer says when records are due: record base+n is n/perSecond seconds after the start. Readers of all splits count
// from about the same base and start, so that together they keep the rate.
type pacer struct {
	perSecond float64
	base      int64
	start     time.Time
	timer     *time.Timer
}

func newPacer(perSecond float64, base int64) *pacer {
	timer := time.NewTimer(0)
	timer.Stop()
	return &pacer{perSecond, base, time.Now(), timer}
}

// wait returns when record i is due, or with ctx's error when it is done before.
func (p *pacer) wait(ctx context.Context, i int64) error {
	for p.due() <= i {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.timer.Reset(p.until(i))
		select {
		case <-p.timer.C:
		case <-ctx.Done():
			p.timer.Stop()
			return ctx.Err()
		}
	}
	return nil
}

// until is how long it takes until record i is due: at least a nanosecond, so that rounding can't make wait spin, and
// at most an hour, so that a tiny rate can't overflow the clock.
func (p *pacer) until(i int64) time.Duration {
	seconds := float64(i-p.base)/p.perSecond - time.Since(p.start).Seconds()
	return time.Duration(min(max(seconds*1e9, 1), float64(time.Hour)))
}

// due is the number of the first record that is not due yet.
func (p *pacer) due() int64 {
	n := time.Since(p.start).Seconds()*p.perSecond + 1
	// A float64 counts exactly up to 2⁵³; a rate that gets there is no limit.
	return p.base + int64(min(n, 1<<53))
}
