package main

import (
	"context"
	"sync"
	"sync/atomic"

	"leat.dev/leat"
	"leat.dev/leat/bench/kit"
	"leat.dev/leat/connector"
)

// bench is one run.
type bench struct {
	workload kit.Workload
	gen      *kit.Gen
	meter    kit.Meter
	out, sum atomic.Int64
	measured atomic.Bool // the warm-up is over
	ending   sync.Mutex  // of the meter
	ended    bool
	longest  atomic.Int64 // nanoseconds between two batches of a sink's subtask
	first    func()       // called with the first results; may be nil

	// resultCount is how many results there are at the end of input, after which checkpoints may be taken; 0 where only the end tells.
	resultCount int64
}

// keys is a source of the workload's keys.
func (b *bench) keys() connector.Source[uint64] {
	return source(b, func(from, stride int64, into []uint64) {
		for n := range into {
			into[n] = b.gen.Key(uint64(from + int64(n)*stride))
		}
	})
}

// count is a result of W1: a key and how often it has come.
type count struct {
	Key uint64
	N   int64
}

// runningCount is W1: a running count a key, a result an event, the count in state that checkpoints can have.
func (b *bench) runningCount(job *leat.Job) {
	job.From("gen", b.keys()).
		KeyBy(func(k uint64) uint64 { return k }).
		Process("count", func(op *leat.Operator[uint64, count]) func(uint64) error {
			n := op.Value[int64]("n")
			return func(k uint64) error {
				x := n.Get() + 1
				n.Set(x)
				op.Emit(count{k, x})
				return nil
			}
		}).
		To("sum", counting(b, func(c count) int64 { return c.N }))
}

// counting is a sink that counts records and adds up one number of each.
func counting[T any](b *bench, number func(T) int64) connector.Sink[T] {
	return func() connector.Output[T] { return output[T]{b, number} }
}

type output[T any] struct {
	bench  *bench
	number func(T) int64
}

func (output[T]) Guarantee() connector.Guarantee { return connector.AtLeastOnce }

func (o output[T]) Open(context.Context, connector.Subtask) (connector.Writer[T], error) {
	return &writer[T]{output: o}, nil
}

type writer[T any] struct {
	output[T]
	out, sum int64
	gaps     gaps
}

func (w *writer[T]) Write(_ context.Context, b *connector.Batch[T]) error {
	if w.bench.first != nil {
		w.bench.first()
	}
	if w.bench.measured.Load() {
		w.gaps.beat()
	}
	for _, v := range b.Values {
		w.sum += w.number(v)
	}
	w.out += int64(len(b.Values))
	return nil
}

func (w *writer[T]) Flush(context.Context) error {
	all := w.bench.out.Add(w.out)
	w.bench.sum.Add(w.sum)
	w.out, w.sum = 0, 0
	w.bench.flushed(all)
	return nil
}

func (w *writer[T]) Close() error {
	for longest := &w.bench.longest; ; {
		old := longest.Load()
		if longest.CompareAndSwap(old, max(old, int64(w.gaps.longest))) {
			return nil
		}
	}
}

// flushed stops the clock at the end of input, after so many results: that is where W1 has all of them, which a checkpoint may
// follow; otherwise the last flush of the last sink, as windows have checkpoints in no workload.
func (b *bench) flushed(results int64) {
	b.ending.Lock()
	defer b.ending.Unlock()
	if b.resultCount == 0 || results == b.resultCount && !b.ended {
		b.ended = true
		b.meter.Stop()
	}
}
