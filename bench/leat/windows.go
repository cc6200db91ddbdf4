package main

import (
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/bench/kit"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/window"
)

// disorder is how late events may come, as all engines are told; none does.
const disorder = time.Second

// event is an event of the workloads with windows: a key and when it happened, in milliseconds.
type event struct {
	Key uint64
	At  int64
}

func (e event) key() uint64     { return e.Key }
func (e event) when() time.Time { return time.UnixMilli(e.At) }

// valued is an event with a number.
type valued struct {
	Key   uint64
	Value int64
	At    int64
}

func (e valued) key() uint64     { return e.Key }
func (e valued) when() time.Time { return time.UnixMilli(e.At) }

// source makes the workload's records by the batch; whoever makes the first measured event starts the clock.
func source[T any](b *bench, fill func(from, stride int64, into []T)) connector.Source[T] {
	o := gen.Options{Count: int64(b.workload.EventCount), Splits: b.workload.Parallelism}
	warm := int64(b.workload.WarmCount)
	return gen.Batches(o, func(from, stride int64, into []T) {
		if left := warm - from; left >= 0 && left < stride*int64(len(into)) && left%stride == 0 {
			fill(from, stride, into[:left/stride])
			b.measured.Store(true)
			b.meter.Start()
			from, into = warm, into[left/stride:]
		}
		fill(from, stride, into)
	})
}

// events are the workload's keys by event time.
func (b *bench) events(job *leat.Job) *leat.Keyed[uint64, event] {
	fill := func(from, stride int64, into []event) {
		for n := range into {
			i := uint64(from + int64(n)*stride)
			into[n] = event{b.gen.Key(i), b.gen.Time(i)}
		}
	}
	return job.From("gen", source(b, fill)).EventTime(event.when, disorder).KeyBy(event.key)
}

// stats are what W2 tells of a window.
type stats struct{ Sum, Count, Max int64 }

func (s *stats) add(e valued) { s.Sum += e.Value; s.Count++; s.Max = max(s.Max, e.Value) }
func (s *stats) merge(other stats) {
	s.Sum += other.Sum
	s.Count += other.Count
	s.Max = max(s.Max, other.Max)
}

// tumbling is W2: sum, count and maximum of each key's values in each 10 seconds.
func (b *bench) tumbling(job *leat.Job) {
	fill := func(from, stride int64, into []valued) {
		for n := range into {
			i := uint64(from + int64(n)*stride)
			into[n] = valued{b.gen.Key(i), kit.Value(i), b.gen.Time(i)}
		}
	}
	job.From("gen", source(b, fill)).
		EventTime(valued.when, disorder).
		KeyBy(valued.key).
		Window(window.Tumbling(10*time.Second)).
		Aggregate("stats", agg.Fold((*stats).add, (*stats).merge)).
		To("sum", counting(b, func(p leat.Pane[uint64, stats]) int64 { return p.Value.Sum + p.Value.Count + p.Value.Max }))
}

// counts is W3 and W4: each key's events in each window.
func (b *bench) counts(job *leat.Job, w window.Assigner) {
	b.events(job).
		Window(w).
		Aggregate("count", agg.Count).
		To("sum", counting(b, leat.PaneValue[uint64, int64]))
}
