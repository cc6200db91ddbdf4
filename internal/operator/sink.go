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
	writer connector.Writer[T]
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
		s.writer = tapWriter[T]{s.env}
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
	s.env.Metrics.Out.Add(int64(len(b.Values)))
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
func (s *Sink[T]) Flush(ctx context.Context) error { return s.writer.Flush(ctx) }

// Close closes the writer.
func (s *Sink[T]) Close() error { return s.writer.Close() }

// tapWriter gives a test what a sink would have written.
type tapWriter[T any] struct{ env *flow.Env }

func (t tapWriter[T]) Write(_ context.Context, b *connector.Batch[T]) error {
	t.env.Tap.Records(t.env.Operator, "", t.env.Subtask, slices.Clone(b.Values))
	return nil
}

func (t tapWriter[T]) Flush(context.Context) error { return nil }

func (t tapWriter[T]) Close() error { return nil }
