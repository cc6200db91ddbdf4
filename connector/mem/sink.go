package mem

import (
	"context"
	"sync"

	"leat.dev/leat/connector"
)

// Into appends to a slice, at least once: after a failure the records since the last snapshot are appended again. The
// subtasks of one sink take turns, so their records mix. Read the slice when the job has ended, and give each sink its own.
func Into[T any](to *[]T) connector.Sink[T] {
	shared := &slice[T]{to: to}
	return func() connector.Output[T] {
		return output[T](func(_ context.Context, b *connector.Batch[T]) error {
			shared.append(b.Values)
			return nil
		})
	}
}

// slice is what the subtasks of a sink append to, also those of an attempt that is not quite over.
type slice[T any] struct {
	mu sync.Mutex // guards *to
	to *[]T
}

func (s *slice[T]) append(values []T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*s.to = append(*s.to, values...)
}

// Each calls f for each record, at least once: after a failure it is called again for the records since the last
// snapshot. The sink's subtasks call it at the same time. An error of f fails the attempt.
func Each[T any](f func(context.Context, T) error) connector.Sink[T] {
	return func() connector.Output[T] {
		return output[T](func(ctx context.Context, b *connector.Batch[T]) error {
			for _, v := range b.Values {
				if err := f(ctx, v); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// output is a sink whose writers share nothing of their own but a function that takes a batch.
type output[T any] func(ctx context.Context, b *connector.Batch[T]) error

func (output[T]) Guarantee() connector.Guarantee { return connector.AtLeastOnce }

func (o output[T]) Open(context.Context, connector.Subtask) (connector.Writer[T], error) {
	return writer[T](o), nil
}

type writer[T any] func(ctx context.Context, b *connector.Batch[T]) error

func (w writer[T]) Write(ctx context.Context, b *connector.Batch[T]) error { return w(ctx, b) }

func (writer[T]) Flush(context.Context) error { return nil }

func (writer[T]) Close() error { return nil }
