package operator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/flow"
)

// Sink writes records to the outside world.
type Sink[T any] struct {
	working[T]
	output connector.Output[T]
	writer connector.Writer[T] // nil while a test listens
	timed  bool
	out    connector.Batch[T]
	times  []time.Time
}

// NewSink makes a sink.
func NewSink[T any](env *flow.Env, o connector.Output[T]) *Sink[T] {
	return &Sink[T]{working: working[T]{env: env}, output: o}
}

// Open opens the writer; a test that listens takes the place of it.
func (s *Sink[T]) Open(ctx context.Context) error {
	if s.env.Tap != nil {
		return nil
	}
	w, err := s.output.Open(ctx, connector.Subtask{
		Job: s.env.Job, Operator: s.env.Operator, Index: s.env.Subtask, Count: s.env.Parallelism,
	})
	s.writer = w
	_, s.timed = w.(connector.Timed)
	return err
}

// Receive writes a batch.
func (s *Sink[T]) Receive(b *flow.Batch[T]) {
	s.begin(b, s)
	if s.env.Tap != nil {
		s.env.Tap.Records(s.env.Operator, "", s.env.Subtask, slices.Clone(b.Values), slices.Clone(b.Times))
	} else {
		s.write(b)
	}
	s.env.Metrics.Out.Add(int64(len(b.Values)))
}

func (s *Sink[T]) write(b *flow.Batch[T]) {
	s.out.Values, s.out.Max = b.Values, len(b.Values)
	if s.timed {
		s.times = s.times[:0]
		for _, at := range b.Times {
			s.times = append(s.times, Time(at))
		}
		s.out.Times = s.times
	}
	if err := s.writer.Write(s.env.Context, &s.out); err != nil {
		flow.Fail(err)
	}
	s.out.Values, s.out.Times = nil, nil
}

// Locate says that a batch is being written.
func (s *Sink[T]) Locate() (string, string) {
	return s.env.Operator, fmt.Sprintf("writing %d records", len(s.batch.Values))
}

// Watermark ends here.
func (s *Sink[T]) Watermark(at int64) { s.env.Metrics.Watermark.Store(at) }

// Idle ends here.
func (s *Sink[T]) Idle(bool) {}

// Flush makes durable what was written.
func (s *Sink[T]) Flush(ctx context.Context) error {
	if s.writer == nil {
		return nil
	}
	return s.writer.Flush(ctx)
}

// Close closes the writer.
func (s *Sink[T]) Close() error {
	if s.writer == nil {
		return nil
	}
	return s.writer.Close()
}
