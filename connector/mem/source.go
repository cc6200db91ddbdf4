// Package mem has sources and sinks in memory, for tests and for jobs inside another program.
//
//	job.From("payments", mem.From(a, b, c)).To("alerts", mem.Into(&alerts))
package mem

import (
	"context"
	"fmt"
	"io"
	"iter"

	"leat.dev/leat/connector"
)

// From reads records, in their order. A slice passed as records... is not copied: it must not change while a job reads
// it. A position is an index, so that a restored job goes on where it was if it is given the same records.
func From[T any](records ...T) connector.Source[T] {
	return func() connector.Input[T] {
		return single[T]{"slice", func(_ context.Context, done uint64) (connector.Reader[T], error) {
			if done > uint64(len(records)) {
				return nil, fmt.Errorf("position is %d, and there are only %d records", done, len(records))
			}
			return &sliceReader[T]{records: records, next: int(done)}, nil
		}}
	}
}

// Seq reads a sequence. Each attempt of the job ranges over it anew, from one goroutine, and skips as many records as
// the restored position says were read; so a job that fails and restarts loses and repeats nothing if the sequence
// yields the same records again. A sequence must not wait for the outside world, as nothing could interrupt it: use
// [Chan] for that.
func Seq[T any](s iter.Seq[T]) connector.Source[T] {
	return func() connector.Input[T] {
		return single[T]{"sequence", func(ctx context.Context, done uint64) (connector.Reader[T], error) {
			next, stop := iter.Pull(s)
			r := &seqReader[T]{next: next, stop: stop}
			if err := r.skip(ctx, done); err != nil {
				stop()
				return nil, err
			}
			return r, nil
		}}
	}
}

// Chan reads a channel until it is closed. A channel can't be read again: what was received and is not in the snapshot
// that a job restarts from is lost.
func Chan[T any](c <-chan T) connector.Source[T] {
	return func() connector.Input[T] {
		return single[T]{"channel", func(_ context.Context, done uint64) (connector.Reader[T], error) {
			return &chanReader[T]{c: c, done: done}, nil
		}}
	}
}

// single is an input of one split whose position is how many records were read.
type single[T any] struct {
	name string
	open func(ctx context.Context, done uint64) (connector.Reader[T], error)
}

func (in single[T]) Splits(context.Context) ([]connector.Split, error) {
	return []connector.Split{{Name: in.name}}, nil
}

func (in single[T]) Open(ctx context.Context, s connector.Split, position []byte) (connector.Reader[T], error) {
	if s.Name != in.name {
		return nil, fmt.Errorf("mem: there is no split %q, the only one is %q", s.Name, in.name)
	}
	var done uint64
	if position != nil {
		if err := connector.DecodePosition(position, &done); err != nil {
			return nil, fmt.Errorf("mem: %s: %w", in.name, err)
		}
	}
	r, err := in.open(ctx, done)
	if err != nil {
		return nil, fmt.Errorf("mem: %s: %w", in.name, err)
	}
	return r, nil
}

type sliceReader[T any] struct {
	records []T
	next    int
}

func (*sliceReader[T]) Prompt() {}

func (r *sliceReader[T]) Read(_ context.Context, into *connector.Batch[T]) error {
	end := min(r.next+into.Room(), len(r.records))
	into.Values = append(into.Values, r.records[r.next:end]...)
	r.next = end
	if end == len(r.records) {
		return io.EOF
	}
	return nil
}

func (r *sliceReader[T]) Position() []byte { return connector.EncodePosition(uint64(r.next)) }

func (r *sliceReader[T]) Close() error { return nil }

type seqReader[T any] struct {
	next func() (T, bool)
	stop func()
	done uint64
}

func (*seqReader[T]) Prompt() {}

func (r *seqReader[T]) skip(ctx context.Context, count uint64) error {
	for ; r.done < count; r.done++ {
		if r.done%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if _, ok := r.next(); !ok {
			return fmt.Errorf("position is %d, and the sequence ends after %d records", count, r.done)
		}
	}
	return nil
}

func (r *seqReader[T]) Read(_ context.Context, into *connector.Batch[T]) error {
	for n := into.Room(); n > 0; n-- {
		v, ok := r.next()
		if !ok {
			return io.EOF
		}
		into.Values = append(into.Values, v)
		r.done++
	}
	return nil
}

func (r *seqReader[T]) Position() []byte { return connector.EncodePosition(r.done) }

func (r *seqReader[T]) Close() error {
	r.stop()
	return nil
}

type chanReader[T any] struct {
	c    <-chan T
	done uint64
}

// Read waits for a first record and takes what else is there.
func (r *chanReader[T]) Read(ctx context.Context, into *connector.Batch[T]) error {
	room := into.Room()
	if room <= 0 {
		return nil
	}
	select {
	case v, ok := <-r.c:
		if !ok {
			return io.EOF
		}
		r.take(into, v)
	case <-ctx.Done():
		return ctx.Err()
	}
	for room--; room > 0; room-- {
		select {
		case v, ok := <-r.c:
			if !ok {
				return io.EOF
			}
			r.take(into, v)
		default:
			return nil
		}
	}
	return nil
}

func (r *chanReader[T]) take(into *connector.Batch[T], v T) {
	into.Values = append(into.Values, v)
	r.done++
}

func (r *chanReader[T]) Position() []byte { return connector.EncodePosition(r.done) }

func (r *chanReader[T]) Close() error { return nil }
