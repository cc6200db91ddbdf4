package leat

import (
	"errors"
	"fmt"
	"time"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/graph"
)

// Option is an option of one operator, given after its other arguments.
type Option struct{ apply func(*graph.Node) error }

// Parallelism sets the number of subtasks, from 1 to the job's maximum. The default is that of the operator before, or
// the job's parallelism where records are dealt out anew: behind KeyBy, Rebalance and Union. Another number than that of
// the operator before rebalances.
func Parallelism(n int) Option {
	return Option{func(node *graph.Node) error {
		if n < 1 {
			return fmt.Errorf("parallelism %d: it must be at least 1", n)
		}
		node.Parallelism = n
		return nil
	}}
}

// Named names an operator that needs no name, such as a Map. Names are unique within a job.
func Named(name string) Option {
	return Option{func(n *graph.Node) error {
		n.Name, n.Named = name, true
		return nil
	}}
}

// Was says what an operator was called in earlier versions of the job: it takes over what a snapshot has under one of these
// names, if the snapshot has nothing under its own: state, timers and windows, a source's positions, what a sink has prepared,
// and how far event time had come. A name that another operator has, now or before, is refused. It can be left out again
// once no snapshot is restored any more that has the old name. For states and timers of an operator see [state.Was].
func Was(names ...string) Option {
	return Option{func(n *graph.Node) error {
		if !n.Named {
			return errors.New("Was is an option of operators that have a name: see Named")
		}
		n.Was = append(n.Was, names...)
		return nil
	}}
}

// Unchained gives the operator a task of its own, so that it runs beside the one before it and not within it.
func Unchained() Option {
	return Option{func(n *graph.Node) error {
		n.Unchained = true
		return nil
	}}
}

// ExactlyOnce asks a sink to make each record visible once, whatever is killed and whenever. What was written becomes
// visible when a checkpoint is complete, so the job needs Checkpoint.Store. A sink that can't is refused when the job is
// planned.
func ExactlyOnce() Option {
	return Option{func(n *graph.Node) error {
		if n.Kind != graph.Sink {
			return errors.New("ExactlyOnce is an option of To")
		}
		n.ExactlyOnce = true
		return nil
	}}
}

// Rejects sends what can't be read or parsed to a side output, in place of failing the job. It is an option of From
// and of TryMap; the rejects are read with Side from the stream that those return.
func Rejects(to Output[Rejected]) Option {
	return Option{func(n *graph.Node) error {
		switch {
		case n.Kind != graph.Source && n.Kind != graph.TryMap:
			return errors.New("Rejects is an option of From and of TryMap")
		case to == "":
			return errors.New("Rejects needs the name of a side output")
		}
		n.Rejects = string(to)
		return nil
	}}
}

// Rejected is a piece of input that can't be read or parsed as a record: as it came, where it stands, and why.
type Rejected = connector.Rejected

// Watermark is a rare setting of [Stream.EventTime].
type Watermark struct{ apply func(*watermarks) }

type watermarks struct{ idleAfter time.Duration }

// IdleAfter leaves a split out of the watermark that has been silent for so long, in processing time, until it speaks
// again. Without it a silent split holds event time back for all.
func IdleAfter(d time.Duration) Watermark {
	return Watermark{func(w *watermarks) { w.idleAfter = d }}
}
